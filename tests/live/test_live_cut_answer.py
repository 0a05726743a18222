"""An answer that a lost connection cut off is gone on with over the next; one that answered was good."""

from typing import Any

import pytest
from core_rig import PCM, SPOKEN, again, ask, lose, message, ready, send_all, tell, tell_content

from bot.live.attempts import FIRST_PATIENCE_S
from bot.live.core import LiveCore
from bot.live.items import ActivityEnd, ActivityStart, Audio, Text
from bot.live.outbox import UNANSWERED_S
from bot.live.recap import CUT_OFF
from bot.live.stall import GIVE_UP_S, NUDGE_SLOW_S

AUDIO = {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}]}


def broken_off(made: LiveCore, at: float) -> float:
    """Lose the connection and make the next; return when that is due."""
    lose(made, at)
    due = again(made)
    made.attempt()
    made.connected(due)
    return due


def test_an_answer_that_was_cut_off_is_gone_on_with() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, inputTranscription={"text": "How high is it?"})
    tell_content(made, 2.0, modelTurn=AUDIO, outputTranscription={"text": " It is 300"})
    broken_off(made, 2.5)
    (text,) = send_all(made, 3.0)
    assert isinstance(text, Text) and text.answer
    assert text.text.startswith(CUT_OFF)
    assert text.text.splitlines()[1:] == ["They said: How high is it?", "You said: It is 300"]
    assert made.counters.answers_gone_on == 1


def test_what_nobody_has_understood_is_gone_on_with_all_the_same() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    broken_off(made, 2.5)
    assert send_all(made, 3.0) == [Text(CUT_OFF, answer=True)]


def test_the_question_and_the_answer_are_told_in_few_words() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, inputTranscription={"text": "word " * 1000})
    tell_content(made, 2.0, modelTurn=AUDIO, outputTranscription={"text": "and " * 1000})
    broken_off(made, 2.5)
    (text,) = send_all(made, 3.0)
    assert len(text.text) < 1500
    assert text.text.endswith("and and and")


@pytest.mark.parametrize(
    "then",
    [
        [{"turnComplete": True}],
        [{"generationComplete": True}],
        [{"interrupted": True}],
    ],
    ids=["it was over", "it had arrived whole", "somebody had interrupted it"],
)
def test_an_answer_of_which_nothing_is_missing_is_not(then: list[dict[str, Any]]) -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    for content in then:
        made.say(ActivityStart()) if "interrupted" in content else None
        tell_content(made, 2.1, **content)
    broken_off(made, 2.5)
    assert [item for item in send_all(made, 3.0) if isinstance(item, Text)] == []


def test_nor_one_that_somebody_speaks_into_while_the_connection_is_gone() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    lose(made, 2.5)
    made.say(ActivityStart())
    made.say(Audio(PCM, 2.6, 1))
    made.poll(3.0)
    made.attempt()
    made.connected(3.0)
    assert send_all(made, 3.0) == [ActivityStart(), Audio(PCM, 2.6, 1)]


def test_nor_one_that_nobody_wants_to_hear() -> None:
    made = ready()
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=AUDIO)
    made.exchange.unwanted()
    broken_off(made, 2.5)
    assert send_all(made, 3.0) == []


def test_a_turn_that_is_heard_again_is_not_gone_on_with_too() -> None:
    made = ready()
    ask(made, 1.0)
    tell(made, 2.0, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    tell_content(made, 2.0, modelTurn=AUDIO)
    broken_off(made, 2.5)
    assert send_all(made, 3.0) == SPOKEN


def test_a_move_that_can_wait_no_longer_goes_on_too() -> None:
    made = ready()
    ask(made, 1.0)
    made.message(1, message(goAway={"timeLeft": "5.5s"}), 1.5)
    tell_content(made, 1.6, modelTurn=AUDIO)
    made.poll(2.1)
    made.attempt()
    made.connected(2.2)
    assert send_all(made, 2.2) == [Text(CUT_OFF, answer=True)]


def test_a_connection_that_answered_was_good_however_short_it_was() -> None:
    made = ready()
    at = 1.0
    for _ in range(6):
        ask(made, at)
        tell_content(made, at, modelTurn=AUDIO, turnComplete=True)
        at = broken_off(made, at + 1.0)
        assert made._backoff.failures == 1
    lose(made, at + 1.0)
    assert made._backoff.failures == 2, "the last one had answered nothing"


def test_a_long_sentence_is_said_again_from_its_beginning_after_a_stall() -> None:
    """What is too old is judged by when its turn ended: the first words of a long one are old by then."""
    made = ready()
    made.say(ActivityStart())
    frames = [Audio(PCM, 1.0 + second, 1) for second in range(9)]
    for frame in frames:
        made.say(frame)
        send_all(made, frame.at)
    made.say(ActivityEnd())
    send_all(made, 10.0)
    at = broken_off(made, 10.0 + 11.0)
    assert send_all(made, at) == [ActivityStart(), *frames, ActivityEnd()]


def test_but_not_when_its_end_is_long_past() -> None:
    made = ready()
    ask(made, 1.0)
    assert send_all(made, broken_off(made, 1.1 + UNANSWERED_S)) == []


def test_a_model_that_thinks_is_asked_again_after_a_stall_too() -> None:
    # One attempt at a new connection may fail, too.
    assert NUDGE_SLOW_S + GIVE_UP_S + FIRST_PATIENCE_S < UNANSWERED_S
