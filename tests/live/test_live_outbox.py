"""The outbox against a model of it: order, bounds, marks."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Text
from bot.live.outbox import (
    BYTES_PER_S,
    CATCH_UP,
    MAX_AUDIO_BYTES,
    MAX_BACKLOG_BYTES,
    MAX_TEXTS,
    UNANSWERED_S,
    Outbox,
)

SECOND = bytes(BYTES_PER_S)


def drain(outbox: Outbox, now: float = 0.0) -> list[Item]:
    items = []
    while (outgoing := outbox.next(now)) is not None:
        items.append(outgoing.item)
    return items


def fill(outbox: Outbox, *items: Item) -> None:
    for item in items:
        outbox.put(item)


def test_it_keeps_the_order() -> None:
    outbox = Outbox()
    items: list[Item] = [Text("a", answer=False), ActivityStart(), Audio(b"\x01\x02", 0.0), ActivityEnd()]
    fill(outbox, *items)
    assert drain(outbox) == items
    assert drain(outbox) == []


def test_marks_that_change_nothing_and_turns_without_speech_are_left_out() -> None:
    outbox = Outbox()
    fill(outbox, ActivityEnd(), ActivityStart(), ActivityStart(), ActivityEnd(), ActivityEnd())
    assert drain(outbox) == []
    assert not outbox.activity_open


def test_the_newest_ten_seconds_are_kept_and_the_rest_is_counted() -> None:
    outbox = Outbox()
    fill(outbox, ActivityStart(), *(Audio(SECOND, float(i)) for i in range(13)), ActivityEnd())
    items = drain(outbox)
    assert [item.at for item in items if isinstance(item, Audio)] == [float(i) for i in range(3, 13)]
    assert (items[0], items[-1]) == (ActivityStart(), ActivityEnd())
    assert outbox.lost_bytes == 3 * BYTES_PER_S


def test_a_turn_of_which_nothing_is_left_is_not_sent() -> None:
    outbox = Outbox()
    fill(outbox, ActivityStart(), Audio(SECOND, 0.0), ActivityEnd())
    fill(outbox, ActivityStart(), *(Audio(SECOND, float(i)) for i in range(1, 11)), ActivityEnd())
    items = drain(outbox)
    assert [type(item) for item in items] == [ActivityStart, *[Audio] * 10, ActivityEnd]


def turn_lost_after(seconds: int) -> Outbox:
    """Return one whose connection broke off when so many seconds of an open turn were sent."""
    outbox = Outbox()
    outbox.rewind()
    fill(outbox, ActivityStart(), *(Audio(SECOND, float(i)) for i in range(seconds)))
    drain(outbox)
    outbox.cut_off(0.0)
    return outbox


def test_without_a_connection_what_was_sent_makes_room_before_what_waits_and_is_lost() -> None:
    outbox = turn_lost_after(6)
    fill(outbox, *(Audio(SECOND, float(i)) for i in range(6, 12)))
    outbox.rewind()
    items = drain(outbox)
    assert items[0] == ActivityStart()
    assert [item.at for item in items if isinstance(item, Audio)] == [float(i) for i in range(2, 12)]
    assert outbox.lost_bytes == 2 * BYTES_PER_S


def test_what_the_model_has_heard_makes_room_and_is_not_lost() -> None:
    outbox = turn_lost_after(0)
    outbox.rewind()
    for second in range(14):
        outbox.put(Audio(SECOND, float(second)))
        drain(outbox)
    outbox.cut_off(0.0)
    outbox.rewind()
    assert [item.at for item in drain(outbox) if isinstance(item, Audio)] == [float(i) for i in range(4, 14)]
    assert outbox.lost_bytes == 0


def test_over_a_connection_what_several_said_while_another_spoke_is_sent_whole() -> None:
    outbox = turn_lost_after(0)
    outbox.rewind()
    fill(outbox, *(Audio(SECOND, float(i)) for i in range(30)))
    assert [item.at for item in drain(outbox) if isinstance(item, Audio)] == [float(i) for i in range(30)]
    assert outbox.lost_bytes == 0


def test_what_waited_when_the_connection_broke_off_is_kept_beside_what_is_said_then() -> None:
    outbox = turn_lost_after(0)
    outbox.rewind()
    fill(outbox, *(Audio(SECOND, float(i)) for i in range(20)))
    outbox.cut_off(0.0)
    fill(outbox, *(Audio(SECOND, float(i)) for i in range(20, 32)))
    outbox.rewind()
    assert [item.at for item in drain(outbox) if isinstance(item, Audio)] == [float(i) for i in range(2, 32)]
    assert outbox.lost_bytes == 2 * BYTES_PER_S


def test_an_open_turn_is_begun_again_though_its_begin_is_long_ago() -> None:
    outbox = Outbox()
    outbox.put(ActivityStart())
    for second in range(40):
        outbox.put(Audio(SECOND, float(second)))
        drain(outbox, float(second))
    outbox.cut_off(40.0)
    outbox.rewind()
    items = drain(outbox, 40.0)
    assert items[0] == ActivityStart()
    assert [item.at for item in items if isinstance(item, Audio)] == [float(i) for i in range(30, 40)]


def test_what_is_sent_again_says_so() -> None:
    outbox = Outbox()
    fill(outbox, ActivityStart(), Audio(b"\x01\x02", 0.0))
    drain(outbox)
    outbox.put(Audio(b"\x03\x04", 1.0))
    outbox.cut_off(1.0)
    outbox.rewind()
    again = []
    while (outgoing := outbox.next(1.0)) is not None:
        again.append(outgoing.again)
    assert again == [True, True, False]


def test_an_answer_lets_go_of_the_turn_it_answers_and_not_of_the_next() -> None:
    outbox = Outbox()
    fill(
        outbox,
        ActivityStart(),
        Audio(b"\x01\x02", 0.0),
        ActivityEnd(),
        ActivityStart(),
        Audio(b"\x03\x04", 1.0),
    )
    drain(outbox)
    assert outbox.unanswered(0.0)
    outbox.answered(by_marks=True)
    assert not outbox.unanswered(0.0)
    outbox.cut_off(0.0)
    outbox.rewind()
    assert drain(outbox) == [ActivityStart(), Audio(b"\x03\x04", 1.0)]


def test_without_marks_an_answer_lets_go_of_all_that_was_sent() -> None:
    outbox = Outbox()
    fill(outbox, Audio(b"\x01\x02", 0.0), Text("b", answer=False))
    drain(outbox)
    outbox.put(Audio(b"\x03\x04", 1.0))
    outbox.answered(by_marks=False)
    outbox.cut_off(0.0)
    outbox.rewind()
    assert drain(outbox) == [Audio(b"\x03\x04", 1.0)]


def test_a_question_is_unanswered_for_a_while_only() -> None:
    outbox = Outbox()
    outbox.put(Text("Why?", answer=True))
    drain(outbox)
    assert outbox.unanswered(UNANSWERED_S)
    assert not outbox.unanswered(UNANSWERED_S + 0.1)


def test_texts_are_bounded() -> None:
    outbox = Outbox()
    fill(outbox, *(Text(str(i), answer=False) for i in range(MAX_TEXTS + 5)))
    texts = [item.text for item in drain(outbox) if isinstance(item, Text)]
    assert texts == [str(i) for i in range(5, MAX_TEXTS + 5)]


def test_a_backlog_is_sent_fast_but_not_in_one_burst_and_speech_of_now_at_once() -> None:
    outbox = Outbox()
    outbox.put(Audio(bytes(640), 0.0))
    now = outbox.next(0.0)
    assert now is not None
    assert now.pause_s == 0.0
    fill(outbox, *(Audio(bytes(640), 0.0) for _ in range(500)))
    pauses = []
    while (outgoing := outbox.next(0.0)) is not None:
        pauses.append(outgoing.pause_s)
    assert sum(pauses) <= 10.0 / CATCH_UP
    assert sum(pauses) >= 9.0 / CATCH_UP
    assert pauses[-1] == 0.0


def test_a_persons_speech_can_be_taken_back_and_nobody_elses() -> None:
    outbox = Outbox()
    hers: list[Item] = [ActivityStart(), Audio(b"\x01\x02", 0.0, 1), ActivityEnd()]
    his: list[Item] = [ActivityStart(), Audio(b"\x03\x04", 1.0, 2), ActivityEnd()]
    fill(outbox, *hers, *his)
    outbox.forget(1)
    assert drain(outbox) == his
    fill(outbox, *hers)
    outbox.forget(2)
    outbox.cut_off(0.0)
    outbox.rewind()
    assert drain(outbox) == hers


def test_a_turn_whose_speech_was_taken_back_is_ended_where_it_was_begun() -> None:
    outbox = Outbox()
    fill(outbox, ActivityStart(), Audio(b"\x01\x02", 0.0, 1))
    assert len(drain(outbox)) == 2
    outbox.put(Audio(b"\x01\x02", 0.02, 1))
    outbox.forget(1)
    outbox.put(ActivityEnd())
    assert drain(outbox) == [ActivityEnd()]
    outbox.cut_off(0.0)
    outbox.rewind()
    assert drain(outbox) == [], "there is nothing left of it to say again"


STEPS = st.lists(
    st.sampled_from(
        ["start", "speech", "speech", "end", "text", "long speech", "wait", "forget"]
        + 4 * ["next"]
        + ["rewind", "answered"]
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.booleans())
def test_whatever_happens_each_connection_hears_a_consistent_order(steps: list[str], by_marks: bool) -> None:
    outbox, now = Outbox(), 0.0
    heard: list[Item] = []  # over the present connection
    forgotten_to = -1
    for at, step in enumerate(steps):
        match step:
            case "start":
                outbox.put(ActivityStart())
            case "end":
                outbox.put(ActivityEnd())
            case "text":
                outbox.put(Text(str(at), answer=False))
            case "speech":
                outbox.put(Audio(bytes(640), float(at), speaker=at % 2))
            case "forget":
                outbox.forget(0)
                forgotten_to = at
            case "long speech":
                outbox.put(Audio(bytes(4 * BYTES_PER_S), float(at)))
            case "next":
                outgoing = outbox.next(now)
                heard += [outgoing.item] if outgoing else []
                assert not (outgoing and is_forgotten(outgoing.item, forgotten_to))
            case "rewind":
                outbox.cut_off(now)
                outbox.rewind()
                heard = []
            case "answered":
                outbox.answered(by_marks=by_marks)
            case "wait":
                now += 6.0
        assert_bounded(outbox)
        assert_consistent(heard)
    heard += drain(outbox, now)
    assert_consistent(heard)
    assert open_after(heard) == outbox.activity_open
    outbox.cut_off(now)
    outbox.rewind()
    assert_consistent(again := drain(outbox, now))
    assert not [item for item in again if is_forgotten(item, forgotten_to)]
    assert open_after(again) == outbox.activity_open


def is_forgotten(item: Item, forgotten_to: int) -> bool:
    return isinstance(item, Audio) and item.speaker == 0 and item.at <= forgotten_to


def assert_bounded(outbox: Outbox) -> None:
    for queue, size in ((outbox._sent, outbox._sent_bytes), (outbox._waiting, outbox._waiting_bytes)):
        assert sum(entry.size for entry in queue) == size
    assert outbox._sent_bytes + outbox._waiting_bytes <= MAX_AUDIO_BYTES + MAX_BACKLOG_BYTES


def open_after(heard: list[Item]) -> bool:
    marks = [item for item in heard if isinstance(item, ActivityStart | ActivityEnd)]
    return bool(marks) and isinstance(marks[-1], ActivityStart)


def assert_consistent(heard: list[Item]) -> None:
    order = [item.at for item in heard if isinstance(item, Audio)]
    assert order == sorted(set(order)), "in order, and once"
    marks = [item for item in heard if isinstance(item, ActivityStart | ActivityEnd)]
    for first, second in itertools.pairwise(marks):
        assert type(first) is not type(second), "begin and end take turns"
    assert not marks or isinstance(marks[0], ActivityStart), "no end without its begin"
