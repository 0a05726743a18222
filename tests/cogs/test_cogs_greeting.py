"""The greeting of a server that the bot was just added to, and its button."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from config_bot import Scene, config_scene
from loopback import eventually

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import Channel, ChannelType, Guild, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from cogs.greeting import JOIN_ID


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator, tmp_path: Path) -> AsyncIterator[Scene]:
    async with config_scene(discord_emulator, tmp_path) as scene:
        yield scene


def new_guild(scene: Scene, *names: str) -> tuple[Guild, list[Channel]]:
    """Make a guild that the bot is not in yet, with a voice channel and text channels."""
    guild = scene.world.add_guild("Elsewhere", with_bot=False)
    scene.world.add_channel("Voice", ChannelType.VOICE, guild=guild)
    return guild, [scene.world.add_channel(name, guild=guild) for name in names]


async def greeting(scene: Scene, channel: Channel) -> Message:
    await eventually(lambda: bool(scene.world.messages(channel.id)))
    (message,) = scene.world.messages(channel.id)
    return message


async def test_three_lines_and_a_button_in_the_first_channel(scene: Scene) -> None:
    guild, (first, second) = new_guild(scene, "rules", "chat")
    scene.world.invite_bot(guild)
    message = await greeting(scene, first)
    assert len(message.text.splitlines()) == 3
    assert "an AI" in message.text
    for command in ("/ask", "/config", "/privacy show"):
        assert command in message.text
    assert scene.world.messages(second.id) == []
    assert scene.world.messages(scene.world.text.id) == [], "who knows the bot is not greeted"


async def test_the_system_channel_comes_first(scene: Scene) -> None:
    guild, (_, second) = new_guild(scene, "rules", "chat")
    guild.system_channel_id = second.id
    scene.world.invite_bot(guild)
    await greeting(scene, second)


async def test_where_the_bot_may_not_write_it_does_not(scene: Scene) -> None:
    guild, (first, second, *others, last) = new_guild(scene, "rules", "hidden", "a", "b", "c", "chat")
    guild.system_channel_id = first.id
    for closed in (first, *others):
        scene.world.set_permissions(closed.id, guild.id, deny=Permission.SEND_MESSAGES)
    scene.world.set_permissions(second.id, guild.id, deny=Permission.VIEW_CHANNEL)
    scene.world.invite_bot(guild)
    await greeting(scene, last)
    assert all(scene.world.messages(closed.id) == [] for closed in (first, second, *others))


async def test_a_channel_that_fails_is_passed_by(scene: Scene) -> None:
    guild, (first, second) = new_guild(scene, "rules", "chat")
    scene.emulator.knobs.rest_faults.append(RestFault("POST", f"/channels/{first.id}/messages", 403))
    scene.world.invite_bot(guild)
    await greeting(scene, second)


async def test_nowhere_to_write_is_survived(scene: Scene) -> None:
    guild, (first,) = new_guild(scene, "rules")
    scene.world.set_permissions(first.id, guild.id, deny=Permission.SEND_MESSAGES)
    scene.world.invite_bot(guild)
    other, (chat,) = new_guild(scene, "chat")
    scene.world.invite_bot(other)
    await greeting(scene, chat)
    assert scene.world.messages(first.id) == []


async def test_the_button_joins_for_who_presses_it_also_after_a_restart(scene: Scene) -> None:
    guild, (first,) = new_guild(scene, "chat")
    scene.world.invite_bot(guild)
    message = await greeting(scene, first)
    person = scene.world.add_user("Bob", guild)
    await scene.start()
    answer = await scene.world.click(person.id, message.id, JOIN_ID)
    assert answer.text.startswith("Join a voice channel first"), "what /join says"
    assert answer.ephemeral
    scene.hall.calls.add(guild.id)
    assert (await scene.world.click(person.id, message.id, JOIN_ID)).text == "I am there."
    assert scene.hall.joined == [person.id]
    assert len(scene.world.messages(first.id)) == 2, "the greeting once, and the answer"
