"""A model that falls silent is nudged once, then connected to anew; the turn is said again and not lost."""

from typing import Any

import pytest
from core_rig import PCM, SPOKEN, again, ask, lose, ready, send_all, tell, tell_content

from bot.live.core import LiveCore
from bot.live.events import AnswerAudio, Interrupted, LiveEvent, Lost, Recovered, Waiting
from bot.live.items import ActivityEnd, ActivityStart, Audio, Text, ToolResult
from bot.live.stall import (
    EMPTY_EVERY_S,
    EMPTY_S,
    GIVE_UP_S,
    GO_ON,
    NUDGE,
    NUDGE_S,
    NUDGE_SLOW_S,
    RECONNECT_EVERY_S,
)
from bot.live.states import LiveState

NUDGED = Text(NUDGE, answer=True, passing=True)
GO_ON_NOW = Text(GO_ON, answer=True, passing=True)


AUDIO = {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}]}


def test_silence_after_a_turn_is_nudged_once_and_then_ends_the_connection() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 1.0, inputTranscription={"text": "Hello?"})
    assert made.deadline() == 1.0 + NUDGE_S
    assert made.poll(1.0 + NUDGE_S) == []
    assert send_all(made, 7.0) == [NUDGED]
    assert made.poll(7.0 + GIVE_UP_S - 0.1) == []
    told = made.poll(7.0 + GIVE_UP_S)
    assert isinstance(told[0], Lost)
    assert made.state is LiveState.BACKING_OFF
    assert (made.stall.nudges, made.stall.stalls) == (1, 1)


def test_the_turn_is_said_again_over_the_next_connection() -> None:
    made = ready()
    ask(made, 1.0)
    made.poll(7.0)
    send_all(made, 7.0)
    made.poll(12.0)
    made.poll(13.0)
    made.attempt()
    made.connected(13.0)
    assert send_all(made, 13.0)[: len(SPOKEN)] == SPOKEN


@pytest.mark.parametrize(
    "life",
    [
        {"modelTurn": AUDIO, "generationComplete": True},
        {"modelTurn": AUDIO, "turnComplete": True},
        {"modelTurn": AUDIO, "interrupted": True},
    ],
)
def test_an_answer_calms(life: Any) -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, **life)
    assert made.deadline() is None


def test_a_function_that_runs_is_no_silence_but_its_result_is_to_be_told() -> None:
    made = ready()
    ask(made, 1.0)
    tell(made, 2.0, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    assert made.deadline() is None


def test_an_empty_turn_is_nudged_soon_and_a_second_one_is_taken_for_an_answer() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, turnComplete=True)
    assert made.deadline() == 2.0 + EMPTY_S
    made.poll(4.0)
    assert send_all(made, 4.0) == [NUDGED]
    tell_content(made, 5.0, turnComplete=True)
    assert made.deadline() is None


def test_a_model_that_often_has_nothing_to_say_is_nudged_once_a_minute() -> None:
    made = ready()
    for at in (1.0, 11.0, 21.0, 2.0 + EMPTY_EVERY_S):
        ask(made, at)
        tell_content(made, at + 1, turnComplete=True)
        made.poll(at + 1 + EMPTY_S)
        send_all(made, at + 1 + EMPTY_S)
        tell_content(made, at + 4, turnComplete=True)
    assert made.stall.nudges == 2


def call(made: LiveCore, at: float, *ids: str) -> None:
    calls = [{"id": each, "name": "look"} for each in ids]
    tell(made, at, toolCall={"functionCalls": calls})


def reconnect(made: LiveCore, at: float) -> None:
    lose(made, at)
    made.poll(at + 0.25)
    made.attempt()
    made.connected(at + 0.5)


