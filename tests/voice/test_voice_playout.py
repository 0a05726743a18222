"""The playout buffer, played through in injected time."""

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.dave import SILENCE
from bot.voice.playout import Playout, Sending
from bot.voice.playout_buffer import (
    CAPACITY_PACKETS,
    PREBUFFER_PACKETS,
    PREBUFFER_WAIT_S,
    SILENCE_FRAMES,
    TRANSITIONS,
    PlayoutBuffer,
    PlayoutEvent,
    PlayoutState,
)

FRAME_S = 0.02


def packets(count: int, start: int = 0) -> list[bytes]:
    return [b"packet %d" % number for number in range(start, start + count)]


def play(buffer: PlayoutBuffer, start: float, end: float) -> list[bytes]:
    """Tick the buffer every 20 ms from start up to end, and return what left."""
    left = []
    ticks = round((end - start) / FRAME_S)
    for tick in range(ticks):
        now = start + tick * FRAME_S
        packet = buffer.next(now)
        if packet is not None:
            buffer.sent(packet, now)
            left.append(packet)
    return left


def test_an_answer_that_begins_with_60_ms_starts_at_once() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(3), at=10.0)
    assert buffer.wake_at(10.001) == 10.001
    assert buffer.next(10.001) == b"packet 0"
    buffer.sent(b"packet 0", 10.001)
    assert buffer.live_to_ear.p(50) == pytest.approx(1.0)


def test_a_short_beginning_waits_40_ms_for_more() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(2), at=10.0)
    assert buffer.wake_at(10.01) == pytest.approx(10.0 + PREBUFFER_WAIT_S)
    assert buffer.next(10.039) is None
    assert buffer.next(10.041) == b"packet 0"


def test_the_third_packet_ends_the_wait() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(2), at=10.0)
    buffer.push(packets(1, start=2), at=10.01)
    assert buffer.next(10.011) == b"packet 0"


def test_the_end_of_an_answer_ends_the_wait() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(1), at=10.0)
    buffer.finish()
    assert play(buffer, 10.001, 10.2) == [b"packet 0", *[SILENCE] * SILENCE_FRAMES]


def test_an_answer_is_played_whole_and_in_order_then_silence_then_nothing() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(10), at=10.0)
    buffer.push(packets(10, start=10), at=10.05)
    buffer.finish()
    assert play(buffer, 10.0, 12.0) == [*packets(20), *[SILENCE] * SILENCE_FRAMES]
    assert buffer.state is PlayoutState.IDLE
    assert buffer.wake_at(12.0) is None
    assert buffer.underruns == 0


def test_an_underrun_is_silence_and_then_a_new_prebuffer() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(3), at=10.0)
    assert play(buffer, 10.0, 10.16) == [*packets(3), *[SILENCE] * SILENCE_FRAMES]
    assert buffer.underruns == 1
    assert buffer.wake_at(10.2) is None
    buffer.push(packets(1, start=3), at=10.3)
    assert buffer.next(10.301) is None
    buffer.push(packets(2, start=4), at=10.32)
    assert buffer.next(10.321) == b"packet 3"
    assert buffer.live_to_ear.count == 1  # an underrun is no new answer


def test_more_speech_cuts_the_silence_of_an_underrun_short() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(3), at=10.0)
    assert play(buffer, 10.0, 10.1) == [*packets(3), SILENCE, SILENCE]
    buffer.push(packets(3, start=3), at=10.1)
    assert buffer.next(10.1) == b"packet 3"


def test_a_drop_leaves_nothing_of_the_answer_and_silence_after_what_was_heard() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(50), at=10.0)
    assert len(play(buffer, 10.0, 10.2)) == 10
    assert buffer.drop(at=10.2) == 40
    assert play(buffer, 10.2, 11.0) == [SILENCE] * SILENCE_FRAMES
    assert buffer.barge_in.p(100) == 0.0


def test_a_drop_before_anything_was_heard_needs_no_silence() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(2), at=10.0)
    assert buffer.drop(at=10.01) == 2
    assert buffer.wake_at(10.01) is None


def test_barge_in_is_how_long_the_old_answer_went_on_after_its_reason() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(50), at=10.0)
    play(buffer, 10.0, 10.2)
    buffer.drop(at=10.165)  # noticed before the tick at 10.18, acted on after it
    assert buffer.barge_in.p(100) == pytest.approx(15.0)


