"""What a call meets in the emulated Discord besides sound: mutes, private threads, and a bot that died."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import discord
import pytest
from discord.ext import commands
from loopback_bot import PATIENCE_S, make_bot, running, until

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.model import Channel, ChannelType, EmulatedUser, Json
from bot.emulators.discord.permissions import BOT, EVERYONE, Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


@pytest.fixture
def ann(world: World) -> EmulatedUser:
    return world.add_user("ann")


# In voice.


async def test_a_muted_bot_is_told_so_and_may_not_speak(bot: commands.Bot, world: World) -> None:
    guild, lounge = bot.guilds[0], world.voice_channels[0]
    with pytest.raises(ActError, match="not in voice"):
        world.server_mute(world.bot.id)
    await guild.change_voice_state(channel=guild.voice_channels[0])
    await until(lambda: guild.me.voice is not None)
    world.server_mute(world.bot.id)
    world.server_deafen(world.bot.id)
    await until(lambda: guild.me.voice is not None and guild.me.voice.mute and guild.me.voice.deaf)
    assert not world.voices.may_speak(world.bot.id, world.guild.id)
    world.move(world.bot.id, world.voice_channels[1].id)
    await until(lambda: guild.me.voice is not None and guild.me.voice.channel != lounge)
    assert guild.me.voice is not None
    assert guild.me.voice.mute  # it stays with the member
    world.server_mute(world.bot.id, muted=False)
    await until(lambda: guild.me.voice is not None and not guild.me.voice.mute)
    assert guild.me.voice.deaf
    assert world.voices.may_speak(world.bot.id, world.guild.id)


async def test_a_bot_mutes_members_who_are_in_voice(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    role = world.guild.members[world.bot.id].role_ids[0]
    world.places.set_role_permissions(world.guild, role, BOT | Permission.MUTE_MEMBERS)
    member = await bot.guilds[0].fetch_member(ann.id)
    with pytest.raises(discord.HTTPException, match="40032"):
        await member.edit(mute=True)
    world.join_voice(ann.id, world.voice_channels[0].id)
    told = asyncio.create_task(bot.wait_for("voice_state_update", check=lambda m, b, a: a.mute))
    await asyncio.sleep(0)
    await member.edit(mute=True)
    async with asyncio.timeout(PATIENCE_S):
        await told
    assert world.guild.members[ann.id].mute


def _status(world: World) -> str | None:
    return world.voice_channels[0].status


async def test_the_status_of_a_voice_channel_needs_a_permission(bot: commands.Bot, world: World) -> None:
    guild, lounge = bot.guilds[0], world.voice_channels[0]
    told: list[Json] = []
    world.bus.subscribe(lambda event: told.append(event.data) if "CHANNEL_STATUS" in event.name else None)
    channel = guild.voice_channels[0]
    await guild.change_voice_state(channel=channel)
    await until(lambda: guild.me.voice is not None)
    await channel.edit(status="listening")
    assert _status(world) == "listening"
    world.set_permissions(lounge.id, world.bot.id, deny=Permission.SET_VOICE_CHANNEL_STATUS)
    with pytest.raises(discord.Forbidden, match="50013"):
        await channel.edit(status="more")
    assert _status(world) == "listening"
    world.set_permissions(lounge.id, world.bot.id)
    await channel.edit(status=None)
    assert _status(world) is None
    assert [data["status"] for data in told] == ["listening", None]


async def test_a_nickname_of_its_own_needs_a_permission(bot: commands.Bot, world: World) -> None:
    me = bot.guilds[0].me
    updated = asyncio.create_task(bot.wait_for("member_update", check=lambda before, after: after.nick))
    await asyncio.sleep(0)
    await me.edit(nick="Ear")
    async with asyncio.timeout(PATIENCE_S):
        assert (await updated)[1].nick == "Ear"
    without = ~Permission.CHANGE_NICKNAME
    for role in (world.guild.id, world.guild.members[world.bot.id].role_ids[0]):
        world.places.set_role_permissions(world.guild, role, EVERYONE & without)
    with pytest.raises(discord.Forbidden, match="50013"):
        await me.edit(nick="Eye")
    assert world.guild.members[world.bot.id].nick == "Ear"


# Private threads.


@pytest.fixture
def secret(world: World, ann: EmulatedUser) -> Channel:
    return world.add_thread(world.text.id, "secret", ann.id, private=True)


async def test_a_private_thread_is_hidden_from_who_is_not_in_it(
    bot: commands.Bot, world: World, ann: EmulatedUser, secret: Channel
) -> None:
    assert secret.type is ChannelType.PRIVATE_THREAD
    message = world.post(ann.id, secret.id, f"<@{world.bot.id}> hello")
    seen = world.add_thread(world.text.id, "open", ann.id)
    await until(lambda: bot.get_channel(seen.id) is not None)
    assert bot.get_channel(secret.id) is None
    with pytest.raises(discord.Forbidden, match="50001"):
        await bot.fetch_channel(secret.id)
    with pytest.raises(discord.Forbidden, match="50001"):
        await bot.get_partial_messageable(secret.id).fetch_message(message.id)
    with pytest.raises(ActError, match="may not write"):
        world.post(world.add_user("ben").id, secret.id, "let me in")
    shown = world.guild_create(world.guild, 0)["threads"]
    assert [thread["id"] for thread in shown] == [str(seen.id)]


async def test_a_bot_that_is_added_to_a_private_thread_reads_and_writes_there(
    bot: commands.Bot, world: World, ann: EmulatedUser, secret: Channel
) -> None:
    message = world.post(ann.id, secret.id, f"<@{world.bot.id}> hello")
    world.add_to_thread(secret.id, world.bot.id)
    await until(lambda: isinstance(bot.get_channel(secret.id), discord.Thread))
    thread = bot.get_channel(secret.id)
    assert isinstance(thread, discord.Thread)
    await until(lambda: thread.me is not None)
    assert thread.is_private()
    assert (await thread.fetch_message(message.id)).content.endswith("hello")
    await thread.send("here")
    assert [post.content for post in world.messages(secret.id)][1:] == ["here"]
    assert (await thread.fetch_member(ann.id)).id == ann.id
    ben = world.add_user("ben")
    with pytest.raises(discord.NotFound):
        await thread.fetch_member(ben.id)
    world.add_to_thread(secret.id, ben.id)
    assert (await thread.fetch_member(ben.id)).id == ben.id
    removed = asyncio.create_task(bot.wait_for("thread_remove"))
    await asyncio.sleep(0)
    world.remove_from_thread(secret.id, world.bot.id)
    async with asyncio.timeout(PATIENCE_S):
        assert (await removed).id == secret.id
    with pytest.raises(discord.Forbidden, match="50001"):
        await thread.send("still here?")


async def test_who_manages_threads_sees_private_ones(
    bot: commands.Bot, world: World, secret: Channel
) -> None:
    role = world.guild.members[world.bot.id].role_ids[0]
    world.places.set_role_permissions(world.guild, role, BOT | Permission.MANAGE_THREADS)
    assert (await bot.fetch_channel(secret.id)).id == secret.id


async def test_threads_that_are_deleted(
    bot: commands.Bot, world: World, ann: EmulatedUser, secret: Channel
) -> None:
    seen = world.add_thread(world.text.id, "open", ann.id)
    await until(lambda: bot.get_channel(seen.id) is not None)
    thread = bot.get_channel(seen.id)
    assert isinstance(thread, discord.Thread)
    gone: list[str] = []
    world.bus.subscribe(lambda event: gone.append(event.data["id"]) if "DELETE" in event.name else None)
    for one in (secret, seen):
        world.delete_channel(one.id)
    await until(lambda: bot.get_channel(seen.id) is None)
    assert gone == [str(seen.id)]  # of the hidden one it is told nothing
    with pytest.raises(discord.NotFound, match="10003"):
        await thread.send("anyone?")
    with pytest.raises(ActError, match="no thread"):
        world.add_to_thread(world.text.id, ann.id)


# A bot that died.


def _in_voice(world: World) -> str | None:
    state = world.guild.voice_states.get(world.bot.id)
    return None if state is None else state.session_id


async def _dead_in_voice(emulator: DiscordEmulator) -> str:
    """Let a bot join voice and die; return the session that is left of it."""
    world = emulator.world
    emulator.knobs.identify_interval_s = 0.0
    url, context = f"https://127.0.0.1:{emulator.port}/", emulator.ca.client_context()
    data = {"token": emulator.token, "intents": 513, "properties": {}}
    voice = {"guild_id": str(world.guild.id), "channel_id": str(world.voice_channels[0].id)}
    async with aiohttp.ClientSession() as http:
        headers = {"Host": "gateway.discord.gg"}
        socket = await http.ws_connect(url, ssl=context, headers=headers)
        await socket.send_json({"op": 2, "d": data})
        await socket.send_json({"op": 4, "d": voice})
        await until(lambda: _in_voice(world) is not None)
        emulator.gateway.abort_all()
        await until(lambda: emulator.gateway.connected == 0)
    return emulator.gateway.sessions[0].id


async def test_a_dead_session_leaves_voice_once_its_bot_is_back(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    discord_emulator.knobs.dead_voice_s = 0.3
    dead = await _dead_in_voice(discord_emulator)
    await asyncio.sleep(0.5)
    assert _in_voice(world) == dead  # nobody else has come: it may still be resumed
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        await until(lambda: _in_voice(world) is None)
        await until(lambda: bot.guilds[0].me.voice is None)


async def test_a_bot_that_is_back_joins_at_once_and_stays(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    discord_emulator.knobs.dead_voice_s = 0.3
    dead = await _dead_in_voice(discord_emulator)
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        guild = bot.guilds[0]
        servers: list[Json] = []
        world.bus.subscribe(lambda event: servers.append(event.data) if "SERVER" in event.name else None)
        await guild.change_voice_state(channel=guild.voice_channels[0])
        await until(lambda: _in_voice(world) not in (None, dead))
        assert len(servers) == 1
        await asyncio.sleep(0.5)
        assert _in_voice(world) == discord_emulator.gateway.sessions[-1].id


async def test_a_session_that_is_resumed_meanwhile_stays_in_voice(
    discord_emulator: DiscordEmulator,
) -> None:
    world = discord_emulator.world
    discord_emulator.knobs.dead_voice_s = 0.3
    dead = await _dead_in_voice(discord_emulator)
    url, context = f"https://127.0.0.1:{discord_emulator.port}/", discord_emulator.ca.client_context()
    async with running(make_bot(discord_emulator), discord_emulator.token), aiohttp.ClientSession() as http:
        socket = await http.ws_connect(url, ssl=context, headers={"Host": "gateway.discord.gg"})
        data = {"token": discord_emulator.token, "session_id": dead, "seq": 1}
        await socket.send_json({"op": 6, "d": data})
        await asyncio.sleep(0.5)
        assert _in_voice(world) == dead
        await socket.close()


async def test_a_gateway_that_is_down_takes_nobody(
    bot: commands.Bot, discord_emulator: DiscordEmulator
) -> None:
    resumed = asyncio.create_task(bot.wait_for("resumed"))
    await asyncio.sleep(0)
    discord_emulator.knobs.gateway_down = True
    discord_emulator.gateway.abort_all()
    await until(lambda: bool(discord_emulator.trace.of("gateway.refused")))
    assert discord_emulator.gateway.connected == 0
    discord_emulator.knobs.gateway_down = False
    async with asyncio.timeout(PATIENCE_S):
        await resumed
