"""What is still told of the answer before says nothing of the question that broke into it."""

from typing import Any

import pytest
from core_rig import PCM, ask, ready, send_all, tell, tell_content

from bot.live.core import LiveCore
from bot.live.events import Lost
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Text, ToolResult
from bot.live.stall import GIVE_UP_S, NUDGE, NUDGE_S

NUDGED = Text(NUDGE, answer=True, passing=True)
AUDIO = {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}]}
BARGE_IN: list[Item] = [ActivityStart(), Audio(PCM, 3.0, 2), ActivityEnd()]
ENDED_AT = 3.4  # of the barge-in

LATE: dict[str, list[dict[str, Any]]] = {
    "nothing": [],
    "interrupted": [{"interrupted": True}, {"turnComplete": True}],
    "interrupted and its end at once": [{"interrupted": True, "turnComplete": True}],
    "the rest of it, then interrupted": [
        {"modelTurn": AUDIO},
        {"interrupted": True},
        {"turnComplete": True},
    ],
    "that it is whole": [{"modelTurn": AUDIO, "generationComplete": True}],
    "its end alone": [{"turnComplete": True}],
    "that it is whole, then its end": [{"generationComplete": True}, {"turnComplete": True}],
}


def broken_into(made: LiveCore) -> None:
    """Have an answer begin, and a short turn go out before the server has said anything of it."""
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    for item in BARGE_IN[:2]:
        made.say(item)
    send_all(made, 3.0)
    made.say(BARGE_IN[2])
    send_all(made, ENDED_AT)


def is_looked_into(made: LiveCore) -> None:
    """Hold that the barge-in is nudged about, then said again over another connection."""
    due = made.deadline()
    assert due == ENDED_AT + NUDGE_S
    made.poll(due)
    assert send_all(made, due) == [NUDGED]
    told = made.poll(due + GIVE_UP_S)
    assert isinstance(told[0], Lost)
    made.poll(due + GIVE_UP_S + 1.0)
    made.attempt()
    made.connected(due + GIVE_UP_S + 1.0)
    assert send_all(made, due + GIVE_UP_S + 1.0)[:3] == BARGE_IN
    assert made.deadline() is not None


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_nothing_after_a_barge_in_is_a_stall(late: list[dict[str, Any]]) -> None:
    made = ready()
    broken_into(made)
    tell(made, 3.5)
    for index, words in enumerate(late):
        tell_content(made, 3.5 + index / 10, **words)
    assert NUDGED not in send_all(made, 4.0)
    is_looked_into(made)


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_but_the_answer_to_it_is_none(late: list[dict[str, Any]]) -> None:
    made = ready()
    broken_into(made)
    for index, words in enumerate(late):
        tell_content(made, 3.5 + index / 10, **words)
    tell_content(made, 5.0, modelTurn=AUDIO)
    tell_content(made, 5.1, generationComplete=True)
    assert made.deadline() is None
    tell_content(made, 5.2, turnComplete=True)
    assert made.deadline() is None
    assert made.poll(30.0) == []
    assert made.stall.nudges == 0


def test_a_turn_that_is_replayed_at_once_while_the_answer_before_begins() -> None:
    made = ready()
    ask(made, 1.0)
    for item in BARGE_IN:
        made.say(item)
    for at in (2.5, 2.6):  # its begin, and what was said
        assert made.next(at) is not None
    tell_content(made, 2.7, modelTurn=AUDIO)
    send_all(made, ENDED_AT)
    tell_content(made, 3.5, modelTurn=AUDIO)
    tell_content(made, 3.5, interrupted=True)
    tell_content(made, 3.5, turnComplete=True)
    is_looked_into(made)


def test_after_the_nudge_too() -> None:
    made = ready()
    broken_into(made)
    tell(made, 3.5)
    made.poll(ENDED_AT + NUDGE_S)
    send_all(made, ENDED_AT + NUDGE_S)
    tell_content(made, 9.6, interrupted=True, turnComplete=True)
    assert made.deadline() == ENDED_AT + NUDGE_S + GIVE_UP_S


def test_a_written_question_is_waited_for_in_the_same_way() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO, generationComplete=True)
    made.say(Text("And now?", answer=True))
    send_all(made, 3.0)
    tell_content(made, 3.1, turnComplete=True)
    assert made.deadline() == 3.0 + NUDGE_S


def test_whose_answer_comes_though_the_one_before_was_never_ended() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO, generationComplete=True)
    made.say(Text("And now?", answer=True))
    send_all(made, 3.0)
    tell_content(made, 3.3, modelTurn=AUDIO, generationComplete=True)
    assert made.deadline() is None


def test_the_end_of_what_was_said_before_a_functions_result_leaves_the_result_to_be_told() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    tell(made, 2.1, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    made.result(made._attempt.number, ToolResult("1", "look", {}))
    send_all(made, 2.2)
    tell_content(made, 2.3, generationComplete=True)
    tell_content(made, 2.4, turnComplete=True)
    assert made.deadline() == 2.2 + NUDGE_S


def test_a_result_that_is_told_in_the_same_turn_is_told() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    tell(made, 2.1, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    made.result(made._attempt.number, ToolResult("1", "look", {}))
    send_all(made, 2.2)
    tell_content(made, 2.3, modelTurn=AUDIO)
    tell_content(made, 2.4, generationComplete=True, turnComplete=True)
    assert made.deadline() is None


def test_an_empty_generation_is_no_answer() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, generationComplete=True)
    tell_content(made, 2.1, turnComplete=True)
    assert made.deadline() is not None
