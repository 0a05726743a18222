"""Settings that change after the model that was asked for was refused: the one in its place is kept."""

from dataclasses import replace
from typing import Any

from core_rig import again, audio, lose, ready, tell

from bot.live.core import LiveCore
from bot.live.events import FellBack
from bot.live.failures import Failure, Verdict
from bot.live.items import ActivityStart
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

FIRST, OTHER = "gemini-3.8-live", "gemini-3.8-live-extended-thinking"
ASKED = LiveSetup(model=FIRST, voice="Kore", system_instruction="Be kind.", fallbacks=(OTHER,))
REFUSED = Failure(Verdict.NEVER, "There is no such model.", model_at_fault=True)


def fallen_back(*, bore: bool = False) -> LiveCore:
    """Return a session that goes on with the second model, over a connection with a handle."""
    made = ready(fallbacks=(OTHER,))
    if bore:
        tell(made, 0.0, serverContent=audio() | {"turnComplete": True})
    assert any(isinstance(event, FellBack) for event in lose(made, 1.0, REFUSED))
    up(made, again(made))
    return made


def up(made: LiveCore, at: float) -> None:
    made.attempt()
    made.connected(at)
    tell(made, at, sessionResumptionUpdate={"newHandle": "other", "resumable": True})


def test_settings_that_change_nothing_leave_the_connection_alone() -> None:
    for bore in (False, True):
        made = fallen_back(bore=bore)
        made.change(ASKED, 20.0)
        assert made.state is LiveState.READY
        assert made.poll(20.0) == []


def test_others_are_taken_over_by_the_model_in_place_with_its_context() -> None:
    made = fallen_back()
    made.change(replace(ASKED, voice="Puck"), 20.0)
    made.poll(20.0)
    assert (made.setup.capabilities.name, made.setup.voice) == (OTHER, "Puck")
    assert made.attempt().handle == "other"


def test_but_another_model_that_is_asked_for_is_tried() -> None:
    made = fallen_back()
    made.change(replace(ASKED, model=OTHER, fallbacks=(FIRST,)), 20.0)
    made.poll(20.0)
    up(made, 21.0)
    made.change(ASKED, 30.0)
    made.poll(30.0)
    assert made.setup == ASKED


def test_settings_that_wait_while_the_model_is_refused_are_taken_over_by_the_next() -> None:
    made = ready(fallbacks=(OTHER,))
    made.say(ActivityStart())
    made.change(replace(ASKED, voice="Puck"), 1.0)
    lose(made, 2.0, REFUSED)
    up(made, again(made))
    made.poll(200.0)
    assert (made.setup.capabilities.name, made.setup.voice) == (OTHER, "Puck")
    assert made.attempt().handle == "other"


def test_a_model_that_can_not_do_what_is_set_is_left_for_the_one_asked_for() -> None:
    made = fallen_back()
    models: Any = replace(
        ASKED.models,
        models=ASKED.models.models | {OTHER: replace(ASKED.models.models[OTHER], search=False)},
    )
    made.change(replace(ASKED, models=models, search=True), 20.0)
    made.poll(20.0)
    assert made.setup.capabilities.name == FIRST
