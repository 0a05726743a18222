"""The send clock: its schedule in injected time, and its thread in real time with generous bounds."""

import asyncio
import logging
import threading
import time
from collections.abc import Iterator

import pytest

from bot.voice.clock import FRAME_SLOTS, GRID_S, MAX_BURST, SendClock

FRAME_S = 0.02


class Speaker:
    """A sender with a number of packets to send, which notes when it was ticked."""

    def __init__(self, packets: int = 10**9, *, ready_at: float = 0.0) -> None:
        self.packets = packets
        self.ready_at = ready_at
        self.ticks: list[float] = []
        self.threads: set[str] = set()

    def wake_at(self, now: float) -> float | None:
        if not self.packets:
            return None
        return max(now, self.ready_at)

    def tick(self, now: float) -> None:
        self.packets -= 1
        self.ticks.append(now)
        self.threads.add(threading.current_thread().name)


class Broken(Speaker):
    def tick(self, now: float) -> None:
        super().tick(now)
        raise ValueError("a broken sender")


def run(clock: SendClock, start: float, end: float) -> list[float]:
    """Run the schedule as its thread would, never late; return the times of waking."""
    woken = []
    now = start
    while now < end:
        woken.append(now)
        wake = clock.run_due(now)
        if wake is None:
            break
        assert wake > now, "the clock would spin"
        now = wake
    return woken


def test_a_new_answer_waits_one_step_of_the_grid_at_most() -> None:
    for start in (1.0, 1.0001, 1.0049, 1.0023):
        clock, speaker = SendClock(), Speaker()
        clock.register(speaker)
        run(clock, start, start + 0.01)
        assert 0 <= speaker.ticks[0] - start <= GRID_S


def test_packets_leave_every_20_ms_without_drift() -> None:
    clock, speaker = SendClock(), Speaker(packets=5000)
    clock.register(speaker)
    run(clock, 1000.0, 2000.0)
    assert len(speaker.ticks) == 5000
    for number, at in enumerate(speaker.ticks):
        assert at == pytest.approx(1000.0 + number * FRAME_S, abs=1e-6)


def test_a_short_pause_does_not_bring_the_next_packet_forward() -> None:
    clock, speaker = SendClock(), Speaker(packets=1)
    clock.register(speaker)
    run(clock, 1.0, 1.01)
    speaker.packets = 1
    run(clock, 1.006, 1.05)
    assert speaker.ticks == pytest.approx([1.0, 1.02])


def test_after_a_long_pause_the_next_packet_leaves_at_once() -> None:
    clock, speaker = SendClock(), Speaker(packets=1)
    clock.register(speaker)
    run(clock, 1.0, 1.1)
    speaker.packets = 1
    run(clock, 5.003, 5.1)
    assert speaker.ticks[1] == pytest.approx(5.005)
    assert clock.late == 0


def test_it_sleeps_until_woken_while_nobody_has_anything_to_send() -> None:
    clock = SendClock()
    assert clock.run_due(1.0) is None
    clock.register(Speaker(packets=0))
    assert clock.run_due(1.0) is None


def test_it_sleeps_until_a_sender_is_ready() -> None:
    clock, speaker = SendClock(), Speaker(packets=1, ready_at=1.04)
    clock.register(speaker)
    assert clock.run_due(1.0) == pytest.approx(1.04)
    run(clock, 1.04, 1.2)
    assert speaker.ticks == pytest.approx([1.04])


def test_any_number_of_calls_costs_200_wake_ups_a_second_at_most() -> None:
    clock = SendClock()
    speakers = [Speaker(ready_at=1.0 + number * 0.00073) for number in range(60)]
    for speaker in speakers:
        clock.register(speaker)
    woken = [at for at in run(clock, 1.0, 2.0) if at > 1.1]
    assert len(woken) <= 0.9 / GRID_S + 1
    assert all(len(speaker.ticks) >= 45 for speaker in speakers)


def test_a_late_tick_is_caught_up_with() -> None:
    clock, speaker = SendClock(), Speaker()
    clock.register(speaker)
    clock.run_due(1.0)
    clock.run_due(1.045)  # the tick at 1.02 is 25 ms late, the one at 1.04 5 ms
    assert len(speaker.ticks) == 3
    assert clock.late == 1
    assert clock.run_due(1.05) == pytest.approx(1.06)


