"""A model that takes a connection only to close it again: people are told once that it can't be reached."""

from itertools import pairwise

import pytest
from core_rig import LATER, RETRY, again, audio, lose, ready, tell

from bot.live.attempts import STABLE_S, TELL_AGAIN_S
from bot.live.core import LiveCore
from bot.live.events import LiveEvent, Recovered, Waiting


def told_and_up(made: LiveCore, at: float, *, spent: bool = False) -> tuple[list[LiveEvent], float]:
    """Lose the connection and make the next; return what was told, and when it was made.

    The quota is refused with the next connection; where it is `spent`, it ends the one that there is.
    """
    told = lose(made, at, LATER if spent else RETRY)
    at = again(made)
    made.attempt()
    if not spent:
        told += lose(made, at, LATER)
        at = again(made)
        made.attempt()
    return [*told, *made.connected(at)], at


@pytest.mark.parametrize("spent", [True, False])
def test_a_quota_that_is_used_up_is_told_once_though_each_connection_is_made(spent: bool) -> None:
    made, told, at = ready(), [], 20.0
    for _ in range(5):
        events, at = told_and_up(made, at, spent=spent)
        at += STABLE_S / 2
        told += [*events, *made.poll(at)]
    assert [type(event) for event in told if isinstance(event, Waiting | Recovered)] == [Waiting]


def test_a_connection_that_lasts_is_told_once() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0)
    assert made.deadline() == at + STABLE_S
    assert made.poll(at + STABLE_S - 0.1) == []
    assert made.poll(at + STABLE_S) == [Recovered()]
    assert made.deadline() is None
    again_told, _ = told_and_up(made, at + 100.0)
    assert [type(event) for event in again_told][1] is Waiting, "the next loss is another one"


def test_an_answer_is_proof_at_once() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0)
    assert Recovered() not in tell(made, at + 1.0, serverContent=audio())
    assert tell(made, at + 2.0, serverContent={"turnComplete": True})[-1] == Recovered()
    assert made.poll(at + STABLE_S) == []


def test_where_nothing_was_told_nothing_is_taken_back() -> None:
    made = ready()
    lose(made, 20.0)
    at = again(made)
    made.attempt()
    made.connected(at)
    assert made.deadline() is None
    assert made.poll(at + STABLE_S) == []


def test_a_connection_that_lasted_is_good_though_it_is_lost_before_that_is_told() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0)
    again_told, _ = told_and_up(made, at + STABLE_S)
    assert [type(event) for event in again_told].count(Waiting) == 1


def test_a_connection_that_nobody_talks_over_is_no_proof_where_the_quota_was_spent() -> None:
    made = ready()
    told, at = told_and_up(made, 20.0, spent=True)
    assert [type(event) for event in told].count(Waiting) == 1
    assert made.deadline() is None
    assert made.poll(at + 10 * STABLE_S) == []
    told, at = told_and_up(made, at + 10 * STABLE_S, spent=True)  # at the next sentence
    assert [event for event in told if isinstance(event, Waiting | Recovered)] == []
    assert tell(made, at + 1.0, serverContent=audio())[-1] == Recovered()
    assert Recovered() not in tell(made, at + 2.0, serverContent={"turnComplete": True})
    told, _ = told_and_up(made, at + 3.0, spent=True)
    assert [type(event) for event in told].count(Waiting) == 1


def test_there_an_answer_that_somebody_interrupts_is_proof_too() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0, spent=True)
    tell(made, at + 0.5, serverContent={"turnComplete": True})
    assert Recovered() not in made.poll(at + 2 * STABLE_S), "an empty answer costs no quota"
    assert tell(made, at + 21.0, serverContent=audio())[-1] == Recovered()
    tell(made, at + 21.2, serverContent={"interrupted": True})
    assert Recovered() not in tell(made, at + 22.5, serverContent=audio())


def test_but_who_asks_again_long_after_is_told_again() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0, spent=True)
    told, _ = told_and_up(made, at + TELL_AGAIN_S, spent=True)
    assert [type(event) for event in told].count(Waiting) == 1


def test_so_is_who_asks_every_minute_however_short_each_connection_was() -> None:
    made, at, told_at = ready(), 20.0, []
    while at < 2020.0:
        lost_at = at
        told, at = told_and_up(made, at, spent=True)
        told_at += [lost_at for event in told if isinstance(event, Waiting)]
        at = max(at, lost_at + 50.0)
    waits = [later - earlier for earlier, later in pairwise(told_at)]
    assert len(waits) == 3 and all(TELL_AGAIN_S <= wait < TELL_AGAIN_S + 60.0 for wait in waits)


def test_that_it_is_back_is_said_however_long_nobody_asked_until_the_next_loss() -> None:
    made = ready()
    _, at = told_and_up(made, 20.0, spent=True)
    at += TELL_AGAIN_S + 1.0
    lose(made, at)
    at = again(made)
    made.attempt()
    made.connected(at)
    assert tell(made, at + 1.0, serverContent=audio())[-1] == Recovered()