def test_dropping_nothing_is_no_barge_in() -> None:
    buffer = PlayoutBuffer()
    assert buffer.drop(at=10.0) == 0
    assert buffer.barge_in.count == 0


def test_packets_taken_back_are_played_in_their_new_form() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(50), at=10.0)
    buffer.finish()
    heard = play(buffer, 10.0, 10.2)
    assert buffer.take_back(keep=8, most=100) == 32
    heard += play(buffer, 10.2, 10.3)
    buffer.push([b"again %d" % number for number in range(32)], at=10.3)
    buffer.finish()
    heard += play(buffer, 10.3, 11.2)
    assert heard == [*packets(18), *[b"again %d" % n for n in range(32)], *[SILENCE] * SILENCE_FRAMES]
    assert buffer.underruns == 0


def test_no_more_is_taken_back_than_was_asked_for_and_there_is() -> None:
    buffer = PlayoutBuffer()
    assert buffer.take_back(keep=0, most=5) == 0
    buffer.push(packets(10), at=10.0)
    assert buffer.take_back(keep=2, most=3) == 3
    assert buffer.take_back(keep=7, most=3) == 0
    buffer.finish()
    assert play(buffer, 10.0, 10.14) == packets(7)


def test_live_to_ear_counts_from_audio_too_short_for_a_packet() -> None:
    buffer = PlayoutBuffer()
    buffer.push([], at=10.0)
    assert buffer.wake_at(10.0) is None
    buffer.push(packets(3), at=10.01)
    play(buffer, 10.012, 10.03)
    assert buffer.live_to_ear.p(50) == pytest.approx(12.0)


def test_the_flush_of_an_empty_answer_begins_none() -> None:
    buffer = PlayoutBuffer()
    buffer.push([], at=10.0)
    buffer.finish()
    buffer.push(packets(3), at=20.0)
    play(buffer, 20.005, 20.02)
    assert buffer.live_to_ear.p(100) == pytest.approx(5.0)


def test_the_next_answer_follows_one_that_is_still_played() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(5), at=10.0)
    buffer.finish()
    play(buffer, 10.0, 10.04)
    buffer.push(packets(1, start=5), at=10.04)
    buffer.finish()
    assert play(buffer, 10.04, 10.14) == [*packets(4, start=2), SILENCE]
    assert buffer.live_to_ear.count == 1  # the second one's wait was for its turn


def test_an_answer_that_meets_an_empty_ending_one_is_prebuffered() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(3), at=10.0)
    play(buffer, 10.0, 10.06)
    buffer.finish()
    buffer.push(packets(1, start=3), at=10.06)
    assert buffer.next(10.061) == SILENCE
    assert buffer.underruns == 0
    assert buffer.live_to_ear.count == 1
    play(buffer, 10.1, 10.14)
    assert buffer.live_to_ear.count == 2


def test_what_could_not_be_sent_comes_again() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(3), at=10.0)
    first = buffer.next(10.0)
    assert first is not None
    buffer.restore(first)
    buffer.finish()
    assert play(buffer, 10.02, 10.2) == [*packets(3), *[SILENCE] * SILENCE_FRAMES]


def test_priming_is_five_frames_of_silence() -> None:
    buffer = PlayoutBuffer()
    buffer.prime()
    silence = buffer.next(0.0)
    assert silence == SILENCE
    buffer.restore(silence)
    assert play(buffer, 0.0, 1.0) == [SILENCE] * SILENCE_FRAMES
    assert buffer.live_to_ear.count == 0


def test_a_full_buffer_keeps_the_beginning() -> None:
    buffer = PlayoutBuffer()
    buffer.push(packets(CAPACITY_PACKETS - 1), at=0.0)
    buffer.push([b"last", b"too much"], at=0.0)
    assert len(buffer) == CAPACITY_PACKETS
    assert buffer.refused == 1
    buffer.push([b"too much"], at=0.0)
    assert buffer.refused == 2
    assert buffer.next(0.0) == b"packet 0"


