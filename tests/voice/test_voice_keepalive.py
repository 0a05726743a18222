"""Whether the UDP path is alive: what is asked, and when silence means that it is dead. Time is a number."""

import struct
from collections.abc import Callable

import pytest

from bot.voice.gateway import build_discovery
from bot.voice.keepalive import DEAD_S, INTERVAL_S, SPEAKING_S, PathWatch

VOICE = bytes(60)
ECHO = struct.pack("<Q", 7)
REPLY = struct.pack(">HHI64sH", 2, 70, 1, b"127.0.0.1", 5000)


def run(
    watch: PathWatch, seconds: int, answer: Callable[[float, bool, bool], bytes | None], start: int = 0
) -> list[tuple[int, bool, bool]]:
    """Ask once a second; return what was asked, up to the time when the path was dead."""
    asked: list[tuple[int, bool, bool]] = []
    for second in range(start, start + seconds):
        question = watch.question(second)
        if question.counter:
            asked.append((second, question.counter, question.discovery))
            came = answer(second, question.counter, question.discovery)
            if came is not None:
                watch.inbound(came, second + 0.1)
        if watch.dead(second):
            asked.append((second, False, False))
            break
    return asked


def died(asked: list[tuple[int, bool, bool]]) -> int | None:
    second, counter, _ = asked[-1]
    return None if counter else second


def test_a_server_that_echoes_is_asked_every_5_seconds() -> None:
    asked = run(PathWatch(0.0), 60, lambda *_: ECHO)
    assert [second for second, _, _ in asked] == list(range(0, 60, int(INTERVAL_S)))
    assert not any(discovery for _, _, discovery in asked)


def test_when_echoes_stop_it_asks_each_second_in_both_ways_and_then_gives_up() -> None:
    asked = run(PathWatch(0.0), 60, lambda second, *_: ECHO if second <= 20 else None)
    assert died(asked) == 25 + DEAD_S
    assert [a for a in asked if 25 < a[0] < 30] == [(second, True, True) for second in range(26, 30)]


def test_one_lost_echo_is_nothing() -> None:
    asked = run(PathWatch(0.0), 120, lambda second, *_: None if second % 20 == 0 else ECHO)
    assert died(asked) is None


def test_a_server_that_never_echoes_is_not_taken_for_dead() -> None:
    """There are such, and a room may be silent for an hour."""
    asked = run(PathWatch(0.0), 3600, lambda *_: None)
    assert died(asked) is None
    assert len(asked) <= 3600 / INTERVAL_S + 1


def test_a_server_that_only_answers_discoveries_is_watched_by_them() -> None:
    asked = run(
        PathWatch(0.0), 600, lambda second, _, discovery: REPLY if discovery and second < 300 else None
    )
    end = died(asked)
    assert end is not None
    assert 300 <= end <= 300 + INTERVAL_S + DEAD_S + 1


def test_a_late_reply_to_the_first_discovery_proves_nothing() -> None:
    watch = PathWatch(0.0)
    watch.inbound(REPLY, 0.05)  # of the handshake, sent twice
    assert died(run(watch, 600, lambda *_: None)) is None


def test_speech_that_arrives_is_a_sign_of_life() -> None:
    watch = PathWatch(0.0)
    watch.inbound(ECHO, 0.0)
    for second in range(600):
        watch.question(second)
        watch.inbound(VOICE, second + 0.5)
        assert not watch.dead(second + 0.9)


@pytest.mark.parametrize("packets_come", [True, False])
def test_somebody_who_is_said_to_speak_must_be_heard_of(packets_come: bool) -> None:
    watch = PathWatch(0.0)
    run(watch, 100, lambda *_: None)
    watch.speaking(100.0)
    if packets_come:
        watch.inbound(VOICE, 100.2)
    dead = [second for second in range(100, 120) if watch.dead(second)]
    assert dead == ([] if packets_come else [100 + SPEAKING_S])


def test_a_discovery_of_ours_is_what_a_server_answers() -> None:
    assert build_discovery(1)[:4] == struct.pack(">HH", 1, 70)
