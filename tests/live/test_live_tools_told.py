"""What was answered around a function's call is not asked again, nor is any function called again for it."""

from typing import Any

import pytest
from core_rig import PCM, ready, send_all, tell
from tools_rig import (
    FIRST,
    SECOND,
    answer,
    answer_whole,
    called,
    end_turn,
    interrupt,
    reconnect,
    resolve,
    say,
)

from bot.live.core import LiveCore
from bot.live.items import Audio, Item, Text
from bot.live.recap import CUT_OFF

GO_ON = [Text(CUT_OFF, answer=True)]
TYPED: list[Item] = [Text("And tomorrow?", answer=True)]
HEARD: list[Item] = [Audio(PCM, 1.0, 1)]
TURNS = pytest.mark.parametrize(("turns", "question"), [("marks", FIRST), ("model", HEARD)])


def tool_answer(made: LiveCore, question: list[Item] = FIRST) -> None:
    """Ask at 1 s, and have it answered by what came of a function, until 2.5 s."""
    say(made, question, 1.0)
    resolve(made, called(made, 1.2, "a"), 1.5)
    answer_whole(made, 2.0)


def barge_in(made: LiveCore) -> None:
    """Ask at 1 s, and something else into the answer that tells what came of a function."""
    say(made, FIRST, 1.0)
    resolve(made, called(made, 1.2, "a"), 1.5)
    answer(made, 2.0)
    say(made, SECOND[:1], 2.2)
    interrupt(made, 2.3)
    say(made, SECOND[1:], 3.0)


@pytest.mark.parametrize("question", [SECOND, TYPED], ids=["spoken", "typed"])
@pytest.mark.parametrize("later_s", [0.5, 2.0, 60.0])
def test_the_question_after_it_is_not_asked_again_once_it_was_answered(
    question: list[Item], later_s: float
) -> None:
    made = ready()
    tool_answer(made)
    asked_at = 2.5 + later_s
    say(made, question, asked_at)
    answer_whole(made, asked_at + 1.0)
    assert made.exchange.idle(asked_at + 2.0)
    assert reconnect(made, asked_at + 3.5) == []


@pytest.mark.parametrize("question", [SECOND, TYPED], ids=["spoken", "typed"])
@pytest.mark.parametrize("later_s", [0.5, 2.0, 60.0])
def test_its_answer_is_gone_on_with_where_it_was_cut_off(question: list[Item], later_s: float) -> None:
    made = ready()
    tool_answer(made)
    say(made, question, 2.5 + later_s)
    answer(made, 3.5 + later_s)
    (text,) = reconnect(made, 3.7 + later_s)
    assert isinstance(text, Text) and text.text.startswith(CUT_OFF)


def test_nor_is_one_that_was_asked_into_it() -> None:
    made = ready()
    barge_in(made)
    answer_whole(made, 4.0)
    assert made.exchange.idle(5.0)
    assert reconnect(made, 6.5) == []


def test_one_whose_answer_arrived_whole_is_not_asked_again_though_it_is_still_played() -> None:
    made = ready()
    barge_in(made)
    answer(made, 4.0)
    tell(made, 4.1, serverContent={"generationComplete": True})
    assert reconnect(made, 4.2) == []


def test_one_that_was_interrupted_in_its_turn_is_let_go_of_by_the_next_answer() -> None:
    made = ready()
    barge_in(made)
    answer(made, 4.0)
    say(made, FIRST[:1], 4.2)
    interrupt(made, 4.3)
    say(made, FIRST[1:], 5.0)
    answer(made, 6.0)
    assert reconnect(made, 6.2) == GO_ON


def test_a_move_does_not_wait_for_what_was_answered_nor_ask_it_again() -> None:
    made = ready()
    barge_in(made)
    tell(made, 3.5, goAway={"timeLeft": "9s"})
    answer_whole(made, 4.0)
    (lost,) = made.poll(5.0)
    made.attempt()
    made.connected(5.1)
    assert send_all(made, 5.1) == [], lost


@pytest.mark.parametrize("into", [False, True], ids=["after the answer", "into the answer"])
def test_results_that_come_apart_are_told_without_either_function_being_called_again(into: bool) -> None:
    made = ready()
    say(made, FIRST, 1.0)
    first, second = called(made, 1.2, "a", "b")
    resolve(made, [first], 1.5)
    answer(made, 2.0)
    if into:
        resolve(made, [second], 2.2)
        end_turn(made, 2.5)
    else:
        end_turn(made, 2.5)
        resolve(made, [second], 3.0)
    answer_whole(made, 4.0)
    assert made.exchange.idle(5.0)
    assert reconnect(made, 5.0) == []


