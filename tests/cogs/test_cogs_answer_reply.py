"""Answers in reply to messages: they grow there, and as direct messages where the channel is closed."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import discord
import pytest
from answer_bot import body, button, ended, labels
from answer_scene import ACTS, END, LONG, PICTURE, Scene, answer_scene
from answer_things import gallery, names_shown, png
from loopback import eventually

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import Channel, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, Progress
from cogs.answer import answer_id_of

MADE = Made((MadeFile("a.png", png("red"), "A red square"), MadeFile("boxes.json", b"[]", "The boxes")))


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


def ask(scene: Scene, text: str = "What is it?", channel: Channel | None = None) -> Message:
    """Write a message that the bot answers."""
    where = channel or scene.world.text
    return scene.world.post(scene.ada.id, where.id, f"<@{scene.world.bot.id}> {text}")


def replies(scene: Scene, question: Message) -> list[Message]:
    return [each for each in scene.world.messages(question.channel_id) if each.reply_to is question]


async def growing(scene: Scene, question: Message) -> Message:
    """Return the reply once there is one."""
    await eventually(lambda: bool(replies(scene, question)))
    (reply,) = replies(scene, question)
    return reply


async def complete(scene: Scene, question: Message) -> Message:
    """Return the reply when the answer has ended."""
    reply = await growing(scene, question)
    await eventually(lambda: "Again" in labels(reply))
    return reply


async def seen_by_bot(scene: Scene, message: Message) -> discord.Message:
    channel = scene.bot.get_partial_messageable(message.channel_id)
    return await channel.fetch_message(message.id)


async def test_a_reply_grows_and_ends_with_its_files(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say(Progress("Looking", None), "A ")
    reply = await growing(scene, question)
    assert labels(reply) == ["Cancel"]
    assert body(reply) == "A"
    assert reply.mentions == [], "who asked is not pinged"
    scene.script.say("cat.", MADE, END)
    await complete(scene, question)
    assert body(reply) == "A cat."
    assert labels(reply) == ACTS
    assert [file.data for file in reply.attachments] == [png("red"), b"[]"]
    assert [item["description"] for item in gallery(reply)] == ["A red square"]
    assert names_shown(reply) == ["boxes.json"]
    assert reply.mentions == []
    assert reply.author is scene.world.bot


async def test_a_reply_is_edited_at_most_once_a_second(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discord itself allows 5 edits in 5 s in a channel."""
    times: list[float] = []
    edit = scene.world.posts.edit

    def counted(*args: Any) -> Message:
        times.append(asyncio.get_running_loop().time())
        return edit(*args)

    monkeypatch.setattr(scene.world.posts, "edit", counted)
    question = ask(scene)
    for number in range(40):
        scene.script.say(f" {number}")
        await asyncio.sleep(0.1)
    scene.script.say(END)
    reply = await complete(scene, question)
    assert body(reply).endswith("38 39")
    assert 3 <= len(times) <= 6
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.9


