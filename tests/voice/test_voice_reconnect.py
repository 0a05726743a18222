"""Lost connections, moves, kicks and rubbish: the call comes back by itself, or ends with a clear word."""

import asyncio
import time
from dataclasses import replace
from functools import partial

import pytest
from voice_call import Call, eventually, lost_and_back, tone
from voice_people import ann, both_ways, call, meet

from bot.emulators.discord.events import Event
from bot.emulators.discord.payloads import voice_state_payload
from bot.emulators.person import Person
from bot.voice.errors import VoiceError
from bot.voice.events import Connected, Disconnected, Ended
from bot.voice.recovery import Retries

__all__ = ["ann", "call"]

VOICE_STATE_OP = 4  # of the main gateway
IDENTIFY_OP, SELECT_PROTOCOL_OP, RESUME_OP, COMMIT_OP, INVALID_OP = 0, 1, 7, 28, 31


@pytest.mark.parametrize("code", [1000, 1001, 1006, 4006, 4009, 4015])
async def test_a_lost_websocket_is_back_within_3_seconds(call: Call, ann: Person, code: int) -> None:
    await meet(call, ann)
    await asyncio.sleep(0.3)  # idle UDP: discord.py would take 30 s
    took = await lost_and_back(call, lambda: call.emulator.voice.close_socket(call.user_id, code))
    assert took < 3
    await both_ways(call, ann)


@pytest.mark.parametrize("code", [1006, 4015])
async def test_what_can_be_resumed_is_and_needs_no_new_session(call: Call, ann: Person, code: int) -> None:
    await meet(call, ann)
    ssrc = call.voice.ssrc
    await lost_and_back(call, lambda: call.emulator.voice.close_socket(call.user_id, code))
    assert len(call.told(RESUME_OP)) == 1
    assert len(call.told(SELECT_PROTOCOL_OP)) == 1
    assert call.voice.ssrc == ssrc
    await both_ways(call, ann)


