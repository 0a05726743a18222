"""Another setup for a session that runs: taken over when nothing is going on, and with its marks in order."""

import base64
import random
from dataclasses import replace
from typing import Any

import pytest
from google.genai import types

from bot.live.changing import CHANGE_S
from bot.live.core import CHANGING, MOVE_EARLY_S, MOVING, LiveCore
from bot.live.events import LiveEvent, Lost, Ready
from bot.live.exchange import QUIET_S, UNTOLD_END_S
from bot.live.failures import Failure, Verdict
from bot.live.items import ActivityEnd, ActivityStart, Audio
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


OTHER = replace(OLD, model="gemini-3.8-live-extended-thinking")
BUSY = Failure(Verdict.LATER, "Busy.")


def test_another_model_is_tried_at_once_where_the_quota_of_the_one_in_use_is_used_up() -> None:
    made = running()
    made.failed(1, BUSY, 20.0)
    made.change(OTHER, 25.0)
    assert made.deadline() == 25.0
    made.poll(25.0)
    assert made.attempt().handle is None, "the session is the other model's"
    assert made.setup == OTHER


def test_what_else_is_changed_waits_for_the_next_attempt() -> None:
    made = running()
    made.failed(1, BUSY, 20.0)
    due = made.deadline()
    made.change(NEW, 25.0)
    assert made.deadline() == due
    made.poll(due or 0.0)
    assert made.attempt().handle == "one"
    assert made.setup == NEW


def test_a_turn_that_waits_is_ended_as_it_was_begun_over_another_connection_too() -> None:
    made = running()
    made.say(ActivityStart())
    made.failed(1, BUSY, 20.0)
    made.change(NEW, 25.0)
    made.poll(made.deadline() or 0.0)
    made.attempt()
    assert made.setup == OLD


def test_speech_that_is_said_again_keeps_the_way_in_which_turns_are_told() -> None:
    made = running(NEW)
    made.say(Audio(PCM, 19.0, 1))
    drain(made, 19.0)
    made.failed(1, BUSY, 20.0)
    made.change(OLD, 25.0)
    made.poll(made.deadline() or 0.0)
    made.attempt()
    assert made.setup == NEW


def test_a_model_that_is_refused_for_good_gives_way_to_the_one_asked_for() -> None:
    made = running()
    made.say(ActivityStart())
    made.change(OTHER, 19.0)
    made.failed(1, Failure(Verdict.NEVER, "Gone.", model_at_fault=True), 20.0)
    made.poll(20.0)
    made.attempt()
    assert made.setup == OTHER


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
    assert made.state is LiveState.READY
    assert made.poll(20.1) == []
    tell(made, 21.0, serverContent={"modelTurn": {"parts": [{"inlineData": audio()}]}, "turnComplete": True})
    assert made.poll(40.0) == []
    assert made.setup == OLD


def test_a_change_that_is_taken_back_leaves_the_servers_going_away() -> None:
    made = running()
    made.say(ActivityStart())
    tell(made, 20.0, goAway={"timeLeft": "30s"})
    made.change(NEW, 20.0)
    made.change(OLD, 20.0)
    assert made.state is LiveState.DRAINING
    assert made.poll(20.0 + 30.0 - MOVE_EARLY_S) == [Lost(MOVING)]


def test_the_servers_going_away_is_over_with_its_connection() -> None:
    made = running()
    tell(made, 20.0, goAway={"timeLeft": "30s"})
    assert made.poll(20.0) == [Lost(MOVING)]
    made.attempt()
    made.connected(21.0)
    made.say(ActivityStart())
    made.change(NEW, 22.0)
    made.change(OLD, 22.0)
    assert made.state is LiveState.READY
    made.change(NEW, 22.0)
    assert made.poll(60.0) == []


def test_one_that_can_not_be_made_in_mid_turn_is_not_made_at_the_time_of_the_one_before() -> None:
    made = running()
    made.say(ActivityStart())
    made.say(Audio(PCM, 20.0, 1))
    made.change(replace(OLD, voice="Puck"), 20.0)
    made.change(NEW, 21.0)
    assert made.poll(20.0 + CHANGE_S) == []
    assert made.state is LiveState.DRAINING


def audio(seconds: float = 0.1) -> dict[str, str]:
    pcm = base64.b64encode(bytes(2 * int(24_000 * seconds))).decode()
    return {"mimeType": "audio/pcm;rate=24000", "data": pcm}


def test_an_answer_whose_end_is_never_told_holds_a_change_up_for_a_moment_only() -> None:
    made = running()
    for item in (ActivityStart(), Audio(PCM, 20.0, 1), ActivityEnd()):
        made.say(item)
    drain(made, 20.0)
    tell(made, 21.0, serverContent={"modelTurn": {"parts": [{"inlineData": audio(seconds=4)}]}})
    tell(made, 21.0, serverContent={"generationComplete": True})
    made.change(NEW, 21.0)
    over = 21.0 + 4 + UNTOLD_END_S
    assert made.poll(over - 0.1) == [], "it is played for so long, and may be interrupted"
    assert made.poll(over) == [Lost(CHANGING)]
    assert made.setup == NEW
    made.attempt()
    made.connected(over)
    assert made.next(over) is None, "nobody waits for the rest of it"


def test_a_room_in_which_it_is_never_quiet_gets_its_settings_after_a_minute() -> None:
    made, voice = running(), replace(OLD, voice="Puck")
    made.change(voice, 20.0)
    for item in (ActivityStart(), Audio(PCM, 20.0, 1)):
        made.say(item)
    drain(made, 20.0)
    assert made.poll(20.0 + CHANGE_S - 0.1) == []
    made.say(Audio(PCM, 79.9, 1))
    drain(made, 79.9)
    assert made.poll(20.0 + CHANGE_S) == [Lost(CHANGING)]
    assert made.setup == voice
    made.attempt()
    made.connected(81.0)
    assert made.state is LiveState.READY
    made.say(ActivityEnd())
    sent = [made.next(81.0) for _ in range(3)]
    assert [type(each.item) for each in sent if each] == [ActivityStart, Audio, ActivityEnd]


def test_marks_are_not_changed_in_mid_turn_however_long_it_is() -> None:
    made = running()
    made.say(ActivityStart())
    made.say(Audio(PCM, 20.0, 1))
    made.change(NEW, 20.0)
    assert made.poll(20.0 + 2 * CHANGE_S) == []
    assert made.setup == OLD
