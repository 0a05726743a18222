"""A real discord.py bot lives in the emulated Discord: commands and components of every kind, messages."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
from discord.ext import commands
from loopback_bot import PATIENCE_S, make_bot, running, until

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import InteractionFailedError, State
from bot.emulators.discord.model import EmulatedUser, MessageFlag, Upload
from bot.emulators.discord.permissions import EVERYONE, Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        await bot.tree.sync()
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


@pytest.fixture
def ann(world: World) -> EmulatedUser:
    return world.add_user("ann")


async def test_a_bot_logs_in_and_sees_the_guild(bot: commands.Bot, world: World) -> None:
    guild = bot.guilds[0]
    assert guild.name == "Earshot Lab"
    assert guild.me.id == world.bot.id
    assert [channel.name for channel in guild.voice_channels] == ["Lounge", "Workshop", "Attic"]
    assert [channel.name for channel in guild.stage_channels] == ["Stage"]
    assert guild.voice_channels[0].permissions_for(guild.me).speak
    assert not guild.voice_channels[0].permissions_for(guild.me).move_members
    info = await bot.application_info()
    assert info.id == world.bot.id


async def test_commands_keep_their_ids_when_synced_again(bot: commands.Bot, world: World) -> None:
    before = {command.name: command.id for command in await bot.tree.fetch_commands()}
    again = {command.name: command.id for command in await bot.tree.sync()}
    assert again == before
    bot.tree.copy_global_to(guild=discord.Object(world.guild.id))
    local = await bot.tree.sync(guild=discord.Object(world.guild.id))
    assert {command.name for command in local} == set(before)


async def test_slash_command_answers_at_once(world: World, ann: EmulatedUser) -> None:
    message = await world.run_command(ann.id, world.text.id, "ping")
    assert (message.content, message.ephemeral) == ("pong", False)
    assert message.origin is not None
    assert message.origin.user is ann
    assert message in world.messages(world.text.id)


@pytest.mark.parametrize("private", [False, True])
async def test_a_deferred_answer_is_streamed_by_edits(world: World, ann: EmulatedUser, private: bool) -> None:
    interaction = world.run_command(ann.id, world.text.id, "later", {"private": private})
    assert await interaction.acknowledged() is State.DEFERRED
    await interaction.wait_for(lambda it: bool(it.followups))
    seen = [(event.what, event.message.content) for event in interaction.history if event.message]
    assert seen == [("deferred", ""), ("edit", "one"), ("edit", "two"), ("followup", "three")]
    assert interaction.followups[0].attachments[0].data == b"notes"
    assert interaction.original is not None
    assert interaction.original.ephemeral is private
    assert (interaction.original in world.messages(world.text.id)) is not private


async def test_options_arrive_with_user_and_file(world: World, ann: EmulatedUser) -> None:
    options = {"count": 3, "who": ann.id, "file": Upload("a.txt", b"hey")}
    message = await world.run_command(ann.id, world.text.id, "given", options)
    assert message.content == "3 Ann hey"


@pytest.mark.parametrize(
    "options",
    [{"count": 9, "who": 1}, {"count": "3", "who": 1}, {"count": 3}, {"count": 3, "who": 1, "why": 1}],
)
async def test_options_that_a_client_would_not_send(
    world: World, ann: EmulatedUser, options: dict[str, object]
) -> None:
    with pytest.raises(ActError):
        world.run_command(ann.id, world.text.id, "given", options)


async def test_subcommand_and_autocompletion(world: World, ann: EmulatedUser) -> None:
    assert (
        await world.run_command(ann.id, world.text.id, "set voice", {"name": "Kore"})
    ).content == "voice Kore"
    asked = world.autocomplete(ann.id, world.text.id, "given", {"count": 3}, focused="count")
    assert await asked.offered() == [{"name": "four", "value": 4}]


async def test_context_menus(world: World, ann: EmulatedUser) -> None:
    """A right click shows the message's text to a bot that has no Message Content intent."""
    post = world.post(ann.id, world.text.id, "quiet")
    assert (await world.run_on_message(ann.id, post.id, "Shout")).content == "QUIET"
    greeting = await world.run_on_user(ann.id, world.text.id, ann.id, "Greet")
    assert (greeting.content, greeting.ephemeral) == ("hello ann", True)


