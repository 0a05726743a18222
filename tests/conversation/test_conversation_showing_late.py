"""Pictures and videos while the event loop is late: they wait, in order, for a while."""

import pytest
from test_conversation_showing import ADA, BOB, Rig, clip, jpegs, rig, sight

from bot.conversation.overload import PICTURES_S, STILL_S, Load
from bot.conversation.showing import FEED_S, HELD_S
from bot.conversation.sights import KEPT, ShowError


def stays_late(made: Rig, since: float, until: float) -> None:
    """Have the loop late from then to then."""
    for tenth in range(round((until - since) * 10) + 1):
        made.showing.overload.late(0.3, since + tenth / 10)
    assert made.showing.overload.load(until) is Load.PICTURES


def test_pictures_wait_in_order_until_the_loop_is_in_time() -> None:
    made = rig()
    stays_late(made, 0.0, STILL_S)
    made.showing.show([sight("cat.png")], STILL_S)
    made.showing.show([sight("dog.png", BOB)], STILL_S)
    assert made.taken() == []
    assert made.showing.deadline() == STILL_S + FEED_S
    made.showing.poll(STILL_S + FEED_S)
    assert made.taken() == []
    made.showing.poll(STILL_S + PICTURES_S)
    assert jpegs(made.taken()) == [b"cat.png", b"dog.png"]
    assert made.showing.deadline() is None
    made.showing.show([sight("cow.png")], STILL_S + PICTURES_S)
    assert jpegs(made.taken()) == [b"cow.png"]


def test_they_wait_for_some_seconds_however_late_the_loop_stays() -> None:
    made = rig()
    stays_late(made, 0.0, STILL_S + HELD_S)
    made.showing.show([sight("cat.png")], STILL_S)
    made.showing.poll(STILL_S + HELD_S - FEED_S)
    assert made.taken() == []
    made.showing.poll(STILL_S + HELD_S)
    assert jpegs(made.taken()) == [b"cat.png"]


def test_no_more_wait_than_would_be_kept() -> None:
    made = rig()
    stays_late(made, 0.0, STILL_S)
    for number in range(KEPT):
        made.showing.show([sight(f"{number}.png")], STILL_S)
    with pytest.raises(ShowError, match="I have no time to look at more pictures just now"):
        made.showing.show([sight("more.png")], STILL_S)
    made.showing.poll(STILL_S + PICTURES_S)
    assert jpegs(made.taken()) == [b"%d.png" % number for number in range(KEPT)]


def test_what_waits_is_forgotten_with_its_person_and_with_the_call() -> None:
    made = rig()
    stays_late(made, 0.0, STILL_S)
    made.showing.show([sight("cat.png", ADA)], STILL_S)
    made.showing.show([sight("dog.png", BOB)], STILL_S)
    made.showing.forget(ADA, STILL_S)
    made.showing.poll(STILL_S + PICTURES_S)
    assert jpegs(made.taken()) == [b"dog.png"]
    stays_late(made, 20.0, 20.0 + STILL_S)
    made.showing.show([sight("cat.png", ADA)], 21.0)
    made.showing.close()
    assert made.showing.deadline() is None
    made.showing.poll(30.0)
    assert made.taken() == []


def test_a_video_stands_still_and_goes_on() -> None:
    made = rig()
    made.play(clip(3), now=0.0)
    made.showing.poll(0.0)
    assert jpegs(made.taken()) == [b"0"]
    stays_late(made, 0.1, 0.1 + STILL_S)
    now = 0.1 + STILL_S
    made.showing.poll(now)
    assert made.taken() == []
    assert made.showing.deadline() == now + FEED_S
    made.showing.poll(now + PICTURES_S)
    assert jpegs(made.taken()) == [b"1"]
