"""The jitter buffer, on scripted losses and on anything a network can do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.jitter import WINDOW, Arrival, JitterBuffer, Missing, Released
from bot.voice.rtp import Packet

FIRST = 65_500  # every longer script crosses the wrap
FRAME_S = 0.02


def packet(index: int, at: float | None = None) -> Packet:
    """Return the packet that is `index`-th in order, arriving in time if not told otherwise."""
    arrival = index * FRAME_S if at is None else at
    return Packet((FIRST + index) & 0xFFFF, 960 * index & 0xFFFF_FFFF, b"%d" % index, arrival)


def names(released: list[Released]) -> list[int | str]:
    """Return the indices of packets, and how many are missing between them as "-n"."""
    return [f"-{item.count}" if isinstance(item, Missing) else int(item.payload) for item in released]


def test_in_order_everything_leaves_at_once() -> None:
    buffer = JitterBuffer()
    assert [names(buffer.push(packet(i))) for i in range(100)] == [[i] for i in range(100)]
    assert buffer.deadline is None and len(buffer) == 0


def test_two_packets_swapped_leave_in_order_without_a_wait() -> None:
    buffer = JitterBuffer()
    assert [names(buffer.push(packet(i))) for i in (0, 2, 1, 3)] == [[0], [], [1, 2], [3]]


def test_a_hole_is_waited_for_40_ms_after_the_first_later_packet() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0))
    assert buffer.push(packet(2, at=0.041)) == []
    assert buffer.push(packet(3, at=0.060)) == []
    assert buffer.deadline == pytest.approx(0.081)
    assert buffer.poll(0.080) == []
    assert names(buffer.poll(0.082)) == ["-1", 2, 3]
    assert buffer.deadline is None


def test_where_the_network_jitters_the_wait_is_60_ms() -> None:
    buffer = JitterBuffer()
    for i in range(200):
        buffer.push(packet(i, at=i * FRAME_S + (0.04 if i % 2 else 0.0)))
    assert buffer.jitter_s > 0.015
    buffer.push(packet(201, at=5.0))
    assert buffer.deadline == pytest.approx(5.060)


def test_a_hole_can_be_given_up_before_its_time() -> None:
    buffer = JitterBuffer()
    assert buffer.ahead(packet(3).sequence) is None
    assert buffer.skip_to(packet(3).sequence) == []  # from nowhere: there is nothing to miss
    assert names(buffer.push(packet(3))) == [3]
    buffer.push(packet(5))
    assert [buffer.ahead(packet(i).sequence) for i in (3, 4, 7)] == [-1, 0, 3]
    assert names(buffer.skip_to(packet(7).sequence)) == ["-1", 5, "-1"]
    assert buffer.classify(packet(6).sequence) is Arrival.LATE
    assert buffer.skip_to(packet(2).sequence) == []
    assert names(buffer.push(packet(7))) == [7]


def test_a_second_hole_is_waited_for_by_its_own_packets_time() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0))
    buffer.push(packet(2, at=0.040))
    buffer.push(packet(5, at=0.070))
    assert names(buffer.poll(0.085)) == ["-1", 2]
    assert buffer.deadline == pytest.approx(0.110)
    assert names(buffer.poll(0.111)) == ["-2", 5]


def test_a_loop_that_slept_catches_up_in_one_poll() -> None:
    buffer = JitterBuffer()
    for i in (0, 2, 4, 6):
        buffer.push(packet(i))
    assert names(buffer.poll(9.0)) == ["-1", 2, "-1", 4, "-1", 6]


def test_what_comes_after_its_turn_is_late_and_what_comes_twice_a_duplicate() -> None:
    buffer = JitterBuffer()
    for i in (0, 2):
        buffer.push(packet(i))
    assert buffer.classify(packet(2).sequence) is Arrival.DUPLICATE  # waiting
    buffer.poll(1.0)
    assert buffer.classify(packet(0).sequence) is Arrival.DUPLICATE
    assert buffer.classify(packet(1).sequence) is Arrival.LATE
    assert buffer.push(packet(1)) == buffer.push(packet(2)) == []
    assert names(buffer.push(packet(3))) == [3]


def test_a_gap_in_time_without_one_in_sequence_is_no_loss() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0))
    later = Packet(packet(1).sequence, 48_000 * 30, b"1", 30.0)
    assert names(buffer.push(later)) == [1]


def test_a_burst_beyond_the_window_is_given_up_as_far_as_the_window() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0))
    buffer.push(packet(3))
    assert names(buffer.push(packet(300))) == ["-2", 3, f"-{300 - 4 - WINDOW + 1}"]
    assert names(buffer.flush()) == [f"-{WINDOW - 1}", 300]


def test_a_stray_packet_from_far_off_is_ignored() -> None:
    buffer = JitterBuffer()
    buffer.push(packet(0))
    assert buffer.push(packet(20_000)) == []
    assert names(buffer.push(packet(1))) == [1]
    assert buffer.push(packet(20_001)) == []  # not the one after the stray: that was forgotten


def test_a_sender_that_restarted_is_followed_from_its_second_packet_on() -> None:
    buffer = JitterBuffer()
    for i in (0, 1, 3):
        buffer.push(packet(i))
    assert buffer.push(packet(20_000)) == []
    assert names(buffer.push(packet(20_001))) == ["-1", 3, 20_000, 20_001]
    assert names(buffer.push(packet(20_002))) == [20_002]


@settings(max_examples=150)
@given(data=st.data(), total=st.integers(1, 150), polled=st.booleans())
def test_whatever_the_network_does_the_output_is_in_order_and_complete(
    data: st.DataObject, total: int, polled: bool
) -> None:
    """Lose, delay (so reorder) and duplicate packets; each leaves once, in its place, or is missing."""
    delays = data.draw(st.lists(st.floats(0, 0.5), min_size=total, max_size=total))
    lost = data.draw(st.sets(st.integers(1, total), max_size=total // 2))
    copies = data.draw(st.lists(st.tuples(st.integers(0, total - 1), st.floats(0, 1.0)), max_size=20))
    arrivals = [(i * FRAME_S + delays[i] * (i > 0), i) for i in range(total) if i not in lost]
    arrivals += [(i * FRAME_S + delays[i] + more, i) for i, more in copies if i not in lost and i]
    buffer, released = JitterBuffer(), list[Released]()
    for at, index in sorted(arrivals):
        if polled:
            released += buffer.poll(at)
        released += buffer.push(packet(index, at))
        assert len(buffer) <= WINDOW
        assert (buffer.deadline is None) == (len(buffer) == 0)
    released += buffer.flush()
    expected = 0
    for item in released:
        if isinstance(item, Missing):
            assert item.count > 0
            expected += item.count
        else:
            assert int(item.payload) == expected
            expected += 1
    assert len(buffer) == 0 and buffer.deadline is None


@settings(max_examples=100)
@given(order=st.permutations(range(1, 20)))
def test_any_order_within_the_wait_loses_nothing(order: list[int]) -> None:
    buffer = JitterBuffer()
    released = buffer.push(packet(0))
    for index in order:
        released += buffer.push(packet(index, at=0.02))
    assert names(released) == list(range(len(order) + 1))


@settings(max_examples=100)
@given(sequences=st.lists(st.integers(0, 0xFFFF), max_size=200))
def test_any_numbers_at_all_keep_it_bounded(sequences: list[int]) -> None:
    buffer, out = JitterBuffer(), 0
    for at, sequence in enumerate(sequences):
        released = buffer.push(Packet(sequence, 0, b"x", at * 0.001))
        out += sum(isinstance(item, Packet) for item in released)
        assert len(buffer) <= WINDOW
    assert out + sum(isinstance(item, Packet) for item in buffer.flush()) <= len(sequences)
