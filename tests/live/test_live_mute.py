"""A server that tells nothing, and an answer that stops half-way: noticed sooner than a model that thinks."""

import base64
from typing import Any

import pytest
from core_rig import PCM, ask, ready, send_all, tell, tell_content

from bot.live.attempts import FIRST_PATIENCE_S
from bot.live.events import Lost
from bot.live.items import ActivityEnd, ActivityStart, Audio, Picture, Text
from bot.live.recap import CUT_OFF
from bot.live.stall import (
    DRY_S,
    DRY_SLOW_S,
    GIVE_UP_MUTE_S,
    GIVE_UP_S,
    NUDGE,
    NUDGE_MUTE_S,
    NUDGE_S,
    NUDGE_SLOW_S,
)

NUDGED = Text(NUDGE, answer=True, passing=True)


def test_a_server_that_tells_nothing_at_all_is_given_up_sooner() -> None:
    made = ready(search=True)
    ask(made, 1.0)
    assert made.deadline() == 1.0 + NUDGE_MUTE_S
    made.poll(1.0 + NUDGE_MUTE_S)
    assert send_all(made, 5.0) == [NUDGED]
    assert made.deadline() == 5.0 + GIVE_UP_MUTE_S
    assert isinstance(made.poll(5.0 + GIVE_UP_MUTE_S)[0], Lost)


def test_a_server_that_tells_anything_while_somebody_speaks_gets_the_usual_time() -> None:
    made = ready(search=True)
    made.say(ActivityStart())
    made.say(Audio(PCM, 1.0, 1))
    send_all(made, 1.0)
    tell_content(made, 1.5, inputTranscription={"text": "Hel"})
    made.say(Audio(PCM, 2.0, 1))
    made.say(ActivityEnd())
    send_all(made, 2.0)
    assert made.deadline() == 2.0 + NUDGE_SLOW_S
    tell(made, 3.0)
    assert made.deadline() == 2.0 + NUDGE_SLOW_S


def test_what_comes_after_the_nudge_gives_the_server_the_usual_time_to_answer_it() -> None:
    made = ready()
    ask(made, 1.0)
    made.poll(1.0 + NUDGE_MUTE_S)
    tell_content(made, 6.0, inputTranscription={"text": "Hello?"})
    assert made.deadline() == 1.0 + NUDGE_MUTE_S + GIVE_UP_S


@pytest.mark.parametrize(
    "before", [False, True], ids=["the first turn", "after a turn of which nothing was told"]
)
def test_a_turn_without_words_has_nothing_to_be_transcribed(*, before: bool) -> None:
    made = ready()
    if before:
        ask(made, 0.5)
    for item in (ActivityStart(), Picture(b"jpeg"), Audio(PCM, 1.0), ActivityEnd()):
        made.say(item)
    send_all(made, 1.0)
    assert made.deadline() == 1.0 + NUDGE_S


def test_a_server_that_is_to_transcribe_nothing_gets_the_usual_time() -> None:
    made = ready(transcripts=False)
    ask(made, 1.0)
    assert made.deadline() == 1.0 + NUDGE_S


SECOND = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(bytes(48_000)).decode()}
LONG = {"parts": [{"inlineData": SECOND}] * 10}


def test_an_answer_that_stops_half_way_is_gone_on_with_over_another_connection() -> None:
    made = ready()
    ask(made, 1.0)
    for at in (2.0, 2.1):
        tell_content(made, at, modelTurn=LONG, outputTranscription={"text": "Once upon"})
    over = 2.0 + 20.0
    assert made.deadline() == pytest.approx(over + DRY_S)
    assert made.poll(over + DRY_S - 0.1) == []
    told = made.poll(over + DRY_S + 0.1)
    assert isinstance(told[0], Lost)
    made.poll(over + 5.0)
    made.attempt()
    made.connected(over + 5.0)
    assert [item.text.splitlines()[0] for item in send_all(made, over + 5.0)] == [CUT_OFF]


@pytest.mark.parametrize(
    "setup",
    [{"search": True}, {"model": "gemini-3.8-live-extended-thinking"}],
    ids=["searches", "thinks"],
)
def test_a_model_that_may_do_so_in_mid_answer_gets_more_time(setup: dict[str, Any]) -> None:
    made = ready(handle="one", **setup)
    ask(made, 1.0)
    tell_content(made, 2.0, modelTurn=LONG, outputTranscription={"text": "Let me look."})
    over = 2.0 + 10.0
    assert made.poll(over + DRY_SLOW_S - 0.1) == []
    tell_content(made, over + DRY_SLOW_S - 0.1, modelTurn=LONG)
    over += DRY_SLOW_S + 10.0
    assert isinstance(made.poll(over + DRY_SLOW_S)[0], Lost)
    made.poll(over + DRY_SLOW_S + 0.3)
    made.attempt()
    made.connected(over + DRY_SLOW_S + FIRST_PATIENCE_S)
    assert [item.text.splitlines()[0] for item in send_all(made, over + 15.0)] == [CUT_OFF]


@pytest.mark.parametrize("why", ["somebody spoke into it", "nobody wants it", "a function runs"])
def test_the_rest_of_an_answer_is_not_waited_for(why: str) -> None:
    made = ready()
    ask(made, 1.0)
    if why == "a function runs":
        tell(made, 2.0, toolCall={"functionCalls": [{"id": "1", "name": "look"}]})
    tell_content(made, 2.0, modelTurn=LONG)
    if why == "somebody spoke into it":
        made.say(ActivityStart())
        send_all(made, 3.0)
    elif why == "nobody wants it":
        made.exchange.unwanted()
    tell_content(made, 3.0, modelTurn=LONG)
    assert made.deadline() is None
