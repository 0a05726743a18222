import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.floor import HANGOVER_S, STALL_S, WAITING_S, Action, Floor, Release, Speech, Take
from bot.voice.events import Heard

FRAME_S = 0.02
ANNA, BEN, CARA = 1, 2, 3


def frame(user_id: int, at: float, mark: int = 0) -> Heard:
    return Heard(user_id, np.full(320, mark, np.int16), at)


def talk(floor: Floor, user_id: int, start: float, frames: int) -> list[Action]:
    return [action for i in range(frames) for action in floor.heard(frame(user_id, start + i * FRAME_S, i))]


def test_one_person_takes_speaks_and_releases_after_the_hangover() -> None:
    floor = Floor()
    actions = talk(floor, ANNA, 0.0, 10)
    assert actions[0] == Take(ANNA, True, 0.0)
    assert sum(isinstance(action, Speech) for action in actions) == 10
    last = 9 * FRAME_S
    assert floor.hushed(ANNA, last + FRAME_S) == []
    assert floor.deadline() == last + HANGOVER_S
    assert floor.poll(last + HANGOVER_S - 0.001) == []
    assert floor.poll(last + HANGOVER_S) == [Release(ANNA, last + HANGOVER_S)]
    assert floor.deadline() is None


def test_packets_that_stop_without_a_word_get_more_time() -> None:
    floor = Floor()
    talk(floor, ANNA, 0.0, 10)
    last = 9 * FRAME_S
    assert floor.deadline() == last + STALL_S
    assert [type(action) for action in talk(floor, ANNA, last + STALL_S - 0.01, 1)] == [Speech]
    assert floor.poll(last + 2 * STALL_S) == [Release(ANNA, last + 2 * STALL_S)]


def test_speech_after_the_word_of_silence_goes_on_with_the_turn() -> None:
    floor = Floor()
    talk(floor, ANNA, 0.0, 10)
    floor.hushed(ANNA, 0.2)
    assert [type(action) for action in talk(floor, ANNA, 0.3, 1)] == [Speech]
    assert floor.deadline() == 0.3 + STALL_S


def test_a_second_turn_of_the_same_person_is_no_change_of_floor() -> None:
    floor = Floor()
    talk(floor, ANNA, 0.0, 3)
    floor.poll(1.5)
    assert floor.heard(frame(ANNA, 2.0))[0] == Take(ANNA, False, 2.0)


def test_who_speaks_meanwhile_is_replayed_whole_as_the_next_turn() -> None:
    floor = Floor()
    talk(floor, ANNA, 0.0, 10)
    assert talk(floor, BEN, 0.1, 8) == []
    floor.hushed(BEN, 0.26)
    floor.hushed(ANNA, 0.2)
    actions = floor.poll(0.18 + HANGOVER_S)
    assert actions[:2] == [Release(ANNA, 0.18 + HANGOVER_S), Take(BEN, True, 0.18 + HANGOVER_S)]
    assert floor.deadline() == 0.24 + HANGOVER_S, "Ben's own silence was heard while Ben waited"
    spoken = [int(action.pcm[0]) for action in actions if isinstance(action, Speech)]
    assert spoken == list(range(8))


def test_a_person_who_left_gives_the_floor_to_the_one_who_waited_longest() -> None:
    floor = Floor()
    talk(floor, ANNA, 0.0, 2)
    talk(floor, CARA, 0.01, 1)
    talk(floor, BEN, 0.02, 1)
    actions = floor.left(ANNA, 0.05)
    assert [type(action) for action in actions] == [Release, Take, Speech]
    assert floor.holder == CARA
    assert floor.left(BEN, 0.06) == []
    assert floor.poll(5.0) == [Release(CARA, 5.0)]


def test_the_ring_is_bounded_and_counts_what_it_lost() -> None:
    floor = Floor()
    frames = int(WAITING_S / FRAME_S) + 50
    for i in range(frames):
        floor.heard(frame(ANNA, i * FRAME_S))
        floor.heard(frame(BEN, i * FRAME_S, i % 1000))
    assert floor.frames_lost == 50
    replayed = [action for action in floor.poll(1000.0) if isinstance(action, Speech)]
    assert [int(action.pcm[0]) for action in replayed] == [i % 1000 for i in range(50, frames)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([ANNA, BEN, CARA]), st.floats(0, 0.4), st.integers(1, 20)),
        max_size=30,
    )
)
def test_every_frame_is_given_once_in_order_and_turns_never_overlap(
    spurts: list[tuple[int, float, int]],
) -> None:
    floor = Floor()
    now, sent = 0.0, dict.fromkeys([ANNA, BEN, CARA], 0)
    actions: list[Action] = []
    for user_id, pause, frames in spurts:
        now += pause
        for _ in range(frames):
            now += FRAME_S
            actions += floor.heard(frame(user_id, now, sent[user_id]))
            sent[user_id] += 1
    actions += floor.poll(now + 100.0)
    holder: int | None = None
    given: dict[int, list[int]] = {ANNA: [], BEN: [], CARA: []}
    for action in actions:
        match action:
            case Take(user_id):
                assert holder is None
                holder = user_id
            case Speech(user_id, pcm):
                assert holder == user_id
                given[holder].append(int(pcm[0]))
            case Release(user_id):
                assert holder == user_id
                holder = None
    assert holder is None
    assert given == {user_id: list(range(count)) for user_id, count in sent.items()}
