import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.actions import Action, Release, Speech, Take
from bot.conversation.floor import BEGINS_S, ENDS_S, INSISTS_S, STALL_S, WAITING_S, Floor
from bot.conversation.hangover import START_S, Hangovers
from bot.voice.events import Heard

FRAME_S = 0.02
ANNA, BEN, CARA = 1, 2, 3


def new_floor() -> Floor:
    return Floor(Hangovers())


def frame(user_id: int, at: float, mark: int = 0) -> Heard:
    return Heard(user_id, np.full(320, mark, np.int16), at)


def talk(floor: Floor, user_id: int, start: float, frames: int) -> list[Action]:
    return [action for i in range(frames) for action in floor.heard(frame(user_id, start + i * FRAME_S, i))]


def say(floor: Floor, user_id: int, start: float, frames: int) -> list[Action]:
    """Talk, and close the gate after it."""
    return talk(floor, user_id, start, frames) + floor.hushed(user_id, start + frames * FRAME_S)


def kinds(actions: list[Action]) -> list[type]:
    return [type(action) for action in actions]


def takers(actions: list[Action]) -> list[int | None]:
    return [action.user_id for action in actions if isinstance(action, Take)]


def test_one_person_takes_speaks_and_releases_after_the_hangover() -> None:
    floor = new_floor()
    actions = talk(floor, ANNA, 0.0, 10)
    assert actions[0] == Take(ANNA, True, 0.0)
    assert sum(isinstance(action, Speech) and not action.replayed for action in actions) == 10
    last = 9 * FRAME_S
    assert floor.hushed(ANNA, last + FRAME_S) == []
    assert floor.deadline() == last + START_S
    assert floor.poll(last + START_S - 0.001) == []
    assert floor.poll(last + START_S) == [Release(ANNA, last + START_S)]
    assert floor.holder is None


def test_packets_that_stop_without_a_word_get_more_time() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 10)
    last = 9 * FRAME_S
    assert floor.deadline() == last + STALL_S
    assert kinds(talk(floor, ANNA, last + STALL_S - 0.01, 1)) == [Speech]
    assert floor.poll(last + 2 * STALL_S) == [Release(ANNA, last + 2 * STALL_S)]


def test_speech_after_the_word_of_silence_goes_on_with_the_turn() -> None:
    floor = new_floor()
    say(floor, ANNA, 0.0, 10)
    assert kinds(talk(floor, ANNA, 0.3, 1)) == [Speech]
    assert floor.deadline() == 0.3 + STALL_S


def test_a_second_turn_of_the_same_person_is_no_change_of_floor() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 3)
    floor.poll(1.5)
    assert floor.heard(frame(ANNA, 2.0))[0] == Take(ANNA, False, 2.0)


def test_who_finished_meanwhile_is_replayed_whole_when_the_answer_has_been_heard() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 20)
    assert say(floor, BEN, 0.1, 8) == []
    floor.hushed(ANNA, 0.4)
    assert kinds(floor.poll(1.0)) == [Release]
    assert floor.waiting == (BEN,)
    floor.answer_began(1.5)
    assert floor.poll(1.5 + ENDS_S - 0.01) == [], "Anna's answer is heard first"
    actions = floor.answer_over(9.0)
    assert actions[0] == Take(BEN, True, 9.0)
    spoken = [int(action.pcm[0]) for action in actions if isinstance(action, Speech) and action.replayed]
    assert spoken == list(range(8))
    assert actions[-1] == Release(BEN, 9.0), "Ben's own silence was heard while Ben waited"


def test_an_answer_that_never_comes_or_never_ends_is_not_waited_for() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 20)
    say(floor, BEN, 0.1, 8)
    say(floor, CARA, 0.2, 4)
    floor.hushed(ANNA, 0.4)
    floor.poll(1.0)
    assert floor.deadline() == 1.0 + BEGINS_S
    assert takers(floor.poll(1.0 + BEGINS_S)) == [BEN]
    floor.answer_began(8.0)
    assert floor.deadline() == 8.0 + ENDS_S
    assert takers(floor.poll(8.0 + ENDS_S)) == [CARA]


def test_who_is_still_talking_follows_at_once_after_those_who_wait() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 50)
    say(floor, BEN, 0.2, 5)
    talk(floor, CARA, 0.5, 40)  # until 1.3, over Anna's end at 1.0
    actions = floor.finished(ANNA, 1.3)
    assert takers(actions) == [BEN, CARA]
    assert floor.holder == CARA
    begins = [action for action in actions if isinstance(action, Take)]
    assert begins[0].unanswered == (ANNA,)
    assert begins[1].unanswered == (ANNA, BEN)
    assert kinds(talk(floor, CARA, 1.32, 3)) == [Speech] * 3


