"""The main gateway against a real discord.py: refused logins, lost connections, RESUME, intents, voice."""

import asyncio
from functools import partial

import aiohttp
import discord
import pytest
from discord.ext import commands
from loopback_bot import PATIENCE_S, READY_TIMEOUT_S, make_bot, running, until
from raw_websocket import CLOSE, raw_websocket

from bot.emulators.discord.events import Intent
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.sessions import Session
from bot.emulators.tls import CertificateAuthority


async def no_pause(shard_id: int | None, *, initial: bool = False) -> None:
    """Stand in for the 5 s that discord.py waits before it identifies anew."""


def plain_intents(*, message_content: bool = False) -> discord.Intents:
    return discord.Intents(guilds=True, messages=True, voice_states=True, message_content=message_content)


def is_in(guild: discord.Guild, channel: discord.VoiceChannel) -> bool:
    return guild.me.voice is not None and guild.me.voice.channel == channel


def events_out(emulator: DiscordEmulator, name: str) -> int:
    return sum(entry.fields["event"] == name for entry in emulator.trace.of("gateway.out"))


async def test_a_wrong_token_is_refused(discord_emulator: DiscordEmulator) -> None:
    with pytest.raises(discord.LoginFailure):
        async with running(make_bot(discord_emulator), "wrong"):
            pass
    assert [entry.fields["status"] for entry in discord_emulator.trace.of("rest")] == [401]


async def test_a_privileged_intent_is_refused(ca: CertificateAuthority) -> None:
    async with DiscordEmulator(ca) as emulator:
        bot = make_bot(emulator, plain_intents(message_content=True))
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with running(bot, emulator.token):
                pass


async def test_a_granted_privileged_intent_shows_content(ca: CertificateAuthority) -> None:
    async with (
        DiscordEmulator(ca, message_content_intent=True) as emulator,
        running(make_bot(emulator, plain_intents(message_content=True)), emulator.token) as bot,
    ):
        ann = emulator.world.add_user("ann")
        heard = asyncio.ensure_future(bot.wait_for("message", timeout=PATIENCE_S))
        await asyncio.sleep(0)
        emulator.world.post(ann.id, emulator.world.text.id, "read me")
        assert (await heard).content == "read me"


async def test_without_the_intent_content_is_blank_but_for_exempt_messages(
    discord_emulator: DiscordEmulator,
) -> None:
    world = discord_emulator.world
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        ann = world.add_user("ann")
        got: list[str] = []

        async def on_message(message: discord.Message) -> None:
            got.append(message.content)

        bot.add_listener(on_message)
        channel = bot.get_channel(world.text.id)
        assert isinstance(channel, discord.TextChannel)
        own = await channel.send("own")
        world.post(ann.id, world.text.id, "hidden")
        world.post(ann.id, world.text.id, f"<@{world.bot.id}> seen")
        world.post(ann.id, world.text.id, "reply", reply_to=own.id)
        world.post(ann.id, world.text.id, "unpinged", reply_to=own.id, ping=False)
        world.post(ann.id, world.open_dm(ann.id).id, "direct")
        await bot.wait_for("message", check=lambda m: m.guild is None, timeout=PATIENCE_S)
        assert got == ["own", "", f"<@{world.bot.id}> seen", "reply", "", "direct"]