async def test_a_crashed_server_forgot_us_and_is_asked_anew(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await lost_and_back(call, call.emulator.voice.crash)
    assert len(call.told(RESUME_OP)) == 1
    assert len(call.told(SELECT_PROTOCOL_OP)) == 2


async def test_a_new_region_is_followed_again_and_again(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await lost_and_back(call, lambda: call.emulator.voice.close_socket(call.user_id, 4006))
    world, channel_id = call.emulator.world, call.channel().id
    for code in (4014, 4022, 4014):
        await lost_and_back(call, partial(world.change_region, channel_id, close_code=code))
    assert call.of(Ended) == []
    await both_ways(call, ann)


@pytest.mark.parametrize("server_first", [False, True])
async def test_a_move_is_followed_in_both_orders(call: Call, ann: Person, server_first: bool) -> None:
    await meet(call, ann)
    call.emulator.knobs.voice_server_first = server_first
    for index in (1, 2):
        channel = call.channel(index)
        await lost_and_back(call, partial(call.emulator.world.move, call.user_id, channel.id))
        assert call.voice.channel.id == channel.id
        await ann.join(channel.id)
        await both_ways(call, ann)
    session = call.voice._connection.dave_session
    assert session is not None
    assert session.channel_id == call.channel(2).id
    assert call.voice.participants == {ann.user.id}


GAPS_S = (
    0.0,
    0.1,
    0.3,
)  # between the voice server's close and the word of the main gateway, which is another
FOLLOWED_S = 2.0  # all that a move may be noticed as


@pytest.mark.parametrize("gap_s", GAPS_S)
@pytest.mark.parametrize("server_first", [False, True])
async def test_a_move_is_followed_as_soon_as_it_is_told(
    call: Call, ann: Person, gap_s: float, server_first: bool
) -> None:
    await meet(call, ann)
    call.emulator.knobs.voice_server_first = server_first
    call.emulator.knobs.voice_word_after_s = gap_s
    there = call.channel(1)
    assert await lost_and_back(call, partial(call.emulator.world.move, call.user_id, there.id)) < FOLLOWED_S
    assert not left_the_channel(call)
    await ann.join(there.id)
    await both_ways(call, ann)


@pytest.mark.parametrize("gap_s", GAPS_S)
@pytest.mark.parametrize("code", [4014, 4022])
async def test_a_new_region_is_followed_as_soon_as_it_is_told(
    call: Call, ann: Person, gap_s: float, code: int
) -> None:
    await meet(call, ann)
    call.emulator.knobs.voice_word_after_s = gap_s
    change = partial(call.emulator.world.change_region, call.channel().id, close_code=code)
    assert await lost_and_back(call, change) < FOLLOWED_S
    assert not left_the_channel(call)


def left_the_channel(call: Call) -> bool:
    """Say whether the bot has asked the main gateway to be in no channel."""
    said = call.emulator.trace.of("gateway.in")
    asked = [entry.fields["data"] for entry in said if entry.fields["op"] == VOICE_STATE_OP]
    return any(data["channel_id"] is None for data in asked)


def tell_server(call: Call, token: str, endpoint: str | None) -> None:
    """Let the main gateway name a voice server to the bot."""
    guild_id = call.emulator.world.guild.id
    data = {"token": token, "guild_id": str(guild_id), "endpoint": endpoint}
    call.emulator.world.places.bus.publish(Event("VOICE_SERVER_UPDATE", data, guild_id, to_user=call.user_id))


async def test_a_move_whose_voice_state_comes_late_is_put_right(call: Call, ann: Person) -> None:
    """The new server is in use before we learn that it is another channel's: the group would be wrong."""
    await meet(call, ann)
    world, there = call.emulator.world, call.channel(1)
    state = world.guild.voice_states[call.user_id]
    grant = call.emulator.voice.issue(
        guild_id=state.guild_id, channel_id=there.id, user_id=call.user_id, session_id=state.session_id
    )
    await lost_and_back(call, partial(tell_server, call, grant.token, grant.endpoint))
    state.channel_id = there.id
    shown = voice_state_payload(state, world.guild.members[call.user_id])
    move = Event("VOICE_STATE_UPDATE", shown, state.guild_id)
    await lost_and_back(call, partial(world.places.bus.publish, move))
    assert call.voice.channel.id == there.id
    await ann.join(there.id)
    await both_ways(call, ann)


async def test_a_server_that_goes_away_is_waited_for(call: Call, ann: Person) -> None:
    await meet(call, ann)
    tell_server(call, "", None)
    await eventually(lambda: bool(call.of(Disconnected)), "the loss is noticed")
    await asyncio.sleep(0.2)
    assert len(call.of(Connected)) == 1
    call.emulator.world.change_region(call.channel().id)
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back")
    await both_ways(call, ann)


async def test_the_same_server_named_again_disturbs_nothing(call: Call, ann: Person) -> None:
    await meet(call, ann)
    tell_server(call, str(call.voice.token), str(call.voice.endpoint))
    await both_ways(call, ann)
    assert call.of(Disconnected) == []


async def test_it_moves_itself(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await call.voice.move_to(call.channel(1), timeout=8)
    assert call.voice.channel.id == call.channel(1).id
    assert call.voice.participants == set()
    await ann.join(call.channel(1).id)
    await both_ways(call, ann)


async def test_a_kick_ends_the_call(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.emulator.world.kick_from_voice(call.user_id)
    assert "/join" in await call.ended()
    await eventually(lambda: call.client.voice_clients == [], "the client is gone")
    await asyncio.sleep(0.2)
    assert len(call.of(Ended)) == 1
    call.events.clear()
    await call.join()
    await both_ways(call, ann)


async def test_a_deleted_channel_ends_the_call(call: Call, ann: Person) -> None:
    await meet(call, ann)
    call.emulator.world.delete_channel(call.channel().id)
    await call.ended()
    await eventually(lambda: call.client.voice_clients == [], "the client is gone")


@pytest.mark.parametrize("code", [4017, 4021])
async def test_what_must_not_be_retried_ends_the_call(call: Call, code: int) -> None:
    await call.join()
    call.emulator.voice.close_socket(call.user_id, code)
    await call.ended()
    assert len(call.of(Connected)) == 1
    await eventually(lambda: call.client.voice_clients == [], "the client is gone")
    assert call.user_id not in call.emulator.world.guild.voice_states


async def test_leaving_while_it_reconnects_is_prompt(call: Call, ann: Person) -> None:
    await meet(call, ann)
    for delay_s in (0.0, 0.01, 0.05):
        call.emulator.voice.close_socket(call.user_id, 4006)
        await asyncio.sleep(delay_s)
        began = time.monotonic()
        await call.voice.disconnect(force=True)
        assert time.monotonic() - began < 3
        assert call.of(Ended) == []
        await call.join()


async def test_lost_discovery_replies_are_asked_for_again(call: Call) -> None:
    call.emulator.voice.drop_discovery(2)
    await call.join()
    assert call.voice.is_connected()
    assert len(call.told(IDENTIFY_OP)) == 1


async def test_a_voice_server_that_answers_nothing_over_udp_is_told_in_time(call: Call) -> None:
    call.emulator.voice.drop_discovery(10_000)
    began = time.monotonic()
    with pytest.raises(VoiceError, match="voice server"):
        await call.join(timeout_s=2.0)
    assert time.monotonic() - began < 6
    assert call.user_id not in call.emulator.world.guild.voice_states


RUBBISH: list[dict[str, object] | bytes | str] = [
    b"\x19",  # op 25 without a body
    b"\x19garbage",
    b"\x1b",
    b"\x1b\x00garbage",
    b"\x1b\x01garbage",
    b"\xffwhat",
    "no JSON",
    "[]",
    "{}",
    '{"op": 5}',
    {"op": 5, "d": None},
    {"op": 5, "d": {"user_id": "x", "ssrc": []}},
    {"op": 11, "d": {}},
    {"op": 13, "d": {"user_id": None}},
    {"op": 12, "d": {"some": "thing"}},
    {"op": 21, "d": {}},
    {"op": 22, "d": {"transition_id": 999}},
    {"op": 24, "d": {}},
    {"op": 99, "d": {}},
]


async def test_rubbish_from_the_voice_gateway_harms_nothing(call: Call, ann: Person) -> None:
    await meet(call, ann)
    for message in RUBBISH:
        call.emulator.voice.inject(call.user_id, message)
    await asyncio.sleep(0.2)
    await both_ways(call, ann)
    assert call.of(Disconnected) == []
    assert call.voice.counters()["dave_messages_refused"] >= 3


async def test_leaving_in_the_middle_of_a_join_ends_the_join_too(call: Call) -> None:
    call.emulator.voice.drop_discovery(10_000)
    joining = asyncio.create_task(call.join())
    await eventually(lambda: bool(call.told(IDENTIFY_OP)), "it is under way")
    (voice,) = call.client.voice_clients
    await voice.disconnect(force=True)
    done, _ = await asyncio.wait({joining}, timeout=1.0)
    assert done and isinstance(joining.exception(), VoiceError)


async def test_an_answer_that_ends_while_leaving_finds_no_websocket(call: Call) -> None:
    """The mouth is told of OSError and lives with it; anything else would end its task with a traceback."""
    await call.join()
    await call.voice._connection.hang_up()
    with pytest.raises(OSError, match="websocket"):
        await call.voice._speak(False)


async def test_word_of_an_earlier_call_is_not_taken_for_a_kick(call: Call, ann: Person) -> None:
    world = call.emulator.world
    await ann.join(call.channel().id)
    await call.join()
    left = voice_state_payload(
        replace(world.guild.voice_states[call.user_id], channel_id=None), world.guild.members[call.user_id]
    )
    await call.voice.disconnect(force=True)
    joining = asyncio.create_task(call.join())
    await asyncio.sleep(0)
    world.places.bus.publish(Event("VOICE_STATE_UPDATE", left, world.guild.id))
    await joining
    await both_ways(call, ann)
    assert call.of(Ended) == []


async def test_an_answer_goes_on_after_a_short_loss(call: Call, ann: Person) -> None:
    await meet(call, ann)
    packets = call.say(tone(3.0))
    await eventually(lambda: len(call.voiced()) > 20, "the answer is heard")
    await lost_and_back(call, lambda: call.emulator.voice.close_socket(call.user_id, 4015))
    await eventually(lambda: not call.voice.playout.active, "the answer was played")
    assert len(call.voiced()) == packets
    assert call.voice.counters()["out_expired"] == 0


async def test_a_dead_poller_is_noticed(call: Call, ann: Person) -> None:
    """Whatever ends the task that reads the websocket, the call does not stay deaf and look connected."""
    await meet(call, ann)

    poller = next(task for task in asyncio.all_tasks() if task.get_name().endswith("-poller"))

    def kill() -> None:
        if not poller.done():  # Python 3.11's wait_for may swallow a cancellation
            poller.cancel()
            asyncio.get_running_loop().call_later(0.01, kill)

    await lost_and_back(call, kill)
    await both_ways(call, ann)


async def test_many_reconnects_leave_nothing_behind(call: Call, ann: Person) -> None:
    """What is left over is looked for when the fixture ends."""
    await meet(call, ann)
    for code in (4006, 4015, 1006) * 4:
        call.events.clear()
        await lost_and_back(call, partial(call.emulator.voice.close_socket, call.user_id, code))
        call.voice._connection._supervisor._retries = Retries()  # as if it had held for long
    await both_ways(call, ann)