def test_who_speaks_into_an_answer_interrupts_it_and_brings_who_waits() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 20)
    say(floor, BEN, 0.1, 8)
    floor.hushed(ANNA, 0.4)
    floor.poll(1.0)
    floor.answer_began(1.5)
    actions = talk(floor, ANNA, 2.0, 1)
    assert takers(actions) == [BEN, ANNA]
    assert [action.unanswered for action in actions if isinstance(action, Take)] == [(), (BEN,)]
    assert not [a for a in actions if isinstance(a, Speech) and a.speakers == {ANNA} and a.replayed]


def test_a_guarded_answer_is_interrupted_at_once_by_the_asker_and_by_others_who_insist() -> None:
    floor = new_floor()
    say(floor, ANNA, 0.0, 20)
    floor.poll(1.0)
    floor.answer_began(1.5, guarded=frozenset({ANNA}))
    aside = say(floor, BEN, 2.0, 20)
    assert aside == []
    assert takers(talk(floor, ANNA, 2.8, 1)) == [BEN, ANNA]
    floor.finished(ANNA, 2.9)
    floor.answer_began(3.0, guarded=frozenset({ANNA}))
    frames = int(INSISTS_S / FRAME_S)
    assert talk(floor, CARA, 3.1, frames - 1) == []
    assert takers(talk(floor, CARA, 3.1 + (frames - 1) * FRAME_S, 1)) == [CARA]


def test_a_person_who_left_gives_the_floor_to_the_one_who_waited_longest() -> None:
    floor = new_floor()
    talk(floor, ANNA, 0.0, 2)
    talk(floor, CARA, 0.01, 1)
    talk(floor, BEN, 0.02, 1)
    actions = floor.left(ANNA, 0.05)
    assert kinds(actions) == [Release, Take, Speech]
    assert actions[1] == Take(CARA, True, 0.05)
    assert floor.left(BEN, 0.06) == []
    assert floor.poll(5.0) == [Release(CARA, 5.0)]


def test_the_ring_is_bounded_and_counts_what_it_lost() -> None:
    floor = new_floor()
    frames = int(WAITING_S / FRAME_S) + 50
    for i in range(frames):
        floor.heard(frame(ANNA, i * FRAME_S))
        floor.heard(frame(BEN, i * FRAME_S, i % 1000))
    assert floor.frames_lost == 50
    actions = floor.poll(1000.0) + floor.poll(1000.0 + BEGINS_S)
    replayed = [action for action in actions if isinstance(action, Speech)]
    assert [int(action.pcm[0]) for action in replayed] == [i % 1000 for i in range(50, frames)]


def test_a_turns_end_is_due_at_the_moment_when_its_hangover_runs_out() -> None:
    """With time as the argument: what a timer adds is all that is late."""
    floor = new_floor()
    at = 0.0
    for turn in range(50):
        say(floor, ANNA, at, 5 + turn)
        last = at + (4 + turn) * FRAME_S
        due = floor.deadline()
        assert due is not None
        assert abs(due - (last + START_S)) < 1e-9
        assert floor.poll(due) == [Release(ANNA, due)]
        at = due + 2.0


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.sampled_from([ANNA, BEN, CARA]), st.floats(0, 0.4), st.integers(1, 20), st.booleans()
            ),
            st.sampled_from(["began", "over", "guarded", "asked"]),
        ),
        max_size=40,
    )
)
def test_every_frame_is_given_once_in_order_and_turns_never_overlap(
    steps: list[tuple[int, float, int, bool] | str],
) -> None:
    floor = new_floor()
    now, sent = 0.0, dict.fromkeys([ANNA, BEN, CARA], 0)
    actions: list[Action] = []
    for step in steps:
        match step:
            case "began":
                floor.answer_began(now)
            case "guarded":
                floor.answer_began(now, guarded=frozenset({ANNA}))
            case "over":
                actions += floor.answer_over(now)
            case "asked":
                floor.asked(now)
            case (user_id, pause, frames, hush):
                now += pause
                for _ in range(frames):
                    now += FRAME_S
                    actions += floor.heard(frame(user_id, now, sent[user_id]))
                    sent[user_id] += 1
                if hush:
                    actions += floor.hushed(user_id, now)
    for _ in range(10):
        now += 100.0
        actions += floor.poll(now)
    assert floor.idle
    assert floor.deadline() is None
    holder: int | None = None
    given: dict[int, list[int]] = {ANNA: [], BEN: [], CARA: []}
    for action in actions:
        match action:
            case Take():
                assert holder is None
                holder = action.user_id
            case Speech(speakers, pcm):
                assert holder is not None
                assert speakers == {holder}
                given[holder].append(int(pcm[0]))
            case Release():
                assert holder == action.user_id
                holder = None
    assert holder is None
    assert given == {user_id: list(range(count)) for user_id, count in sent.items()}