async def test_resume_replays_what_was_missed(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        ann = world.add_user("ann")
        session = discord_emulator.gateway.sessions[0]
        resumed = asyncio.ensure_future(bot.wait_for("resumed", timeout=PATIENCE_S))
        await asyncio.sleep(0)
        missed = asyncio.ensure_future(bot.wait_for("message", timeout=PATIENCE_S))
        discord_emulator.gateway.abort_all()
        world.post(ann.id, world.text.id, f"<@{world.bot.id}> while away")
        assert "while away" in (await missed).content
        await resumed
        assert discord_emulator.gateway.sessions == [session]
        assert events_out(discord_emulator, "READY") == 1


@pytest.mark.parametrize("code", [1000, 4000, 4008, 4009])
async def test_closed_by_the_server_it_resumes(discord_emulator: DiscordEmulator, code: int) -> None:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        resumed = asyncio.ensure_future(bot.wait_for("resumed", timeout=PATIENCE_S))
        await asyncio.sleep(0)
        await discord_emulator.gateway.close_all(code)
        await resumed


async def test_a_close_waits_for_the_answer_of_a_client_that_still_sends(
    discord_emulator: DiscordEmulator,
) -> None:
    """Were TCP ended at once, the client's next write would fail before it has read the code: 1006."""
    tls, port = discord_emulator.ca.client_context(), discord_emulator.port
    async with raw_websocket(port, tls, "/?v=10", "Host: gateway.discord.gg") as client:
        await client.frame()  # HELLO
        closing = asyncio.create_task(discord_emulator.gateway.close_all(4000))
        assert (await client.close_frame())[0] == 4000
        await client.send(1, b'{"op": 1, "d": null}')
        assert not await client.dropped_within(0.3)
        await client.send(CLOSE, (4000).to_bytes(2, "big"))
        assert await client.dropped_within(PATIENCE_S)
        await closing
    assert [entry.fields["code"] for entry in discord_emulator.trace.of("gateway.closed")] == [4000]


async def test_a_client_that_never_answers_a_close_is_not_waited_for_long(
    discord_emulator: DiscordEmulator,
) -> None:
    tls, port = discord_emulator.ca.client_context(), discord_emulator.port
    async with raw_websocket(port, tls, "/?v=10", "Host: gateway.discord.gg") as client:
        await client.frame()
        async with asyncio.timeout(5):
            await discord_emulator.gateway.close_all(4000)
        assert discord_emulator.gateway.connected == 0


async def test_asked_to_reconnect_it_resumes(discord_emulator: DiscordEmulator) -> None:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        resumed = asyncio.ensure_future(bot.wait_for("resumed", timeout=PATIENCE_S))
        await asyncio.sleep(0)
        discord_emulator.gateway.ask_to_reconnect()
        await resumed


async def test_an_invalidated_session_identifies_anew(discord_emulator: DiscordEmulator) -> None:
    discord_emulator.knobs.identify_interval_s = 0.0
    bot = make_bot(discord_emulator)
    bot.before_identify_hook = no_pause  # type: ignore[method-assign]
    async with running(bot, discord_emulator.token):
        old = discord_emulator.gateway.sessions[0]
        ready = asyncio.ensure_future(bot.wait_for("ready", timeout=PATIENCE_S))
        await asyncio.sleep(0)
        discord_emulator.gateway.invalidate()
        await ready
        assert discord_emulator.gateway.sessions[0].id != old.id


@pytest.mark.parametrize("code", [1000, 4000])
async def test_with_its_session_a_bot_leaves_voice(discord_emulator: DiscordEmulator, code: int) -> None:
    """A clean close ends the session at once; else it ends when it was not resumed in time."""
    discord_emulator.knobs.gateway_resume_window_s = 0.2
    world = discord_emulator.world
    url, context = f"https://127.0.0.1:{discord_emulator.port}/", discord_emulator.ca.client_context()
    headers = {"Host": "gateway.discord.gg"}
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(url, ssl=context, headers=headers)
        await socket.send_json(identify(discord_emulator))
        await until(lambda: discord_emulator.gateway.sessions != [])
        data = {"guild_id": str(world.guild.id), "channel_id": str(world.voice_channels[0].id)}
        await socket.send_json({"op": 4, "d": data})
        await until(lambda: world.bot.id in world.guild.voice_states)
        await socket.close(code=code)
    if code != 1000:
        assert world.bot.id in world.guild.voice_states
    await until(lambda: discord_emulator.gateway.sessions == [])
    assert world.guild.voice_states == {}


async def test_op_4_joins_moves_and_leaves(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        guild = bot.guilds[0]
        lounge, workshop = guild.voice_channels[:2]
        servers: list[dict[str, str]] = []
        world.bus.subscribe(lambda event: servers.append(event.data) if "SERVER" in event.name else None)
        for target in (lounge, workshop):
            await guild.change_voice_state(channel=target)
            await until(lambda: len(servers) > 0 and guild.me.voice is not None)
            await until(partial(is_in, guild, target))
        assert len(servers) == 2
        assert servers[0]["endpoint"].endswith(".discord.media:443")
        await guild.change_voice_state(channel=workshop, self_mute=True)
        await until(lambda: guild.me.voice is not None and guild.me.voice.self_mute)
        assert len(servers) == 2  # muting oneself is no rejoin
        world.move(world.bot.id, lounge.id)
        await until(lambda: guild.me.voice is not None and guild.me.voice.channel == lounge)
        await guild.change_voice_state(channel=None)
        await until(lambda: guild.me.voice is None)


async def test_op_4_into_a_full_or_closed_channel_is_ignored(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    full, closed, open_one = world.voice_channels
    world.set_user_limit(full.id, 1)
    world.join_voice(world.add_user("ann").id, full.id)
    world.set_permissions(closed.id, world.bot.id, deny=Permission.CONNECT)
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        guild = bot.guilds[0]
        assert [member.name for member in guild.voice_channels[0].members] == ["ann"]
        entered: list[str] = []
        world.bus.subscribe(
            lambda event: entered.append(event.data["channel_id"]) if "VOICE_STATE" in event.name else None
        )
        for channel in guild.voice_channels:  # the last one shows that the others were served before
            await guild.change_voice_state(channel=channel)
        await until(lambda: world.bot.id in world.guild.voice_states)
        assert entered == [str(open_one.id)]


async def test_the_order_of_voice_updates_can_be_turned(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    told: list[str] = []
    world.bus.subscribe(lambda event: told.append(event.name))
    world.join_voice(world.bot.id, world.voice_channels[0].id)
    discord_emulator.knobs.voice_server_first = True
    world.move(world.bot.id, world.voice_channels[1].id)
    assert told == ["VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE", "VOICE_SERVER_UPDATE", "VOICE_STATE_UPDATE"]


async def test_members_are_searched(discord_emulator: DiscordEmulator) -> None:
    ann = discord_emulator.world.add_user("ann")
    discord_emulator.world.add_user("ben")
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        found = await bot.guilds[0].query_members("an", limit=5)
        assert [member.id for member in found] == [ann.id]
        by_id = await bot.guilds[0].query_members(user_ids=[ann.id, 5])
        assert [member.id for member in by_id] == [ann.id]


async def test_presence_is_taken(discord_emulator: DiscordEmulator) -> None:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        await bot.change_presence(activity=discord.Game("listening"))
        await until(lambda: discord_emulator.gateway.presence is not None)


async def test_a_bot_in_shards_identifies_at_the_pace(discord_emulator: DiscordEmulator) -> None:
    """AutoSharded asks /gateway/bot; discord.py itself then waits, so a short interval must suffice."""
    discord_emulator.knobs.identify_interval_s = 0.2
    bot = commands.AutoShardedBot(
        "!",
        intents=plain_intents(),
        proxy=discord_emulator.proxy_url,
        connector=aiohttp.TCPConnector(ssl=discord_emulator.ca.client_context()),
        guild_ready_timeout=READY_TIMEOUT_S,
    )
    async with running(bot, discord_emulator.token):
        assert bot.shard_count == 1
        assert any(entry.fields["path"] == "/gateway/bot" for entry in discord_emulator.trace.of("rest"))


async def test_an_interaction_goes_to_the_shard_of_its_guild(discord_emulator: DiscordEmulator) -> None:
    world, told = discord_emulator.world, {}
    world.commands.replace(None, [{"name": "ping", "description": "Ping"}])
    for shard in (0, 1):
        session = Session(world, 0, (shard, 2))
        world.bus.subscribe(session.tell)
        told[shard] = session
    ann = world.add_user("ann")
    world.run_command(ann.id, world.text.id, "ping")
    home = (world.guild.id >> 22) % 2
    assert (told[home].sequence, told[1 - home].sequence) == (1, 0)


async def test_with_an_invalid_session_a_bot_leaves_voice(discord_emulator: DiscordEmulator) -> None:
    world = discord_emulator.world
    for invalidate in (discord_emulator.gateway.invalidate, discord_emulator.gateway.forget_sessions):
        session = discord_emulator.gateway.begin(0, (0, 1))
        assert session is not None
        world.voices.join(world.bot.id, world.voice_channels[0].id, session_id=session.id)
        invalidate()
        assert world.guild.voice_states == {}
        discord_emulator.knobs.identify_interval_s = 0.0


async def raw_gateway(emulator: DiscordEmulator, *messages: dict[str, object]) -> list[object]:
    """Speak to the gateway without a library: returns the ops received, and the close code at the end."""
    context = emulator.ca.client_context()
    url = f"https://127.0.0.1:{emulator.port}/?v=10&encoding=json"
    headers = {"Host": "gateway.discord.gg"}
    got: list[object] = []
    async with aiohttp.ClientSession() as http, http.ws_connect(url, ssl=context, headers=headers) as socket:
        for message in messages:
            await socket.send_json(message)
        async with asyncio.timeout(PATIENCE_S):
            async for received in socket:
                got.append(received.json()["op"])
                if got[-1] == 9:
                    return got
        got.append(socket.close_code)
    return got


def identify(emulator: DiscordEmulator, **changes: object) -> dict[str, object]:
    data = {"token": emulator.token, "intents": 513, "properties": {}, **changes}
    return {"op": 2, "d": data}


async def test_refusals_by_close_code(discord_emulator: DiscordEmulator) -> None:
    cases: list[tuple[dict[str, object], int]] = [
        ({"op": 8, "d": {}}, 4003),
        (identify(discord_emulator, token="no"), 4004),
        (identify(discord_emulator, intents=-1), 4013),
        (identify(discord_emulator, intents=int(Intent.MESSAGE_CONTENT)), 4014),
        (identify(discord_emulator, shard=[3, 2]), 4010),
        ({"d": 1}, 4002),
        ({"op": 2, "d": None}, 4002),
    ]
    for message, code in cases:
        assert await raw_gateway(discord_emulator, message) == [10, code]


async def test_identifying_twice_in_five_seconds_invalidates(discord_emulator: DiscordEmulator) -> None:
    async with running(make_bot(discord_emulator), discord_emulator.token):
        assert await raw_gateway(discord_emulator, identify(discord_emulator)) == [10, 9]


async def test_a_client_that_sends_too_much_is_closed(discord_emulator: DiscordEmulator) -> None:
    beats: list[dict[str, object]] = [{"op": 1, "d": None}] * 130
    assert (await raw_gateway(discord_emulator, *beats))[-1] == 4008


async def test_a_client_without_heartbeats_is_closed(discord_emulator: DiscordEmulator) -> None:
    discord_emulator.knobs.gateway_heartbeat_ms = 100
    assert await raw_gateway(discord_emulator) == [10, 4009]


async def test_a_resume_of_what_is_unknown_or_too_old_is_refused(discord_emulator: DiscordEmulator) -> None:
    data = {"token": discord_emulator.token, "session_id": "?", "seq": 1}
    assert await raw_gateway(discord_emulator, {"op": 6, "d": data}) == [10, 9]
    session = Session(discord_emulator.world, 0, (0, 1))
    for number in range(5_003):
        session.dispatch("N", {"number": number})
    assert session.missed_since(2) is None
    assert session.missed_since(6_000) is None
    missed = session.missed_since(3)
    assert missed is not None
    assert [missed[0]["s"], missed[-1]["s"]] == [4, 5_003]


async def test_closing_leaves_nothing_behind(ca: CertificateAuthority) -> None:
    """No task outlives the emulator, even with a bot connected and unanswered; closing twice is fine."""
    async with DiscordEmulator(ca) as emulator, running(make_bot(emulator), emulator.token) as bot:
        await bot.tree.sync()
        ann = emulator.world.add_user("ann")
        watched = emulator.world.run_command(ann.id, emulator.world.text.id, "forget")
        await bot.wait_for("forgotten", timeout=PATIENCE_S)
        await emulator.close()
    assert watched.history == []
    await asyncio.sleep(0.05)  # the bot's own goodbyes
    assert asyncio.all_tasks() == {asyncio.current_task()}
