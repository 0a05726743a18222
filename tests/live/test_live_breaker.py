"""When Gemini is down one attempt at a time is made for all calls; a refused model gives way to the next."""

import random
from typing import Any

import pytest
from google.genai import types

from bot.live.backoff import AT_ONCE_S
from bot.live.breaker import OPEN_S, THRESHOLD, Breaker, BreakerState
from bot.live.core import HELD_UP_S, LiveCore
from bot.live.events import Failed, FellBack, LiveEvent, Lost, Waiting
from bot.live.failures import TABLE, Failure, Verdict
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

DOWN = Failure(Verdict.RETRY, "Down.")
OTHER = "gemini-3.8-live-extended-thinking"


def session(breaker: Breaker, name: str = "live-test", **fields: Any) -> LiveCore:
    setup = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind."} | fields
    return LiveCore(LiveSetup(**setup), random.Random(1), name=name, breaker=breaker)


def state_after(made: LiveCore, at: float) -> LiveState:
    made.poll(at)
    return made.state


def trip(breaker: Breaker, at: float = 0.0) -> None:
    for number in range(THRESHOLD):
        breaker.failed(f"call {number}", at)


def test_it_opens_after_failures_in_a_row_and_lets_one_through_after_a_while() -> None:
    breaker = Breaker()
    for number in range(THRESHOLD - 1):
        breaker.failed(f"call {number}", 0.0)
    assert breaker.admit(0.0) == 0.0
    breaker.failed("another", 0.0)
    assert breaker.admit(1.0) == OPEN_S - 1.0
    assert breaker.admit(OPEN_S) == 0.0
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit(OPEN_S) == OPEN_S  # the others wait for what becomes of that one


def test_a_success_lets_all_through_and_a_failure_none() -> None:
    breaker = Breaker()
    trip(breaker)
    breaker.admit(OPEN_S)
    breaker.failed("a call", OPEN_S + 1)
    assert breaker.admit(OPEN_S + 2) == pytest.approx(OPEN_S - 1)
    breaker.admit(2 * OPEN_S + 1)
    breaker.succeeded()
    assert [breaker.admit(2 * OPEN_S + 1) for _ in range(3)] == [0.0] * 3


def lost_while_open(breaker: Breaker, name: str = "live-test") -> LiveCore:
    """Return a session whose connection was lost at 1 s, when the breaker opened."""
    made = session(breaker, name)
    made.start()
    made.attempt()
    made.connected(0.0)
    trip(breaker, 1.0)
    assert isinstance(made.failed(1, DOWN, 1.0)[0], Lost)
    return made


def next_attempt(made: LiveCore, told: list[LiveEvent]) -> float:
    """Go through all waits; return when the next attempt is made."""
    due = 0.0
    while made.state is LiveState.BACKING_OFF:
        due = made.deadline() or 0.0
        told += made.poll(due)
    assert made.state is LiveState.CONNECTING
    return due


def test_a_call_that_lost_its_connection_waits_until_it_may_try_and_says_so_once() -> None:
    made, told = lost_while_open(Breaker()), list[LiveEvent]()
    assert 1.0 + OPEN_S <= next_attempt(made, told) <= 1.0 + OPEN_S + 2 * HELD_UP_S
    assert [type(event) for event in told] == [Waiting]
    assert made.counted()["live_held_up"] == 1


def test_when_one_attempt_has_succeeded_the_others_follow_at_once() -> None:
    breaker = Breaker()
    calls = [lost_while_open(breaker, f"live-{number}") for number in range(50)]
    for made in calls:
        made.poll(2.0)
    breaker.succeeded()
    for made in calls:
        assert next_attempt(made, []) <= 2.0 + 2 * HELD_UP_S


def test_connections_that_are_lost_at_once_hold_nobody_up() -> None:
    """The network may have moved for a moment: whoever tries finds out."""
    breaker = Breaker()
    calls = [session(breaker, f"live-{number}") for number in range(10 * THRESHOLD)]
    for made in calls:
        made.start()
        made.attempt()
        made.connected(0.0)
    for made in calls:
        made.failed(1, DOWN, 20.0)
    for made in calls:
        assert next_attempt(made, []) <= 20.0 + AT_ONCE_S


def test_a_new_call_is_tried_whatever_the_others_suffer() -> None:
    breaker = Breaker()
    trip(breaker)
    made = session(breaker)
    made.start()
    assert made.state is LiveState.CONNECTING


def test_one_calls_own_trouble_is_its_own() -> None:
    breaker = Breaker()
    for _ in range(10 * THRESHOLD):
        breaker.failed("the same", 0.0)
    assert breaker.admit(0.0) == 0.0


def test_attempts_of_all_calls_count_and_refusals_do_not() -> None:
    breaker = Breaker()
    for code in (1007, 1008, 401, 429):
        for _ in range(THRESHOLD):
            made = session(breaker)
            made.start()
            made.attempt()
            made.failed(1, TABLE[code], 0.0)
    assert breaker.admit(0.0) == 0.0
    for number in range(THRESHOLD):
        made = session(breaker, f"live-{number}")
        made.start()
        made.attempt()
        made.failed(1, DOWN, 0.0)
    assert breaker.state is BreakerState.OPEN


@pytest.mark.parametrize("code", [404, 1007, 1008])
def test_a_model_that_is_refused_gives_way_to_the_next_one(code: int) -> None:
    made = session(Breaker(), fallbacks=(OTHER,))
    made.start()
    made.attempt()
    assert made.failed(1, TABLE[code], 0.0) == [FellBack("gemini-3.8-live", OTHER)]
    assert state_after(made, 0.25) is LiveState.CONNECTING
    assert made.setup.capabilities.name == OTHER
    made.attempt()
    assert isinstance(made.failed(2, TABLE[code], 0.3)[0], Failed)


def test_a_model_that_goes_in_the_middle_of_a_call_gives_way_too_and_its_handle_goes() -> None:
    made = session(Breaker(), fallbacks=("no such model", OTHER))
    made.start()
    made.attempt()
    made.connected(0.0)
    told = made.failed(1, TABLE[1008], 20.0)
    assert [type(each) for each in told] == [Lost, FellBack]
    made.poll(20.25)
    assert made.attempt().handle is None


def test_models_that_work_take_turns_where_what_was_said_is_refused() -> None:
    made = session(Breaker(), fallbacks=(OTHER,))
    made.start()
    tried = []
    for number in (1, 2, 3):
        made.attempt()
        made.connected(100.0 * number)
        made.message(number, types.LiveServerMessage.model_validate({"usageMetadata": {}}), 100.0 * number)
        tried.append(made.setup.capabilities.name)
        made.failed(number, TABLE[1008], 100.0 * number + 20)
        made.poll(100.0 * number + 25)
    assert tried == ["gemini-3.8-live", OTHER, "gemini-3.8-live"]


def test_a_refused_key_is_not_the_models_fault() -> None:
    made = session(Breaker(), fallbacks=(OTHER,))
    made.start()
    made.attempt()
    assert isinstance(made.failed(1, TABLE[401], 0.0)[0], Failed)