async def test_errors_are_said_in_the_reply(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say(MediaError("cat.png is damaged: post another copy of it."))
    reply = await complete(scene, question)
    assert reply.text == "cat.png is damaged: post another copy of it."
    assert labels(reply) == ["Again"]


async def test_the_buttons_of_a_reply(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say("Some words")
    reply = await growing(scene, question)
    refused = await scene.press(reply, "Cancel", scene.bob)
    assert refused.text.startswith("Only who asked can stop this answer, or")
    await scene.press(reply, "Cancel").acknowledged()
    await complete(scene, question)
    assert reply.text.endswith("-# Stopped.")
    pressed = scene.press(reply, "Shorter")
    scene.script.say("Words", END)
    assert body(await ended(pressed)) == "Words"


async def test_pages_of_a_reply_turn_with_its_files(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say(LONG, MADE, END)
    reply = await complete(scene, question)
    for page in ("2 / 4", "3 / 4"):
        await scene.press(reply, "Next")
        assert page in labels(reply)
        assert [file.filename for file in reply.attachments] == ["a.png", "boxes.json", "answer.md"]
        assert gallery(reply)[0]["media"]["attachment_id"] == str(reply.attachments[0].id)
        assert names_shown(reply) == ["boxes.json", "answer.md"]
        await scene.restart()
    theirs = await scene.press(reply, "Next", scene.bob)
    assert theirs.ephemeral, "bob did not write the question"
    assert "3 / 4" in labels(reply)


async def test_the_id_of_an_answer_is_found_in_its_message(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say("Some words")
    reply = await growing(scene, question)
    answer_id = scene.script.requests[0].id
    assert answer_id
    assert answer_id_of(await seen_by_bot(scene, reply)) == answer_id
    scene.script.say(LONG, END)
    await complete(scene, question)
    assert answer_id_of(await seen_by_bot(scene, reply)) == answer_id
    again = scene.press(reply, "Again")
    scene.script.say(MediaError("No."))
    assert (
        answer_id_of(await seen_by_bot(scene, await ended(again))) == scene.script.requests[1].id != answer_id
    )
    assert answer_id_of(await seen_by_bot(scene, question)) is None


@pytest.mark.parametrize("begun", [False, True])
async def test_a_channel_that_is_closed(scene: Scene, begun: bool) -> None:
    """From the beginning, or while the answer grows: the rest is a direct message, which grows."""
    world = scene.world
    direct = world.open_dm(scene.ada.id)
    question = ask(scene)
    if begun:
        scene.script.say("Some words")
        await growing(scene, question)
        scene.script.say(", more")
    else:
        scene.script.say("Some words, more")
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.VIEW_CHANNEL)
    await eventually(lambda: bool(world.messages(direct.id)))
    (message,) = world.messages(direct.id)
    assert labels(message) == ["Cancel"]
    scene.script.say(", all", MADE, END)
    await eventually(lambda: "Again" in labels(message))
    assert body(message) == "Some words, more, all"
    assert len(message.attachments) == 2
    assert world.messages(direct.id) == [message]


async def test_a_channel_that_is_deleted(scene: Scene) -> None:
    channel = scene.world.add_channel("short-lived")
    question = ask(scene, channel=channel)
    scene.script.say("Some words")
    await growing(scene, question)
    scene.world.delete_channel(channel.id)
    direct = scene.world.open_dm(scene.ada.id)
    scene.script.say(", all", END)
    await eventually(lambda: bool(scene.world.messages(direct.id)))
    await eventually(lambda: "Again" in labels(scene.world.messages(direct.id)[0]))
    assert body(scene.world.messages(direct.id)[0]) == "Some words, all"


async def test_nowhere_to_answer_is_logged_and_ends_the_work(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.world.close_dms(scene.ada.id)
    question = ask(scene)
    scene.world.set_permissions(scene.world.text.id, scene.world.bot.id, deny=Permission.SEND_MESSAGES)
    scene.script.say("Some secret words")
    await eventually(lambda: "could not be shown" in caplog.text)
    await eventually(lambda: scene.script.running == 0)
    assert "secret" not in caplog.text
    assert replies(scene, question) == []


async def test_a_deleted_question_is_answered_all_the_same(scene: Scene) -> None:
    question = ask(scene)
    await eventually(lambda: scene.script.running == 1)
    scene.world.delete_post(question.id)
    scene.script.say("A cat.", END)
    await eventually(lambda: bool(scene.answers()))
    assert body(scene.answers()[0]) == "A cat."


async def test_a_deleted_answer_ends_the_work(scene: Scene) -> None:
    question = ask(scene)
    scene.script.say("Some words")
    scene.world.delete_post((await growing(scene, question)).id)
    scene.script.say(" and more")
    await eventually(lambda: scene.script.running == 0)
    assert scene.world.messages(scene.world.open_dm(scene.ada.id).id) == []


async def test_where_files_are_not_allowed(scene: Scene) -> None:
    world = scene.world
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.ATTACH_FILES)
    question = ask(scene)
    scene.script.say(LONG, MADE, END)
    reply = await complete(scene, question)
    assert reply.attachments == []
    assert "-# I may not attach files here: give me the permission Attach Files, and ask again." in reply.text
    second = await scene.press(reply, "Next")
    assert "2 / 4" in labels(second)


async def test_files_are_as_large_as_the_server_takes_them(scene: Scene) -> None:
    file = MadeFile("film.bin", bytes(11 << 20), "A film")
    question = ask(scene)
    scene.script.say("Words", Made((file,)), END)
    reply = await complete(scene, question)
    assert "film.bin is left out: Discord takes no file over 10 MB here." in reply.text
    scene.world.boost(scene.world.guild, 2)
    question = ask(scene)
    scene.script.say("Words", Made((file,)), END)
    assert names_shown(await complete(scene, question)) == ["film.bin"]


async def test_discord_away_for_a_moment(scene: Scene) -> None:
    """discord.py does not try again after a 503."""
    scene.emulator.knobs.rest_faults.append(RestFault("POST", "/messages$", 503))
    question = ask(scene)
    scene.script.say("Some words")
    reply = await growing(scene, question)
    scene.emulator.knobs.rest_faults.append(RestFault("PATCH", f"/messages/{reply.id}", 503, times=2))
    scene.script.say(" and more", END)
    await complete(scene, question)
    assert body(reply) == "Some words and more"
    assert scene.answers() == [reply]


async def test_discord_stays_away(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    question = ask(scene)
    scene.script.say("Some words")
    reply = await growing(scene, question)
    fault = RestFault("PATCH", f"/messages/{reply.id}", 503, times=100)
    scene.emulator.knobs.rest_faults.append(fault)
    scene.script.say(" and more")
    await eventually(lambda: scene.script.running == 0)
    assert "could not be shown: 503" in caplog.text
    assert fault.times == 95


async def test_in_direct_messages(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.ada.id)
    question = ask(scene, channel=direct)
    scene.script.say("A cat.", MADE, END)
    reply = await complete(scene, question)
    assert body(reply) == "A cat."
    assert len(reply.attachments) == 2
    assert button(reply, "Again")
    assert PICTURE.filename not in reply.text


async def test_in_a_thread(scene: Scene) -> None:
    thread = scene.world.add_thread(scene.world.text.id, "cats", scene.ada.id)
    question = ask(scene, channel=thread)
    scene.script.say("A cat.", MADE, END)
    reply = await complete(scene, question)
    assert body(reply) == "A cat."
    assert len(reply.attachments) == 2