async def test_button_select_and_modal(world: World, ann: EmulatedUser) -> None:
    message = await world.run_command(ann.id, world.text.id, "buttons")
    assert (await world.select(ann.id, message.id, "pick", ["B"])).content == "picked ['B']"
    opening = world.click(ann.id, message.id, "write")
    assert (await opening.opened_modal())["title"] == "Tell more"
    with pytest.raises(InteractionFailedError):
        await opening.response()
    files = [Upload("x.bin", b"123"), Upload("y.bin", b"12")]
    answer = await world.submit_modal(opening, {"words": "hi", "files": files})
    assert (answer.content, answer.ephemeral) == ("hi [3, 2]", True)
    pressed = await world.click(ann.id, message.id, "press")
    assert pressed is message
    assert (pressed.content, pressed.components) == ("pressed", [])


async def test_people_can_only_use_what_they_see(world: World, ann: EmulatedUser) -> None:
    message = await world.run_command(ann.id, world.text.id, "buttons")
    with pytest.raises(ActError, match="offers only"):
        world.select(ann.id, message.id, "pick", ["C"])
    with pytest.raises(ActError, match="no component"):
        world.click(ann.id, message.id, "other")
    hidden = await world.run_on_user(ann.id, world.text.id, ann.id, "Greet")
    with pytest.raises(ActError, match="can't see"):
        world.click(world.add_user("ben").id, hidden.id, "press")
    world.set_permissions(world.text.id, ann.id, deny=Permission.USE_APPLICATION_COMMANDS)
    with pytest.raises(ActError, match="may not use commands"):
        world.run_command(ann.id, world.text.id, "ping")


async def test_components_v2_with_a_file(world: World, ann: EmulatedUser) -> None:
    message = await world.run_command(ann.id, world.text.id, "panel")
    assert message.text == "hello"
    assert message.flags & MessageFlag.COMPONENTS_V2
    file = message.components[0]["components"][-1]
    assert (file["name"], file["size"]) == ("notes.txt", 5)
    assert file["file"]["url"].startswith("https://cdn.discordapp.com/")


async def test_messages_with_attachments_through_rest(bot: commands.Bot, world: World) -> None:
    channel = bot.get_channel(world.text.id)
    assert isinstance(channel, discord.TextChannel)
    picture = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (7).to_bytes(4, "big") + (5).to_bytes(4, "big")
    files = [
        discord.File(io.BytesIO(picture), "a.png", description="a dot"),
        discord.File(io.BytesIO(b"words"), "b.txt"),
    ]
    sent = await channel.send("two files", files=files)
    fetched = await channel.fetch_message(sent.id)
    assert [await attachment.read() for attachment in fetched.attachments] == [picture, b"words"]
    first = fetched.attachments[0]
    assert (first.width, first.height, first.content_type, first.description) == (7, 5, "image/png", "a dot")
    edited = await sent.edit(content="one file", attachments=[sent.attachments[1]])
    assert [attachment.filename for attachment in edited.attachments] == ["b.txt"]
    reply = await sent.reply("indeed")
    assert reply.reference is not None
    assert reply.reference.message_id == sent.id
    await sent.add_reaction("\N{THUMBS UP SIGN}")
    assert world.posts.by_id(sent.id).reactions == {"\N{THUMBS UP SIGN}": {world.bot.id}}
    await sent.remove_reaction("\N{THUMBS UP SIGN}", bot.guilds[0].me)
    assert [message.content async for message in channel.history(limit=5)] == ["indeed", "one file"]
    async with channel.typing():
        await sent.delete()
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(sent.id)


