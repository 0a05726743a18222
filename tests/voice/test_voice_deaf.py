"""A call on the loopback Discord that goes deaf while it looks connected: it is noticed, told, and mended."""

import asyncio
import os

import pytest
from voice_call import Call, eventually, tone
from voice_people import ann, call, hears_all, meet

from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.person import Person
from bot.voice import recovery, watchdog
from bot.voice.events import Connected, Deaf, Disconnected, Ended, Undeafened

__all__ = ["ann", "call"]

INVALID_OP = 31
FASTER = 5
MINUTE_S = 60.0


@pytest.fixture
def quick_dog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the watchdog lose its patience five times as soon."""
    for name in ("DEAF_S", "PENDING_S", "CALM_S", "WELCOME_S", "SHUT_OUT_S"):
        monkeypatch.setattr(watchdog, name, getattr(watchdog, name) / FASTER)
    for name in ("REJOIN_FIRST_S", "REJOIN_MAX_S", "REJOIN_CALM_S"):
        monkeypatch.setattr(recovery, name, getattr(recovery, name) / FASTER)


def spoil_transport(call: Call) -> None:
    """Let the connection hold another key than the server."""
    call.voice._connection.secret_key = list(os.urandom(32))


async def test_a_deaf_call_is_told_and_mended_while_people_speak(
    call: Call, ann: Person, quick_dog: None
) -> None:
    await meet(call, ann)
    await hears_all(call, ann)
    spoil_transport(call)
    speaking = asyncio.create_task(call.hears(ann, tone(3.5)))
    await eventually(lambda: bool(call.of(Deaf)), "it is noticed")
    assert call.of(Deaf)[0] == Deaf((ann.user.id,), watchdog.REJOIN)
    assert call.heard(ann.user.id)[-1].at < call.emulator.trace.of("udp.out")[-1].at - 0.5
    await eventually(lambda: len(call.of(Connected)) == 2, "the connection is back")
    _, heard = await speaking
    assert len(heard) > 30  # of the end of what she says
    await hears_all(call, ann)
    assert call.voice.counters()["deaf_alarms"] == 1
    assert len(call.of(Deaf)) == len(call.of(Disconnected)) == 1


async def test_a_call_that_stays_deaf_does_not_rejoin_over_and_over(
    call: Call, ann: Person, quick_dog: None
) -> None:
    await meet(call, ann)

    async def keep_spoiling() -> None:
        while True:
            if call.voice.is_connected():
                spoil_transport(call)
            await asyncio.sleep(0.01)

    spoiling = asyncio.create_task(keep_spoiling())
    try:
        await ann.speak(tone(16.0), rate_hz=24_000)
    finally:
        spoiling.cancel()
    assert [event.reason for event in call.of(Deaf)] == [watchdog.REJOIN] * 3 + [watchdog.HOPELESS]
    assert [event.hopeless for event in call.of(Deaf)] == [False] * 3 + [True]
    assert len(call.of(Connected)) == 4
    assert not call.of(Ended)
    assert not call.of(Undeafened)
    call.emulator.voice.close_socket(call.user_id, 4006)
    await call.reconnected(4)
    await hears_all(call, ann)
    assert len(call.of(Undeafened)) == 1


async def test_a_call_that_no_group_lets_in_connects_anew_once_and_tells_people(
    call: Call, ann: Person, quick_dog: None
) -> None:
    call.deaf_to.add(ann.user.id)
    await meet(call, ann)

    async def keep_out() -> None:
        while True:
            session = call.voice._connection.dave_session
            if call.voice.is_connected() and session is not None and session.ready:
                session.reinit(1, call.user_id, call.channel().id)
            await asyncio.sleep(0.01)

    keeping_out = asyncio.create_task(keep_out())
    try:
        await eventually(lambda: len(call.of(Deaf)) == 2, "people are told")
        asked = len(call.told(INVALID_OP))
        await eventually(lambda: len(call.told(INVALID_OP)) > asked, "it goes on asking")
    finally:
        keeping_out.cancel()
    assert call.of(Deaf) == [Deaf((), watchdog.UNWELCOME), Deaf((), watchdog.SHUT_OUT, hopeless=True)]
    assert len(call.of(Connected)) == 2
    assert call.of(Undeafened) == []
    await eventually(lambda: bool(call.of(Undeafened)), "it is let in", 35.0)
    call.deaf_to.clear()
    await hears_all(call, ann)
    assert len(call.of(Undeafened)) == 1
    assert call.of(Ended) == []


async def test_who_is_never_heard_and_leaves_during_an_outage_is_no_trouble_any_more(
    call: Call, ann: Person, quick_dog: None
) -> None:
    await meet(call, ann)
    await hears_all(call, ann)
    ssrc = call.emulator.voice.keys_of(ann.user.id).ssrc
    call.emulator.knobs.dave.max_version = 0
    await eventually(lambda: call.voice._connection.dave_protocol_version == 0, "the downgrade")
    for number in range(100):
        header = RtpHeader(30_000 + number, 960 * number, ssrc)
        call.emulator.voice.inject_media(call.user_id, header, b"\xff" + bytes(40))
        await asyncio.sleep(0.02)
    assert call.of(Deaf) == [Deaf((ann.user.id,), watchdog.HOPELESS, hopeless=True)]
    call.emulator.voice.block_udp(call.user_id, blocked=True)
    call.emulator.voice.close_socket(call.user_id, 4006)
    await eventually(lambda: bool(call.of(Disconnected)), "the loss is noticed")
    await ann.leave()
    call.emulator.voice.block_udp(call.user_id, blocked=False)
    await call.reconnected()
    await eventually(lambda: bool(call.of(Undeafened)), "nobody is there who is not heard")


async def test_nobody_without_consent_makes_it_rejoin(call: Call, ann: Person, quick_dog: None) -> None:
    call.deaf_to.add(ann.user.id)
    await meet(call, ann)
    spoil_transport(call)
    await call.hears(ann, tone(2.0))
    assert call.of(Deaf) == []
    assert call.voice.counters()["deaf_alarms"] == 0


async def test_a_person_whose_speaking_is_never_announced_is_heard(call: Call, ann: Person) -> None:
    call.emulator.knobs.speaking_after_packets = None
    await meet(call, ann)
    said, heard = await call.hears(ann, tone(1.0))
    assert len(heard) >= len(said.frames) - 1
    assert call.voice.counters()["named"] == 1


async def test_repeated_failures_of_the_encryption_make_no_storm(
    call: Call, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute of invalid commits, 10 times as fast: each recovery costs everybody a change of keys."""
    for name in ("RECOVERY_FIRST_S", "RECOVERY_MAX_S", "RECOVERY_CALM_S"):
        monkeypatch.setattr(recovery, name, getattr(recovery, name) / 10)
    await meet(call, ann)
    for number in range(60):
        call.emulator.voice.inject(call.user_id, b"\x1d\x00\x07garbage %d" % number)
        await asyncio.sleep(MINUTE_S / 10 / 60)
    assert 3 <= len(call.told(INVALID_OP)) <= 8
    assert call.of(Disconnected) == []
    await asyncio.sleep(1.0)  # the last recovery
    await hears_all(call, ann)
