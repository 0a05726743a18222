"""Answers that outlive their interaction: they go on in the channel, or as direct messages."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from answer_bot import body, ended, labels
from answer_scene import END, LATE_S, LONG, PICTURE, Scene, answer_scene
from answer_things import names_shown
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Channel, EmulatedUser
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.media.events import Made, MadeFile


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


async def test_a_late_answer_is_a_message_in_the_channel(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Early words")
    await asked.response()
    scene.emulator.knobs.interaction_clock_offset_s = LATE_S
    scene.script.say(" and late ones", LONG, END)
    await eventually(
        lambda: any("late ones" in post.text for post in scene.world.messages(scene.world.text.id))
    )
    message = scene.world.messages(scene.world.text.id)[-1]
    assert message.origin is None
    assert message.attachments[0].data.decode().startswith("Early words and late ones")
    assert "2 / " in " ".join(labels(await scene.press(message, "Next")))


async def test_an_answer_that_will_be_late_says_so_in_time(scene: Scene) -> None:
    await scene.restart(editable_s=1.5)
    asked = scene.describe()
    scene.script.say("Early words")
    message = await asked.response()
    await asyncio.sleep(1.5)
    scene.script.say(", late words")
    await asked.wait_for(lambda it: it.answer is not None and "comes as a new message" in it.answer.text)
    assert labels(message) == []
    scene.script.say(END)
    await eventually(lambda: "Early words, late words" in scene.world.messages(scene.world.text.id)[-1].text)


async def test_a_late_answer_to_a_closed_channel_is_a_direct_message(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Early words")
    await asked.response()
    scene.emulator.knobs.interaction_clock_offset_s = LATE_S
    scene.world.set_permissions(scene.world.text.id, scene.world.bot.id, deny=Permission.SEND_MESSAGES)
    direct = scene.world.open_dm(scene.ada.id)
    scene.script.say(" and late ones", END)
    await eventually(lambda: bool(scene.world.messages(direct.id)))
    assert body(scene.world.messages(direct.id)[0]) == "Early words and late ones"


async def begun(scene: Scene, who: EmulatedUser, channel: Channel) -> Interaction:
    """Have something described, and let the interaction end before the answer."""
    asked = scene.world.run_command(who.id, channel.id, "describe", {"image1": PICTURE})
    scene.script.say("Early words")
    await asked.response()
    scene.emulator.knobs.interaction_clock_offset_s = LATE_S
    return asked


async def test_late_where_the_bot_is_no_member_is_a_direct_message(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world = scene.world
    elsewhere = world.add_guild("Elsewhere", with_bot=False)
    eve = world.add_user("Eve", elsewhere)
    world.install(eve.id)
    asked = await begun(scene, eve, world.add_channel("chat", guild=elsewhere))
    direct = world.open_dm(eve.id)
    scene.script.say(", late words", END)
    await eventually(lambda: bool(world.messages(direct.id)))
    assert body(world.messages(direct.id)[0]) == "Early words, late words"
    assert asked.followups == [], "of those there are five"
    assert "closed to the bot" not in caplog.text, "it does not try where it can't be"


async def test_in_time_where_the_bot_is_no_member(scene: Scene) -> None:
    """A long answer is edited more often than follow-ups are allowed."""
    world = scene.world
    elsewhere = world.add_guild("Elsewhere", with_bot=False)
    eve = world.add_user("Eve", elsewhere)
    world.install(eve.id)
    channel = world.add_channel("chat", guild=elsewhere)
    asked = world.run_command(eve.id, channel.id, "describe", {"image1": PICTURE})
    for number in range(70):
        scene.script.say(f" {number}")
        await asyncio.sleep(0.1)
    scene.script.say(END)
    assert body(await ended(asked)).endswith("68 69")
    assert len([seen for seen in asked.history if seen.what == "edit"]) > 5
    assert asked.followups == []


async def test_late_in_a_direct_message(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.ada.id)
    await begun(scene, scene.ada, direct)
    scene.script.say(", late words", END)
    await eventually(lambda: len(scene.world.messages(direct.id)) == 2)
    assert body(scene.world.messages(direct.id)[1]) == "Early words, late words"


async def test_late_with_direct_messages_closed_is_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    world = scene.world
    await begun(scene, scene.ada, world.text)
    before = len(world.messages(world.text.id))
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.SEND_MESSAGES)
    world.close_dms(scene.ada.id)
    scene.script.say(", secret words", END)
    await eventually(lambda: "could not be shown" in caplog.text)
    assert "secret" not in caplog.text
    assert world.messages(world.open_dm(scene.ada.id).id) == []
    assert len(world.messages(world.text.id)) == before
    assert not [entry for entry in caplog.records if entry.levelno >= logging.ERROR]


async def test_late_in_a_channel_that_is_gone(scene: Scene) -> None:
    channel = scene.world.add_channel("short-lived")
    await begun(scene, scene.ada, channel)
    scene.world.delete_channel(channel.id)
    direct = scene.world.open_dm(scene.ada.id)
    scene.script.say(", late words", END)
    await eventually(lambda: bool(scene.world.messages(direct.id)))
    assert body(scene.world.messages(direct.id)[0]) == "Early words, late words"


async def test_files_are_measured_where_they_go_in_the_end(scene: Scene) -> None:
    """A boosted server takes more than a direct message."""
    world = scene.world
    world.boost(world.guild, 2)
    file = MadeFile("film.bin", bytes(11 << 20), "A film")
    await begun(scene, scene.ada, world.text)
    scene.script.say(Made((file,)), END)
    await eventually(lambda: names_shown(world.messages(world.text.id)[-1]) == ["film.bin"], 60)
    scene.emulator.knobs.interaction_clock_offset_s = 0
    await begun(scene, scene.ada, world.text)
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.SEND_MESSAGES)
    direct = world.open_dm(scene.ada.id)
    scene.script.say(Made((file,)), END)
    await eventually(lambda: bool(world.messages(direct.id)))
    (message,) = world.messages(direct.id)
    assert message.attachments == []
    assert "film.bin is left out: Discord takes no file over 10 MB here." in message.text
