"""The bot's main gateway is lost in the middle of a call: the call stays, or is back in a moment."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import discord
import pytest
from voice_call import Call, calling, eventually, tone
from voice_people import ann, hears_all, meet

from bot.emulators.discord.events import Event
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.person import Person
from bot.voice.connection import ASK_S
from bot.voice.events import Connected, Disconnected, Ended
from bot.voice.maingateway import ANSWER_S
from bot.voice.recovery import GIVE_UP_S
from bot.voice.supervisor import AWAIT_WORD_S

__all__ = ["ann"]

BACK_S = 2.0  # within which the call goes on, once the main gateway is there again


class Client(discord.AutoShardedClient):
    """As the product's, but for the 5 s that discord.py waits before it identifies again."""

    identify_s = 0.2

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        await asyncio.sleep(0.0 if initial else self.identify_s)


@pytest.fixture
async def call(discord_emulator: DiscordEmulator) -> AsyncIterator[Call]:
    discord_emulator.knobs.identify_interval_s = 0.0
    async with calling(discord_emulator, client_type=Client) as call:
        yield call


def identified(call: Call) -> int:
    return len([entry for entry in call.emulator.trace.of("gateway.in") if entry.fields["op"] == 2])


async def session_lost(call: Call, lose: Callable[[], object]) -> float:
    """Lose the main gateway's session; return for how long the call was down after there was another."""
    sessions, ups = identified(call), len(call.of(Connected))
    lose()
    await eventually(lambda: identified(call) > sessions, "a new session")
    began = time.monotonic()
    await eventually(lambda: len(call.of(Connected)) > ups, "the call is back")
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["cut", "closed", "asked to reconnect", "invalid but resumable"])
async def test_a_main_gateway_that_is_resumed_does_not_disturb_the_call(
    call: Call, ann: Person, how: str
) -> None:
    await meet(call, ann)
    gateway = call.emulator.gateway
    session = call.voice._connection._main.session
    break_it: dict[str, Callable[[], object]] = {
        "cut": gateway.abort_all,
        "closed": lambda: asyncio.create_task(gateway.close_all(4000)),
        "asked to reconnect": gateway.ask_to_reconnect,
        "invalid but resumable": lambda: gateway.invalidate(resumable=True),
    }
    call.emulator.trace.clear()
    break_it[how]()
    await eventually(lambda: bool(call.emulator.trace.of("gateway.closed")), "the connection is lost")
    await eventually(
        lambda: any(e.fields["event"] == "RESUMED" for e in call.emulator.trace.of("gateway.out")),
        "it is resumed",
    )
    said, heard = await call.hears(ann, tone(0.5))
    assert len(heard) == len(said.frames)
    assert call.voice._connection._main.session == session
    assert call.of(Disconnected) == []


@pytest.mark.parametrize("how", ["invalidated", "cut and forgotten"])
async def test_a_lost_session_of_the_main_gateway_costs_a_moment(call: Call, ann: Person, how: str) -> None:
    """Discord takes the bot out of the channel with it, and says no word of that to the next session."""
    await meet(call, ann)
    gateway = call.emulator.gateway

    def cut_and_forget() -> None:
        gateway.abort_all()
        gateway.forget_sessions()

    for _ in range(2):
        took = await session_lost(call, gateway.invalidate if how == "invalidated" else cut_and_forget)
        assert took < BACK_S
        await call.secured_with(ann)
        said, heard = await call.hears(ann, tone(0.3))
        assert len(heard) == len(said.frames)
    assert call.of(Ended) == []
    assert call.voice.participants == {ann.user.id}
    assert call.voice.channel is call.channel()  # not of the guild object that discord.py has replaced


async def test_the_call_is_back_at_once_however_long_the_main_gateway_was_away(
    call: Call, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile there is nobody to ask, and a growing back-off would go on when there is."""
    await meet(call, ann)
    monkeypatch.setattr(Client, "identify_s", 4.0)

    def lose_both() -> None:
        call.emulator.voice.close_socket(call.user_id, 4006)
        call.emulator.gateway.abort_all()
        call.emulator.gateway.forget_sessions()

    assert await session_lost(call, lose_both) < BACK_S
    await call.secured_with(ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)


async def test_the_end_of_the_old_session_that_the_new_one_is_told_of_is_no_kick(
    call: Call, ann: Person
) -> None:
    """Discord may notice the loss late: then the new session hears that the bot left the channel."""
    await meet(call, ann)
    world, gateway = call.emulator.world, call.emulator.gateway
    (old,) = gateway.sessions
    gateway._sessions.clear()  # it can't be resumed, and Discord has not taken the bot out of voice yet
    gateway.abort_all()
    await eventually(lambda: bool(gateway.sessions) and call.client.is_ready(), "a new session")
    await asyncio.sleep(0.3)
    assert call.of(Disconnected) == []
    ups = len(call.of(Connected))
    world.voices.end_session(world.bot.id, old.id)
    await eventually(lambda: len(call.of(Connected)) > ups, "the call is back", within_s=BACK_S)
    assert call.of(Ended) == []
    await call.secured_with(ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)


async def test_a_main_gateway_that_stands_and_does_not_answer_is_connected_anew(
    call: Call, ann: Person
) -> None:
    """A NAT forgot both connections; discord.py would notice after a minute that the one is dead."""
    await meet(call, ann)
    began = time.monotonic()
    call.emulator.gateway.mute_all()
    call.emulator.voice.close_socket(call.user_id, 4006)
    await eventually(lambda: len(call.of(Connected)) == 2, "the call is back", within_s=20.0)
    assert time.monotonic() - began < ASK_S + ANSWER_S + 2 * BACK_S
    assert call.of(Ended) == []
    await hears_all(call, ann)


async def test_a_main_gateway_that_answers_is_left_alone(call: Call, ann: Person) -> None:
    """Nothing is sent to one who may not join: the channel is full, or the permission lacks."""
    await meet(call, ann)
    main = call.voice._connection._main
    connected = len(call.emulator.trace.of("gateway.closed"))
    await main.revive()
    call.emulator.gateway.abort_all()
    await main.revive()  # there may be none to ask, or one that is new
    await asyncio.sleep(0.2)
    assert len(call.emulator.trace.of("gateway.closed")) == connected + 1


async def test_a_kick_while_the_main_gateway_is_away_is_a_kick(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.emulator.gateway.abort_all()
    call.emulator.world.kick_from_voice(call.user_id)
    assert "/join" in await call.ended()
    await asyncio.sleep(0.3)
    assert call.user_id not in call.emulator.world.guild.voice_states


async def test_being_removed_from_the_server_ends_the_call(call: Call, ann: Person) -> None:
    await meet(call, ann)
    world = call.emulator.world
    world.places.bus.publish(Event("GUILD_DELETE", {"id": str(world.guild.id)}, world.guild.id))
    call.emulator.voice.close_socket(call.user_id, 4014)
    began = time.monotonic()
    assert "/join" in await call.ended()
    assert time.monotonic() - began < AWAIT_WORD_S + 2


async def test_a_connection_that_is_closed_without_a_word_again_and_again_is_given_up(call: Call) -> None:
    await call.join()
    retries = call.voice._connection._supervisor._retries
    call.emulator.voice.close_socket(call.user_id, 4014)
    await eventually(lambda: len(call.of(Connected)) == 2, "it asked to be let in again", within_s=8)
    assert call.of(Ended) == []
    retries._down_s = 2 * GIVE_UP_S  # as if that had gone on for three minutes
    call.emulator.voice.close_socket(call.user_id, 4014)
    assert "/join" in await call.ended()
