"""A model that may keep quiet is left alone while it does; a server that hangs, and who asked, are not."""

from typing import Any

import pytest
from core_rig import PCM, SPOKEN, ask, lose, ready, send_all, tell, tell_content

from bot.live.core import LiveCore
from bot.live.events import Lost
from bot.live.items import ActivityEnd, ActivityStart, Audio, Text, ToolResult
from bot.live.recap import CUT_OFF
from bot.live.stall import (
    DRY_S,
    EMPTY_S,
    GIVE_UP_MUTE_S,
    GIVE_UP_S,
    NUDGE,
    NUDGE_MUTE_S,
    NUDGE_S,
    Owed,
)

NUDGED = Text(NUDGE, answer=True, passing=True)
AUDIO = {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}]}
HEARD = {"inputTranscription": {"text": "Earshot, hello?"}}


def quiet(**setup: Any) -> LiveCore:
    return ready(answers=False, **setup)


def left_alone(made: LiveCore, until: float = 60.0) -> None:
    assert made.deadline() is None
    assert made.poll(until) == []
    assert send_all(made, until) == []
    assert (made.stall.nudges, made.stall.stalls) == (0, 0)


@pytest.mark.parametrize("during", [True, False], ids=["while they speak", "after it"])
@pytest.mark.parametrize("end", [{}, {"turnComplete": True}], ids=["no word of it", "an empty turn"])
def test_a_model_that_is_not_addressed_may_keep_quiet(end: Any, *, during: bool) -> None:
    made = quiet()
    for item in SPOKEN[:2]:
        made.say(item)
    send_all(made, 0.5)
    if during:
        tell_content(made, 0.9, **HEARD)
    made.say(ActivityEnd())
    send_all(made, 1.0)
    tell_content(made, 1.5, **(end if during else HEARD | end))
    left_alone(made)


def test_an_answer_that_nobody_hears_is_left_alone_too() -> None:
    made = quiet()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    left_alone(made)


def test_a_server_that_tells_nothing_whatsoever_is_nudged_then_left() -> None:
    made = quiet()
    ask(made, 1.0)
    assert made.deadline() == 1.0 + NUDGE_MUTE_S
    made.poll(5.0)
    assert send_all(made, 5.0) == [NUDGED]
    assert made.deadline() == 5.0 + GIVE_UP_MUTE_S
    assert isinstance(made.poll(8.0)[0], Lost)
    made.poll(9.0)
    made.attempt()
    made.connected(9.0)
    assert send_all(made, 9.0) == SPOKEN
    assert made.deadline() == 9.0 + NUDGE_MUTE_S


@pytest.mark.parametrize("sign", [HEARD, {"turnComplete": True}], ids=["a transcript", "an empty turn"])
def test_any_sign_after_the_nudge_is_enough(sign: Any) -> None:
    made = quiet()
    ask(made, 1.0)
    made.poll(5.0)
    send_all(made, 5.0)
    tell_content(made, 6.0, **sign)
    assert made.deadline() is None


@pytest.mark.parametrize("transcripts", [True, False])
def test_a_written_question_is_to_be_answered(*, transcripts: bool) -> None:
    made = quiet(transcripts=transcripts)
    made.say(Text("What is this?", answer=True))
    send_all(made, 1.0)
    assert made.deadline() == 1.0 + NUDGE_S
    tell_content(made, 2.0, turnComplete=True)
    assert made.deadline() == 2.0 + EMPTY_S


@pytest.mark.parametrize("owed", [Owed.TURN, Owed.ANSWER])
@pytest.mark.parametrize("early", [True, False], ids=["before the turn ends", "after it"])
def test_who_called_it_is_to_be_answered(owed: Owed, *, early: bool) -> None:
    made = quiet()
    for item in SPOKEN[:2]:
        made.say(item)
    send_all(made, 0.5)
    tell_content(made, 0.9, **HEARD)
    if early:
        made.exchange.expect(owed, 0.9)
    made.say(ActivityEnd())
    send_all(made, 1.0)
    if not early:
        made.exchange.expect(owed, 1.0)
    assert made.deadline() == 1.0 + NUDGE_S
    made.exchange.expect(owed, 3.0)
    assert made.deadline() == 1.0 + NUDGE_S, "from when it was clear first"
    made.poll(7.0)
    assert send_all(made, 7.0) == [NUDGED]
    assert isinstance(made.poll(7.0 + GIVE_UP_S)[0], Lost)


def test_after_the_nudge_it_may_turn_out_that_somebody_called() -> None:
    made = quiet()
    ask(made, 1.0)
    made.poll(5.0)
    send_all(made, 5.0)
    tell_content(made, 6.0, **HEARD)
    made.exchange.expect(Owed.ANSWER, 6.0)
    assert made.deadline() == 6.0 + GIVE_UP_S


def test_an_empty_turn_is_a_choice_unless_it_was_called() -> None:
    for owed, due in ((Owed.TURN, None), (Owed.ANSWER, 2.0 + EMPTY_S)):
        made = quiet()
        ask(made, 1.0)
        tell_content(made, 1.5, **HEARD)
        made.exchange.expect(owed, 1.5)
        tell_content(made, 2.0, turnComplete=True)
        assert made.deadline() == due, owed


def test_what_was_due_to_one_is_not_due_to_the_next() -> None:
    made = quiet()
    made.exchange.expect(Owed.ANSWER, 0.5)
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO, turnComplete=True)
    made.exchange.expect(Owed.SIGN, 2.0)
    ask(made, 10.0)
    tell_content(made, 10.5, **HEARD)
    left_alone(made)


def test_the_rest_of_an_answer_that_is_heard_is_waited_for() -> None:
    made = quiet()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    made.exchange.expect(Owed.ANSWER, 2.5)
    assert made.deadline() == pytest.approx(2.0 + DRY_S, abs=0.01)
    tell_content(made, 2.6, modelTurn=AUDIO, generationComplete=True)
    assert made.deadline() is None


@pytest.mark.parametrize("heard", [True, False])
def test_only_an_answer_that_is_heard_is_gone_on_with(*, heard: bool) -> None:
    made = quiet()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    made.exchange.expect(Owed.ANSWER if heard else Owed.SIGN, 2.0)
    lose(made, 3.0)
    made.poll(3.3)
    made.attempt()
    made.connected(3.5)
    texts = [item.text.splitlines()[0] for item in send_all(made, 3.5)]
    assert texts == ([CUT_OFF] if heard else [])


def test_a_turn_that_is_lost_in_its_midst_is_watched_over_the_next_connection() -> None:
    made = quiet()
    made.say(ActivityStart())
    made.say(Audio(PCM, 1.0, 1))
    send_all(made, 1.0)
    lose(made, 1.5)
    made.poll(1.8)
    made.attempt()
    made.connected(2.0)
    made.say(ActivityEnd())
    send_all(made, 2.0)
    assert made.deadline() == 2.0 + NUDGE_MUTE_S


def test_a_result_is_followed_by_a_turn_if_by_an_empty_one() -> None:
    made = quiet()
    ask(made, 1.0)
    tell(made, 2.0, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    made.result(made._attempt.number, ToolResult("1", "look", {}))
    send_all(made, 2.0)
    tell_content(made, 2.1, turnComplete=True)
    assert made.deadline() == 2.0 + NUDGE_S
    tell_content(made, 3.0, turnComplete=True)
    assert made.deadline() is None