async def test_member_and_channel_edits(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    guild = bot.guilds[0]
    await guild.me.edit(nick="Earshot (listening)")
    assert world.guild.members[world.bot.id].nick == "Earshot (listening)"
    member = await guild.fetch_member(ann.id)
    assert member.name == "ann"
    lounge = guild.voice_channels[0]
    with pytest.raises(discord.Forbidden):
        await lounge.edit(status="from outside")
    world.join_voice(world.bot.id, lounge.id)
    await lounge.edit(status="in a call")
    assert world.voice_channels[0].status == "in a call"
    with pytest.raises(discord.Forbidden):
        await lounge.edit(name="Renamed")
    with pytest.raises(discord.Forbidden):
        await member.edit(nick="no")


async def test_permissions_hide_and_forbid(bot: commands.Bot, world: World) -> None:
    channel = bot.get_partial_messageable(world.text.id)
    world.set_permissions(world.text.id, world.guild.id, deny=Permission.SEND_MESSAGES)
    with pytest.raises(discord.Forbidden, match="50013"):
        await channel.send("no")
    world.set_permissions(world.text.id, world.guild.id, deny=Permission.VIEW_CHANNEL)
    with pytest.raises(discord.Forbidden, match="50001"):
        await channel.send("no")
    world.set_permissions(world.text.id, world.bot.id, allow=Permission.VIEW_CHANNEL)
    world.set_permissions(world.text.id, world.guild.id)
    assert (await channel.send("yes")).content == "yes"


async def test_roles_and_peoples_edits_reach_the_bot(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    guild = bot.guilds[0]
    world.places.set_role_permissions(world.guild, world.guild.id, Permission.VIEW_CHANNEL)
    await until(lambda: not guild.default_role.permissions.send_messages)
    with pytest.raises(ActError, match="may not write"):
        world.post(ann.id, world.text.id, "x")
    world.places.set_role_permissions(world.guild, world.guild.id, EVERYONE)
    with pytest.raises(ActError, match="2000 or fewer"):
        world.post(ann.id, world.text.id, "x" * 2001)
    edited = asyncio.ensure_future(bot.wait_for("raw_message_edit", timeout=PATIENCE_S))
    deleted = asyncio.ensure_future(bot.wait_for("raw_message_delete", timeout=PATIENCE_S))
    await asyncio.sleep(0)
    post = world.post(ann.id, world.text.id, "one")
    world.edit_post(post.id, f"<@{world.bot.id}> two")
    assert (await edited).message.content.endswith("two")
    world.delete_post(post.id)
    assert (await deleted).message_id == post.id


async def test_another_guild_and_channels_come_and_go(bot: commands.Bot, world: World) -> None:
    other = world.add_guild("Elsewhere")
    channel = world.add_channel("attic", guild=other)
    await until(lambda: bot.get_channel(channel.id) is not None)
    world.delete_channel(channel.id)
    await until(lambda: bot.get_channel(channel.id) is None)
    assert {guild.name for guild in bot.guilds} == {"Earshot Lab", "Elsewhere"}


async def test_direct_messages(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    user = await bot.fetch_user(ann.id)
    sent = await user.send("psst")
    assert [message.content for message in world.messages(world.open_dm(ann.id).id)] == ["psst"]
    assert isinstance(sent.channel, discord.DMChannel)


async def test_voice_messages(bot: commands.Bot, world: World) -> None:
    """A voice message is one audio file with waveform and duration, and nothing else."""

    class Voice(discord.File):
        def to_dict(self, index: int) -> dict[str, object]:
            return super().to_dict(index) | {"waveform": "AAAA", "duration_secs": 1.5}

    channel = bot.get_channel(world.text.id)
    assert isinstance(channel, discord.TextChannel)
    file = Voice(io.BytesIO(b"OggS"), "voice-message.ogg")
    flags = discord.MessageFlags(voice=True)
    parameters = discord.http.handle_message_parameters(file=file, flags=flags)
    data = await bot.http.send_message(channel.id, params=parameters)
    message = await channel.fetch_message(int(data["id"]))
    assert message.attachments[0].is_voice_message()
    with pytest.raises(discord.HTTPException, match="50160"):
        file = Voice(io.BytesIO(b"OggS"), "voice-message.ogg")
        parameters = discord.http.handle_message_parameters("words", file=file, flags=flags)
        await bot.http.send_message(channel.id, params=parameters)


async def test_the_openapi_was_really_asked(
    openapi: Path, bot: commands.Bot, discord_emulator: DiscordEmulator
) -> None:
    assert discord_emulator.openapi_checked >= 2  # login and command sync at least
