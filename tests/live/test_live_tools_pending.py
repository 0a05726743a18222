"""A connection is lost between a function's call, its result, and the answer: no question goes with it."""

import pytest
from core_rig import audio, ready, tell
from tools_rig import FIRST, SECOND, answer, called, reconnect, resolve, say

from bot.live.core import LiveCore
from bot.live.items import Text
from bot.live.recap import CUT_OFF

WORDS = {"outputTranscription": {"text": "Let me look."}}


@pytest.mark.parametrize("ids", [("a",), ("a", "b")], ids=["one call", "two calls"])
def test_the_next_question_outlives_a_connection_that_only_told_the_result_of_the_one_before(
    ids: tuple[str, ...],
) -> None:
    made = ready()
    say(made, FIRST, 1.0)
    resolve(made, called(made, 1.2, *ids), 1.5)
    say(made, SECOND, 2.5)
    answer(made, 2.6)  # of the result, which was given before the second question was over
    assert reconnect(made, 2.7) == SECOND


def test_a_question_in_which_a_result_is_told_is_heard_whole_again() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    calls = called(made, 1.2, "a")
    say(made, SECOND[:2], 2.0)
    resolve(made, calls, 2.05)
    say(made, SECOND[2:], 2.5)
    answer(made, 2.6)
    assert reconnect(made, 2.7) == SECOND


def prelude(made: LiveCore) -> None:
    """Ask; the result is given at once, before the model begins to say that it looks."""
    say(made, FIRST, 1.0)
    resolve(made, called(made, 1.2, "a"), 1.3)
    answer(made, 1.5)


def test_a_question_asked_into_what_is_said_meanwhile_outlives_the_telling_of_the_result() -> None:
    made = ready()
    prelude(made)
    say(made, SECOND[:1], 2.0)
    tell(made, 2.1, serverContent={"interrupted": True})
    tell(made, 2.1, serverContent={"turnComplete": True})
    say(made, SECOND[1:], 2.5)
    answer(made, 2.7)
    assert reconnect(made, 2.8) == SECOND


@pytest.mark.parametrize("ends", ["interrupted", "generationComplete"])
def test_so_does_one_asked_into_the_end_of_it(ends: str) -> None:
    made = ready()
    prelude(made)
    tell(made, 1.9, serverContent={"generationComplete": True})
    say(made, SECOND, 2.0)
    tell(made, 2.2, serverContent={ends: True})
    tell(made, 2.2, serverContent={"turnComplete": True})
    answer(made, 3.3)
    assert reconnect(made, 3.4) == SECOND


def test_so_does_one_asked_into_what_is_said_while_the_function_runs() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    calls = called(made, 1.2, "a")
    answer(made, 1.5)
    resolve(made, calls, 1.7)
    say(made, SECOND[:1], 2.0)
    tell(made, 2.1, serverContent={"interrupted": True})
    tell(made, 2.1, serverContent={"turnComplete": True})
    say(made, SECOND[1:], 2.5)
    answer(made, 2.7)
    assert reconnect(made, 2.8) == SECOND


def test_its_own_answer_lets_go_of_it() -> None:
    made = ready()
    prelude(made)
    say(made, SECOND, 2.0)
    for at in (2.7, 3.7):
        tell(made, at, serverContent={"turnComplete": True})
        answer(made, at)
    assert not made.outbox.unanswered(4.0)


def test_a_result_is_told_by_the_answer_that_is_on_its_way_where_no_other_follows_it() -> None:
    made = ready()
    prelude(made)
    tell(made, 1.9, serverContent={"turnComplete": True})
    say(made, SECOND, 5.0)
    answer(made, 5.5)
    assert not made.outbox.unanswered(5.5)


def test_both_answers_let_go_of_both_questions() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    resolve(made, called(made, 1.2, "a"), 1.5)
    say(made, SECOND, 2.5)
    for at in (2.6, 3.6):
        answer(made, at)
        tell(made, at + 0.5, serverContent={"turnComplete": True})
    assert not made.outbox.unanswered(4.2)
    assert reconnect(made, 4.2) == []


@pytest.mark.parametrize("given", [False, True], ids=["the function runs", "its result was sent"])
def test_a_model_that_said_it_would_look_is_asked_to_go_on(given: bool) -> None:
    made = ready()
    say(made, FIRST, 1.0)
    tell(made, 1.5, serverContent=audio() | WORDS)
    calls = called(made, 1.6, "a")
    tell(made, 1.7, serverContent={"turnComplete": True})
    if given:
        resolve(made, calls, 2.0)
    (text,) = reconnect(made, 2.5)
    assert isinstance(text, Text) and text.answer
    assert text.text.startswith(CUT_OFF) and "Let me look." in text.text


def test_nor_is_it_twice_nor_after_the_result_was_told() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    answer(made, 1.5)
    calls = called(made, 1.6, "a")
    tell(made, 1.7, serverContent={"turnComplete": True})
    resolve(made, calls, 2.0)
    answer(made, 2.2)
    tell(made, 2.3, serverContent={"turnComplete": True})
    assert reconnect(made, 2.5) == []
    assert reconnect(made, 30.0) == []


def test_what_nobody_is_to_be_told_is_not_gone_on_with() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    answer(made, 1.5)
    calls = called(made, 1.6, "a")
    tell(made, 1.7, serverContent={"turnComplete": True})
    resolve(made, calls, 2.0, silent=True)
    assert reconnect(made, 2.5) == []


def test_a_question_asked_meanwhile_is_heard_again_in_its_place() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    answer(made, 1.5)
    called(made, 1.6, "a")
    tell(made, 1.7, serverContent={"turnComplete": True})
    say(made, SECOND, 2.5)
    assert reconnect(made, 2.7) == SECOND
