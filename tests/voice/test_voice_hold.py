"""The hold for frames that can't be heard yet: in order, bounded, and never older than two seconds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.voice.hold import HOLD_FRAMES, HOLD_S, Hold
from bot.voice.rtp import Packet

FIRST = 65_500


def packet(index: int, at: float = 0.0) -> Packet:
    return Packet((FIRST + index) & 0xFFFF, 0, b"%d" % index, at)


def indices(packets: list[Packet]) -> list[int]:
    return [int(each.payload) for each in packets]


@given(order=st.permutations(range(60)))
def test_frames_come_out_in_the_order_of_their_numbers(order: list[int]) -> None:
    hold = Hold()
    for index in order:
        assert hold.add(packet(index)) == []
    assert all(packet(index).sequence in hold for index in order)
    assert indices(hold.take_before(packet(20).sequence)) == list(range(20))
    assert not hold.blocks(packet(20).sequence) and hold.blocks(packet(21).sequence)
    assert indices(hold.take_while(lambda held: int(held.payload) != 30)) == list(range(20, 30))
    assert indices(hold.take_all()) == list(range(30, 60))
    assert len(hold) == 0 and hold.deadline is None


def test_when_it_is_full_the_first_go() -> None:
    hold = Hold()
    gone = [each for index in range(150) for each in hold.add(packet(index))]
    assert indices(gone) == list(range(50)) and indices(hold.take_all()) == list(range(50, 150))


def test_what_is_two_seconds_old_goes_when_something_comes() -> None:
    hold = Hold()
    gone = [each for index in range(60) for each in hold.add(packet(index, at=index * 0.1))]
    assert indices(gone) == list(range(40)) and indices(hold.take_all()) == list(range(40, 60))


@settings(max_examples=60)
@given(steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=300))
def test_it_stays_small_and_young(steps: list[float]) -> None:
    hold, now, gone = Hold(), 0.0, 0
    for index, step in enumerate(steps):
        now += step
        gone += len(hold.add(packet(index, now)))
        kept = hold.take_all()
        assert gone + len(kept) == index + 1
        assert len(kept) <= HOLD_FRAMES and all(each.at + HOLD_S > now for each in kept)
        for each in kept:
            hold.add(each)
    assert hold.deadline == pytest.approx(now + HOLD_S)
    assert hold.expire(now + HOLD_S) and len(hold) == 0