def test_a_long_stall_is_not_made_up_for_with_a_flood() -> None:
    clock, speaker = SendClock(), Speaker()
    clock.register(speaker)
    clock.run_due(1.0)
    wake = clock.run_due(3.0)
    assert len(speaker.ticks) == 1 + MAX_BURST
    assert clock.skipped == 1
    assert wake == pytest.approx(3.0 + FRAME_SLOTS * GRID_S)
    run(clock, 3.02, 4.0)
    assert len(speaker.ticks) == pytest.approx(1 + MAX_BURST + 49, abs=1)


def test_lateness_is_measured() -> None:
    clock, speaker = SendClock(), Speaker()
    clock.register(speaker)
    clock.run_due(1.0)
    clock.run_due(1.027)
    assert clock.lateness.p(100) == pytest.approx(7.0)


def test_one_sender_that_raises_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    clock, broken, good = SendClock(), Broken(), Speaker()
    clock.register(broken)
    clock.register(good)
    with caplog.at_level(logging.ERROR):
        run(clock, 1.0, 2.0)
    assert len(good.ticks) == pytest.approx(50, abs=1)
    assert clock.errors == len(broken.ticks) == pytest.approx(50, abs=1)
    assert len(caplog.records) == 1  # not one line a tick


def test_an_unregistered_sender_is_ticked_no_more() -> None:
    clock, speaker = SendClock(), Speaker()
    clock.register(speaker)
    clock.run_due(1.0)
    clock.unregister(speaker)
    clock.unregister(speaker)
    assert clock.run_due(1.1) is None
    assert len(speaker.ticks) == 1


@pytest.fixture
def clock() -> Iterator[SendClock]:
    clock = SendClock()
    clock.start()
    yield clock
    clock.close()


def test_one_thread_serves_all_and_ends_with_close(clock: SendClock) -> None:
    speakers = [Speaker(packets=20) for _ in range(10)]
    began = time.monotonic()
    for speaker in speakers:
        clock.register(speaker)
    deadline = began + 10
    while any(speaker.packets for speaker in speakers) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {name for speaker in speakers for name in speaker.threads} == {"send-clock"}
    for speaker in speakers:
        # 20 packets take 19 intervals; a burst after a stall of this machine may save two of them at a time.
        assert len(speaker.ticks) == 20
        assert speaker.ticks[-1] - speaker.ticks[0] >= 0.2
    clock.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "send-clock"]


def test_a_wake_up_is_never_lost(clock: SendClock) -> None:
    """Each packet is offered while the clock is asleep or just falling asleep."""
    speaker = Speaker(packets=0)
    clock.register(speaker)
    for number in range(100):
        speaker.packets = 1
        clock.wake()
        deadline = time.monotonic() + 5
        while len(speaker.ticks) == number and time.monotonic() < deadline:
            time.sleep(0.0005)
        assert len(speaker.ticks) == number + 1


async def test_it_does_not_wait_for_a_blocked_event_loop(clock: SendClock) -> None:
    speaker = Speaker(packets=15)
    clock.register(speaker)
    time.sleep(1.0)  # noqa: ASYNC251 - the loop is blocked, which is the point
    assert len(speaker.ticks) == 15
    await asyncio.sleep(0)


def test_closing_a_clock_that_was_never_started_is_harmless() -> None:
    SendClock().close()


def test_ticks_that_come_late_are_counted_for_their_sender_alone() -> None:
    clock, early, late = SendClock(), Speaker(), Speaker()
    punctual = clock.register(early)
    clock.run_due(1.0)
    clock.run_due(1.02)
    clock.unregister(early)
    unpunctual = clock.register(late)
    clock.run_due(2.0)
    clock.run_due(2.03)  # due at 2.02: 10 ms
    clock.run_due(2.07)  # due at 2.04 and 2.06: 30 and 10 ms
    clock.run_due(2.23)  # due at 2.08, 2.10 and 2.12: 150, 130 and 110 ms
    assert punctual.as_dict() == {"ticks": 2, "ticks_late": 0, "ticks_very_late": 0, "tick_worst_ms": 0}
    assert unpunctual.as_dict() == {"ticks": 7, "ticks_late": 4, "ticks_very_late": 3, "tick_worst_ms": 150}
    assert clock.late == 4