def test_the_end_of_a_turn_that_called_a_function_is_no_empty_turn() -> None:
    made = ready()
    ask(made, 1.0)
    call(made, 2.0, "1")
    assert made.result(made._attempt.number, ToolResult("1", "look", {}))
    send_all(made, 2.0)
    tell_content(made, 2.1, turnComplete=True)
    assert made.deadline() == 2.0 + NUDGE_S
    reconnect(made, 2.2)
    assert send_all(made, 3.0) == SPOKEN, "the question is not lost with its result"


def test_while_another_function_runs_nothing_is_waited_for() -> None:
    made = ready()
    ask(made, 1.0)
    call(made, 2.0, "1", "2")
    made.result(made._attempt.number, ToolResult("1", "look", {}))
    send_all(made, 2.0)
    assert made.deadline() is None


def test_the_models_stop_at_our_own_nudge_is_no_phantom() -> None:
    made = ready()
    ask(made, 1.0)
    made.poll(7.0)
    send_all(made, 7.0)
    tell_content(made, 7.1, modelTurn=AUDIO)
    tell_content(made, 7.2, interrupted=True)
    assert send_all(made, 7.2) == []


def test_a_model_that_keeps_breaking_off_is_told_once_to_go_on() -> None:
    made = ready()
    ask(made, 1.0)
    for at in (2.0, 12.0, 22.0):
        tell_content(made, at, modelTurn=AUDIO)
        tell_content(made, at + 5, interrupted=True)
        tell_content(made, at + 6, turnComplete=True)
    assert send_all(made, 30.0) == [GO_ON_NOW]


def test_a_nudge_is_for_its_connection_alone() -> None:
    made = ready()
    ask(made, 1.0)
    made.poll(7.0)
    send_all(made, 7.0)
    reconnect(made, 8.0)
    assert send_all(made, 9.0) == SPOKEN


def test_who_wants_quiet_is_not_nudged_about() -> None:
    made = ready()
    for item in SPOKEN:
        made.say(item)
    made.exchange.unwanted()
    send_all(made, 1.0)
    tell_content(made, 2.0, turnComplete=True)
    assert made.deadline() is None
    ask(made, 10.0)
    assert made.deadline() is not None, "until somebody speaks again"


def test_who_speaks_on_is_not_waited_for() -> None:
    made = ready()
    ask(made, 1.0)
    made.say(ActivityStart())
    made.say(Audio(PCM, 2.0, 1))
    send_all(made, 2.0)
    assert made.deadline() is None


def test_a_model_that_thinks_gets_more_time() -> None:
    made = ready(model="gemini-3.8-live-extended-thinking")
    ask(made, 1.0)
    tell_content(made, 1.0, inputTranscription={"text": "Hello?"})
    assert made.deadline() == 1.0 + NUDGE_SLOW_S


def test_without_marks_the_last_speech_counts_and_silence_does_not() -> None:
    made = ready(turns="model")
    made.say(Audio(PCM, 1.0, 1))
    send_all(made, 1.0)
    made.say(Audio(PCM, 2.0, direct=False))
    send_all(made, 2.0)
    assert made.deadline() == 1.0 + NUDGE_S


def test_one_connection_a_minute_is_given_up_for_silence() -> None:
    made = ready()
    at = 1.0
    for expected in (LiveState.BACKING_OFF, LiveState.READY):
        ask(made, at)
        made.poll(at + NUDGE_S)
        send_all(made, at + NUDGE_S)
        made.poll(at + NUDGE_S + GIVE_UP_S)
        assert made.state is expected
        if made.state is LiveState.BACKING_OFF:
            made.poll(at + 20.0)
            made.attempt()
            made.connected(at + 20.0)
            send_all(made, at + 20.0)
            tell_content(made, at + 21.0, modelTurn=AUDIO, turnComplete=True)
        at += 22.0
    assert at - 1.0 - NUDGE_S - GIVE_UP_S < RECONNECT_EVERY_S


