"""Parts of a voice connection die in the middle of a call, or its path over UDP: it is noticed and mended.

Everything dies by its own means: sockets closed under a thread, datagrams that no network carries.
"""

import asyncio
import time

import discord
import pytest
from voice_call import Call, eventually, lost_and_back, tone
from voice_people import ann, call, hears_all, meet

from bot.emulators.person import Person
from bot.voice import connection, keepalive
from bot.voice.events import Connected, Disconnected, Ended
from bot.voice.recovery import GIVE_UP_S

__all__ = ["ann", "call"]

PATH_NOTICED_S = 15.0  # 5 s to the next keepalive, 5 s of questions, and a machine that is busy
FASTER = 10


@pytest.fixture
def quick_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all that the keepalive waits for come ten times as soon; one test below takes its time."""
    for name in ("INTERVAL_S", "LOOK_S", "DEAD_S", "SPEAKING_S"):
        monkeypatch.setattr(keepalive, name, getattr(keepalive, name) / FASTER)


async def test_a_reader_that_dies_is_replaced_and_nothing_is_lost(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await hears_all(call, ann)
    first = call.voice._connection._reader
    first._wake_out.close()  # as if a library had closed this descriptor by mistake
    said, heard = await call.hears(ann, tone(0.5))
    assert not first.is_alive()
    assert call.voice._connection._reader.is_alive()
    assert len(heard) == len(said.frames)
    assert call.of(Disconnected) == []
    assert call.voice.counters()["failed_parts"] == 1


async def test_readers_that_die_again_and_again_do_not_spin(call: Call, ann: Person) -> None:
    await meet(call, ann)
    await hears_all(call, ann)
    for failed in (1, 2):
        call.voice._connection._reader._wake_out.close()
        await call.hears(ann, tone(0.3))
        await eventually(lambda: call.voice.counters()["failed_parts"] == failed, "it died")  # noqa: B023
    await eventually(call.voice._connection._reader.is_alive, "the third reader")
    await asyncio.sleep(0.2)  # what waited in the socket is heard
    await hears_all(call, ann)


async def test_a_keepalive_that_dies_is_noticed(call: Call, ann: Person, quick_path: None) -> None:
    await meet(call, ann)
    state = call.voice._connection
    task, socket = state._keepalive, state.socket
    assert task is not None
    state.socket = discord.utils.MISSING  # not an OSError, which it would live with
    await eventually(task.done, "it is dead")
    state.socket = socket
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back")
    assert call.voice.counters()["failed_parts"] == 1
    await hears_all(call, ann)


async def test_a_path_that_the_network_lost_is_replaced(call: Call, ann: Person) -> None:
    """A NAT or firewall forgot our socket: the websocket stands, and nothing is heard any more."""
    await meet(call, ann)
    await hears_all(call, ann)
    call.emulator.voice.lose_path(call.user_id)
    began = time.monotonic()
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back", PATH_NOTICED_S)
    assert time.monotonic() - began < PATH_NOTICED_S
    assert call.voice.counters()["dead_paths"] == 1
    await hears_all(call, ann)


async def test_a_socket_that_somebody_closed_is_replaced(call: Call, ann: Person, quick_path: None) -> None:
    await meet(call, ann)
    await hears_all(call, ann)
    await asyncio.sleep(0.5)
    call.voice._connection.socket.close()
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back", PATH_NOTICED_S)
    await hears_all(call, ann)


async def test_a_websocket_that_fell_silent_is_noticed(
    call: Call, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is open, and nothing comes: not even answers to heartbeats. Meanwhile speech is heard."""
    monkeypatch.setattr(connection, "QUIET_S", 3.0)
    call.emulator.knobs.voice_heartbeat_ms = 1000.0
    await meet(call, ann)
    await hears_all(call, ann)
    await asyncio.sleep(3.5)
    assert call.of(Disconnected) == []  # heartbeats are answered
    call.emulator.voice.mute(call.user_id)
    await hears_all(call, ann)
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back")
    await hears_all(call, ann)


async def test_a_silent_room_on_a_server_without_echoes_is_left_alone(
    call: Call, ann: Person, quick_path: None
) -> None:
    call.emulator.voice.echo_keepalives(echo=False)
    await meet(call, ann)
    await asyncio.sleep(3.0)
    assert call.of(Disconnected) == []
    await hears_all(call, ann)


async def test_udp_that_is_blocked_for_good_ends_the_call_with_a_clear_word(
    call: Call, ann: Person, quick_path: None
) -> None:
    await meet(call, ann)
    await asyncio.sleep(0.5)
    call.emulator.voice.block_udp(call.user_id, blocked=True)
    await eventually(lambda: bool(call.of(Disconnected)), "the loss is noticed", PATH_NOTICED_S)
    call.voice._connection._supervisor._retries._down_s += GIVE_UP_S  # as if that had been going on
    assert "voice server" in await call.ended()
    assert len(call.of(Connected)) == 1
    await eventually(lambda: call.client.voice_clients == [], "the client is gone")


async def test_udp_that_is_blocked_for_a_while_comes_back(call: Call, ann: Person, quick_path: None) -> None:
    await meet(call, ann)
    await asyncio.sleep(0.5)
    call.emulator.voice.block_udp(call.user_id, blocked=True)
    await eventually(lambda: bool(call.of(Disconnected)), "the loss is noticed", PATH_NOTICED_S)
    await asyncio.sleep(3.0)
    assert len(call.of(Connected)) == 1
    call.emulator.voice.block_udp(call.user_id, blocked=False)
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back", PATH_NOTICED_S)
    await hears_all(call, ann)


async def test_a_mistake_on_the_way_of_a_datagram_is_counted_and_mended(call: Call, ann: Person) -> None:
    """What decides on consent fails for a while: the receive path begins anew, once, and hears again."""
    await meet(call, ann)
    await hears_all(call, ann)
    call.consent_broken = True
    await lost_and_back(call, lambda: asyncio.create_task(call.hears(ann, tone(0.5))))
    await asyncio.sleep(0.6)
    call.consent_broken = False
    await hears_all(call, ann)
    assert len(call.of(Connected)) == 2
    assert call.of(Ended) == []
    assert call.voice.counters()["receive_errors"] >= 1