@TURNS
@pytest.mark.parametrize("ended", [False, True])
def test_nor_where_the_connection_is_lost_between_them(turns: str, question: list[Item], ended: bool) -> None:
    made = ready(turns)
    say(made, question, 1.0)
    first, _ = called(made, 1.2, "a", "b")
    resolve(made, [first], 1.5)
    answer(made, 2.0)
    if ended:
        end_turn(made, 2.5)
    assert reconnect(made, 2.7) == GO_ON


def test_nor_where_it_is_lost_while_the_last_of_them_is_told() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    first, second = called(made, 1.2, "a", "b")
    resolve(made, [first], 1.5)
    answer_whole(made, 2.0)
    resolve(made, [second], 3.0)
    answer(made, 4.0)
    assert reconnect(made, 4.2) == GO_ON


@TURNS
def test_nor_where_the_answer_that_said_so_was_begun_before_the_result(
    turns: str, question: list[Item]
) -> None:
    made = ready(turns)
    say(made, question, 1.0)
    calls = called(made, 1.2, "a")
    answer(made, 1.5)
    resolve(made, calls, 1.7)
    end_turn(made, 2.0)
    assert reconnect(made, 2.2) == GO_ON


def test_a_question_typed_into_somebodys_turn_is_answered_once_and_the_turn_is_kept() -> None:
    made = ready()
    say(made, SECOND[:2], 1.0)
    say(made, TYPED, 1.2)
    answer_whole(made, 2.0)
    say(made, SECOND[2:3], 2.6)
    assert reconnect(made, 3.0) == SECOND[:3]


@pytest.mark.parametrize("later_s", [0.5, 60.0])
def test_where_the_model_finds_the_turns_an_answer_is_to_all_that_was_said(later_s: float) -> None:
    made = ready("model")
    tool_answer(made, HEARD)
    say(made, HEARD, 2.5 + later_s)
    answer(made, 3.5 + later_s)
    assert reconnect(made, 3.7 + later_s) == GO_ON


@pytest.mark.parametrize("later_s", [0.5, 60.0])
def test_there_too_nothing_is_said_again_once_it_was_answered(later_s: float) -> None:
    made = ready("model")
    tool_answer(made, HEARD)
    say(made, HEARD, 2.5 + later_s)
    answer_whole(made, 3.5 + later_s)
    assert made.exchange.idle(10.0 + later_s)
    assert reconnect(made, 10.0 + later_s) == []


def test_there_too_results_that_come_apart_are_told_once() -> None:
    made = ready("model")
    say(made, HEARD, 1.0)
    first, second = called(made, 1.2, "a", "b")
    resolve(made, [first], 1.5)
    answer_whole(made, 2.0)
    resolve(made, [second], 3.0)
    answer_whole(made, 4.0)
    assert reconnect(made, 5.0) == []


def test_what_waits_for_the_first_result_is_asked_anew_there_too() -> None:
    made = ready("model")
    say(made, HEARD, 1.0)
    called(made, 1.2, "a")
    answer_whole(made, 1.5)
    assert reconnect(made, 3.0) == HEARD


def test_the_next_question_is_answered_once_by_an_answer_that_tells_the_result_too() -> None:
    made = ready()
    say(made, FIRST, 1.0)
    resolve(made, called(made, 1.2, "a"), 1.5)
    say(made, SECOND, 1.8)
    answer_whole(made, 2.0)
    assert made.exchange.idle(3.0)
    assert reconnect(made, 4.0) == []


def play(made: LiveCore, steps: list[str]) -> list[Any]:
    """Play steps a second apart, lose the connection, and return what is sent over the next."""
    calls: list[Any] = []
    for at, step in enumerate(steps, 1):
        match step:
            case "ask":
                say(made, FIRST, at)
            case "type":
                say(made, TYPED, at)
            case "call":
                calls = called(made, at, f"call-{at}")
            case "give":
                resolve(made, calls, at)
            case "answer":
                answer_whole(made, at)
    return reconnect(made, len(steps) + 1.0)


@pytest.mark.parametrize("turns", ["marks", "model"])
@pytest.mark.parametrize(
    "steps",
    [
        ["ask", "call", "give", "answer"],
        ["ask", "call", "answer", "give", "answer"],
        ["ask", "answer", "call", "give", "answer"],
        ["type", "call", "give", "answer", "ask", "answer"],
        ["ask", "call", "give", "answer", "type", "call", "give", "answer"],
        ["ask", "call", "give", "answer", "ask", "call", "answer", "give", "answer"],
        ["ask", "call", "ask", "give", "answer", "answer"],
        ["ask", "call", "give", "ask", "answer", "call", "give", "answer"],
    ],
    ids="-".join,
)
def test_nothing_is_left_once_all_was_answered(turns: str, steps: list[str]) -> None:
    made = ready(turns)
    if turns == "model":
        steps = [step for step in steps if step != "ask"]
    assert play(made, steps) == []