def stalled(made: LiveCore, at: float) -> list[LiveEvent]:
    """Have a turn that was sent then stay without an answer, with a nudge too; return what is told of it."""
    told = made.poll(at + NUDGE_S)
    send_all(made, at + NUDGE_S)
    return told + made.poll(at + NUDGE_S + GIVE_UP_S)


def reconnected(made: LiveCore) -> float:
    """Make the next connection, and say again what is to be; return when that is."""
    at = again(made)
    made.attempt()
    made.connected(at)
    assert ActivityEnd() in send_all(made, at)
    return at


def test_a_second_connection_that_brings_no_answer_is_told_and_then_one_a_minute_is_made() -> None:
    made, at = ready(), 1.0
    ask(made, at)
    assert [type(event) for event in stalled(made, at)] == [Lost]
    at = reconnected(made)
    assert [type(event) for event in stalled(made, at)] == [Lost, Waiting]
    at = reconnected(made)
    assert stalled(made, at) == []
    assert made.state is LiveState.READY
    at += RECONNECT_EVERY_S
    assert made.poll(at) == [], "that a connection lasts proves nothing"
    ask(made, at)
    assert [type(event) for event in stalled(made, at)] == [Lost], "it was told"
    at = reconnected(made)
    assert Recovered() in tell_content(made, at + 1.0, modelTurn=AUDIO)
    assert made.stall.in_vain == 0


def test_an_answer_broken_off_though_nobody_spoke_is_gone_on_with() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    assert tell_content(made, 3.0, interrupted=True) == [Interrupted(3.0)]
    assert send_all(made, 3.0) == [GO_ON_NOW]
    tell_content(made, 3.1, turnComplete=True)
    assert isinstance(tell_content(made, 3.2, modelTurn=AUDIO)[0], AnswerAudio)
    assert made.counters.phantom_interruptions == 1


def test_an_answer_that_somebody_interrupted_is_not() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    made.say(ActivityStart())
    made.say(Audio(PCM, 2.5, 1))
    made.say(ActivityEnd())
    send_all(made, 2.5)
    tell_content(made, 3.0, interrupted=True)
    assert GO_ON_NOW not in send_all(made, 3.0)
    assert made.counters.phantom_interruptions == 0


def interrupting(made: LiveCore, at: float) -> None:
    """Have somebody speak into the answer, from then on for 0.8 s."""
    made.say(ActivityStart())
    made.say(Audio(PCM, at, 1))
    send_all(made, at)
    made.say(ActivityEnd())
    send_all(made, at + 0.8)


def test_an_answer_after_an_interruption_of_which_nothing_was_said_is_the_new_one() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    interrupting(made, 3.0)
    told = tell_content(made, 4.1, modelTurn=AUDIO)
    assert [type(event) for event in told] == [Interrupted, AnswerAudio]
    assert [type(event) for event in tell_content(made, 4.2, modelTurn=AUDIO)] == [AnswerAudio]
    assert made.outbox.unanswered(4.2) is False, "it answers the turn that interrupted"
    assert made.counters.untold_interruptions == 1


@pytest.mark.parametrize(
    "end", [{"interrupted": True}, {"turnComplete": True}, {"interrupted": True, "turnComplete": True}]
)
def test_but_not_where_the_model_did_say_so(end: Any) -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    interrupting(made, 3.0)
    tell_content(made, 3.1, **end)
    assert [type(event) for event in tell_content(made, 4.9, modelTurn=AUDIO)] == [AnswerAudio]
    assert made.counters.untold_interruptions == 0


def test_what_is_left_of_the_old_answer_soon_after_is_not_the_new_one() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    made.say(ActivityStart())
    made.say(Audio(PCM, 3.0, 1))
    send_all(made, 3.0)
    for at in (3.1, 3.9, 4.5):  # the last of them while the person still speaks
        assert [type(event) for event in tell_content(made, at, modelTurn=AUDIO)] == [AnswerAudio]
    assert made.counters.untold_interruptions == 0
