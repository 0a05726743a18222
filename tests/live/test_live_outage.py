"""Outages of any length: what was said before, and in the last 10 s of them, is heard afterwards."""

import pytest
from core_rig import LATER, PCM, SPOKEN, again, ask, lose, ready, send_all, tell

from bot.live.backoff import AT_ONCE_S
from bot.live.core import LiveCore
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item
from bot.live.outbox import UNANSWERED_S
from bot.live.states import LiveState


def back(made: LiveCore, after_s: float) -> float:
    """Lose the connection at 20 s, and have the next one so much later; return when that is."""
    lose(made, 20.0)
    again(made)
    made.attempt()
    lose(made, 20.3, LATER)
    made._deadline = 20.0 + after_s
    made.poll(20.0 + after_s)
    made.attempt()
    made.connected(20.0 + after_s)
    return 20.0 + after_s


@pytest.mark.parametrize("after_s", [1.0, 45.0, 600.0])
def test_a_question_that_was_not_answered_is_asked_again(after_s: float) -> None:
    made = ready()
    ask(made, 19.0)
    assert send_all(made, back(made, after_s)) == SPOKEN


@pytest.mark.parametrize("after_s", [1.0, 45.0, 600.0])
def test_a_sentence_in_whose_midst_it_broke_off_is_heard_whole(after_s: float) -> None:
    made = ready()
    half: list[Item] = [Audio(PCM, float(number), 1) for number in range(50)]
    for item in (ActivityStart(), *half):
        made.say(item)
    send_all(made, 20.0)
    rest: list[Item] = [Audio(PCM, 100.0 + number, 1) for number in range(50)]
    lose(made, 20.0)
    for item in (*rest, ActivityEnd()):
        made.say(item)
    again(made)
    made.attempt()
    made.connected(20.0 + after_s)
    assert send_all(made, 20.0 + after_s) == [ActivityStart(), *half, *rest, ActivityEnd()]


def test_what_was_not_answered_while_there_was_a_connection_is_not_asked_long_after() -> None:
    made = ready()
    ask(made, 19.0 - UNANSWERED_S)
    assert send_all(made, back(made, 1.0)) == []


def test_hours_of_good_connections_make_the_next_attempt_soon_again() -> None:
    made, now = ready(), 20.0
    lose(made, now)
    for _ in range(7):
        now = again(made)
        made.attempt()
        lose(made, now)
    now = again(made)
    for _ in range(10):
        made.attempt()
        made.connected(now)
        tell(made, now + 600.0, goAway={"timeLeft": "60s"})
        made.poll(now + 600.0)
        assert made.state is LiveState.CONNECTING
        now += 600.0
    made.attempt()
    lose(made, now)
    assert again(made) <= now + AT_ONCE_S
