"""Another setup for a session that runs: taken over when nothing is going on, and with its marks in order."""

import random
from dataclasses import replace
from typing import Any

import pytest
from google.genai import types

from bot.live.core import CHANGING, LiveCore
from bot.live.events import LiveEvent, Lost, Ready
from bot.live.exchange import QUIET_S
from bot.live.failures import Failure, Verdict
from bot.live.outbox import ActivityEnd, ActivityStart, Audio
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

OLD = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")
NEW = replace(OLD, voice="Puck", turns="model")
PCM = b"\x01\x00" * 320


def running(setup: LiveSetup = OLD) -> LiveCore:
    made = LiveCore(setup, random.Random(1), name="live-test")
    made.start()
    made.attempt()
    made.connected(0.0)
    tell(made, 0.0, sessionResumptionUpdate={"newHandle": "one", "resumable": True})
    return made


def tell(made: LiveCore, at: float, **fields: Any) -> list[LiveEvent]:
    return made.message(made._attempt.number, types.LiveServerMessage.model_validate(fields), at)


def drain(made: LiveCore, at: float) -> None:
    while made.outbox.next(at) is not None:
        pass


def test_a_change_before_the_start_is_simply_the_setup() -> None:
    made = LiveCore(OLD, random.Random(1), name="live-test")
    made.change(NEW, 0.0)
    assert made.setup == NEW


def test_an_idle_session_changes_at_once_and_goes_on_with_its_context() -> None:
    made = running()
    made.change(NEW, 20.0)
    assert made.poll(20.0) == [Lost(CHANGING)]
    assert made.setup == NEW
    assert made.attempt().handle == "one"
    assert made.connected(21.0) == [Ready(resumed=True)]
    assert made.state is LiveState.READY


def test_a_turn_and_its_answer_are_ended_with_the_setup_that_they_began_with() -> None:
    made = running()
    for item in (ActivityStart(), Audio(PCM, 20.0, 1)):
        made.say(item)
    made.change(NEW, 20.0)
    assert made.poll(20.0) == []
    made.say(ActivityEnd())
    drain(made, 20.1)
    assert made.poll(20.2) == []
    assert made.setup == OLD, "the question is not answered yet"
    tell(made, 21.0, serverContent={"modelTurn": {"parts": [{"inlineData": audio()}]}})
    assert made.poll(21.2) == []
    tell(made, 22.0, serverContent={"turnComplete": True})
    assert made.poll(22.2) == [Lost(CHANGING)]
    assert made.setup == NEW


def test_a_session_that_finds_the_turns_itself_changes_when_it_was_quiet() -> None:
    made = running(NEW)
    made.say(Audio(PCM, 20.0, 1))
    drain(made, 20.0)
    made.change(OLD, 20.1)
    assert made.poll(20.2) == []
    assert made.poll(20.1 + QUIET_S) == [Lost(CHANGING)]


def test_a_connection_that_breaks_off_first_is_made_with_the_old_setup_and_then_left() -> None:
    made = running()
    for item in (ActivityStart(), Audio(PCM, 20.0, 1)):
        made.say(item)
    drain(made, 20.0)
    made.change(NEW, 20.0)
    made.failed(made._attempt.number, Failure(Verdict.RETRY, "Broke off."), 20.1)
    due = made.deadline()
    assert due is not None
    made.poll(due)
    made.attempt()
    assert made.setup == OLD, "the marks of the turn that is sent again are refused by the new one"
    made.connected(due + 1)
    assert made.state is LiveState.DRAINING
    assert made.deadline() is not None


@pytest.mark.parametrize(
    "setup",
    [replace(OLD, model="gemini-3.8-live-extended-thinking"), replace(OLD, resumption=False)],
    ids=["another model", "no resumption"],
)
def test_what_can_not_be_resumed_begins_anew_with_what_was_said(setup: LiveSetup) -> None:
    made = running()
    tell(made, 1.0, serverContent={"inputTranscription": {"text": "I am Ada."}})
    made.change(setup, 20.0)
    made.poll(20.0)
    assert made.attempt().handle is None
    assert "I am Ada." in (made.seed() or "")


def test_a_change_that_is_taken_back_changes_nothing() -> None:
    made = running()
    made.say(ActivityStart())
    made.change(NEW, 20.0)
    made.change(OLD, 20.0)
    drain(made, 20.0)
    made.say(ActivityEnd())
    drain(made, 20.0)
    made.poll(40.0)
    assert made.setup == OLD


def audio() -> dict[str, str]:
    return {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}