def test_every_state_knows_what_every_event_does_but_those_that_cannot_be() -> None:
    impossible = {
        (PlayoutState.IDLE, PlayoutEvent.STARTED),
        (PlayoutState.IDLE, PlayoutEvent.RAN_DRY),
        (PlayoutState.FILLING, PlayoutEvent.RAN_DRY),
        (PlayoutState.PLAYING, PlayoutEvent.STARTED),
        (PlayoutState.DRAINING, PlayoutEvent.STARTED),
    }
    pairs = {(state, event) for state in PlayoutState for event in PlayoutEvent}
    assert pairs - set(TRANSITIONS) == impossible


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(0, 8)),
            st.tuples(st.sampled_from(["finish", "drop", "prime"]), st.just(0)),
            st.tuples(st.just("tick"), st.integers(1, 6)),
        ),
        max_size=40,
    )
)
def test_whatever_happens_packets_leave_once_in_order_and_never_after_a_drop(
    acts: list[tuple[str, int]],
) -> None:
    buffer = PlayoutBuffer()
    now, pushed, dropped_before, sent = 0.0, 0, 0, []
    for act, count in acts:
        if act == "push":
            buffer.push([b"%d" % (pushed + i) for i in range(count)], now)
            pushed += count
        elif act == "finish":
            buffer.finish()
        elif act == "prime":
            buffer.prime()
        elif act == "drop":
            buffer.drop(now)
            dropped_before = pushed
        for _ in range(count if act == "tick" else 0):
            now += FRAME_S
            if buffer.wake_at(now) is None:
                assert buffer.next(now) is None
                continue
            packet = buffer.next(now)
            if packet is not None and packet != SILENCE:
                assert int(packet) >= dropped_before
                sent.append(int(packet))
    assert sent == sorted(set(sent))


def test_pushed_finished_and_ticked_long_enough_everything_leaves() -> None:
    for count in range(1, 12):
        buffer = PlayoutBuffer()
        buffer.push(packets(count), at=0.0)
        buffer.finish()
        assert play(buffer, 0.0, 1.0)[:count] == packets(count)


class Changes(list[bool]):
    """Notes what the playout told."""

    def note(self, active: bool) -> None:
        self.append(active)


def sending(left: list[bytes], outcome: Sending = Sending.SENT) -> Callable[[bytes], Sending]:
    def send(packet: bytes) -> Sending:
        left.append(packet)
        return outcome

    return send


def test_the_clock_is_told_of_work_that_it_could_not_foresee_and_of_its_end() -> None:
    changes = Changes()
    playout = Playout(changes.note)
    playout.push(packets(1), at=10.0)
    assert changes == [True]  # to be looked at in 40 ms
    playout.push(packets(2, start=1), at=10.01)
    assert changes == [True, True]  # now already
    playout.push(packets(2, start=3), at=10.01)
    playout.finish()
    assert changes == [True, True]
    left: list[bytes] = []
    for tick in range(5 + SILENCE_FRAMES):
        assert playout.active
        playout.play(10.02 + tick * FRAME_S, sending(left))
    assert changes == [True, True, False]
    assert not playout.active
    assert not playout.playing
    assert left == [*packets(5), *[SILENCE] * SILENCE_FRAMES]


def test_a_drop_before_the_first_packet_ends_the_work() -> None:
    changes = Changes()
    playout = Playout(changes.note)
    playout.push(packets(1), at=10.0)
    playout.drop(at=10.0)
    assert changes == [True, False]


def test_held_packets_stay_and_lost_ones_go_without_a_latency() -> None:
    playout = Playout(Changes().note)
    playout.push(packets(PREBUFFER_PACKETS), at=time.monotonic())
    left: list[bytes] = []
    playout.play(time.monotonic(), sending(left, Sending.HELD))
    playout.play(time.monotonic(), sending(left, Sending.LOST))
    assert left == [b"packet 0", b"packet 0"]
    assert playout.live_to_ear.count == 0
    assert playout.buffered_ms == 40.0


def test_nothing_of_a_dropped_answer_leaves_after_drop_returns() -> None:
    """With a real thread that sends slowly: drop waits for the packet that is on its way."""
    playout = Playout(Changes().note)
    left: list[tuple[bytes, float]] = []
    sending_now, done = threading.Event(), threading.Event()

    def slow(packet: bytes) -> Sending:
        sending_now.set()
        time.sleep(0.02)
        left.append((packet, time.monotonic()))
        return Sending.SENT

    def run() -> None:
        while not done.is_set():
            playout.play(time.monotonic(), slow)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        for _ in range(10):
            sending_now.clear()
            playout.push(packets(50), at=time.monotonic())
            assert sending_now.wait(5)
            playout.drop(at=time.monotonic())
            returned = time.monotonic()
            time.sleep(0.05)
            assert all(at <= returned for packet, at in left if packet != SILENCE)
    finally:
        done.set()
        thread.join()
