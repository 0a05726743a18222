"""A model that takes a connection only to close it again: people are told once that it can't be reached."""

from core_rig import LATER, again, audio, lose, ready, tell

from bot.live.attempts import STABLE_S
from bot.live.core import LiveCore
from bot.live.events import LiveEvent, Recovered, Waiting


def told_and_up(made: LiveCore, at: float) -> tuple[list[LiveEvent], float]:
    """Lose the connection and make the next; return what was told, and when it was made."""
    told = lose(made, at, LATER)
    at = again(made)
    made.attempt()
    return [*told, *made.connected(at)], at


def test_a_quota_that_is_used_up_is_told_once_though_each_connection_is_made() -> None:
    made, told, at = ready(), [], 20.0
    for _ in range(5):
        events, at = told_and_up(made, at)
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
