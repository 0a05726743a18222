"""A connection that is refused, or never comes up: how often it is tried again, and when."""

import random
from typing import Any

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from bot.live.attempts import FIRST_PATIENCE_S, LONGEST_PATIENCE_S, REFUSALS
from bot.live.backoff import AT_ONCE_S, HIGH_S, Backoff
from bot.live.core import LiveCore
from bot.live.events import Failed, LiveEvent, Lost
from bot.live.failures import Failure, Verdict, classify
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

REFUSED = Failure(Verdict.NEVER, "Gemini refused the API key.", setup_read=False)
BROKEN = Failure(Verdict.RETRY, "It broke off.")


def refusal(status: int, headers: dict[str, str]) -> InvalidStatus:
    return InvalidStatus(Response(status, "", Headers(headers)))


def started() -> LiveCore:
    setup = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")
    made = LiveCore(setup, random.Random(1), name="live-test")
    made.start()
    made.attempt()
    return made


def again(made: LiveCore) -> float:
    """Make the next attempt when it is due; return when that is."""
    due = made.deadline()
    assert due is not None
    made.poll(due)
    assert made.state is LiveState.CONNECTING
    made.attempt()
    return due


@pytest.mark.parametrize(("told", "expected"), [("2", 2.0), ("0", 0.0), (" 30 ", 30.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_when_to_come_again(status: int, told: str, expected: float) -> None:
    assert classify(refusal(status, {"Retry-After": told})).delay_s == expected


@pytest.mark.parametrize("told", ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "inf", "nan", "", "9" * 400])
def test_what_is_no_number_of_seconds_says_nothing(told: str) -> None:
    assert classify(refusal(429, {"Retry-After": told})).delay_s is None


def test_no_word_of_it_is_no_delay() -> None:
    assert classify(refusal(429, {})).delay_s is None


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.LATER])
def test_what_the_server_says_is_waited_and_hardly_more(verdict: Verdict) -> None:
    waits = [Backoff(random.Random(seed)).wait_s(verdict, 2.0) for seed in range(50)]
    assert all(2.0 <= wait <= 2.0 + AT_ONCE_S for wait in waits)
    assert len(set(waits)) > 1, "not all calls in the same moment"


def test_but_no_longer_than_any_wait() -> None:
    assert Backoff(random.Random(1)).wait_s(Verdict.LATER, 3600.0) <= HIGH_S + AT_ONCE_S


def test_who_says_so_each_time_is_not_hammered() -> None:
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s(Verdict.RETRY, 0.0) for _ in range(4)]
    assert waits[1] >= 1.0 and waits[3] >= 4.0


def test_a_key_that_was_taken_is_tried_again_before_the_call_ends() -> None:
    made = started()
    made.connected(0.0)
    assert [type(event) for event in made.failed(1, BROKEN, 20.0)] == [Lost]
    told: list[LiveEvent] = []
    for number in range(2, 3 + REFUSALS):
        at = again(made)
        told = made.failed(number, REFUSED, at)
    assert told == [Failed(REFUSED.sentence)]
    assert made.state is LiveState.FAILED


def test_and_is_good_again_once_it_is_taken() -> None:
    made = started()
    made.connected(0.0)
    at = 20.0
    for _ in range(3):
        made.failed(made._attempt.number, BROKEN, at)
        at = again(made)
        for _ in range(REFUSALS):
            assert made.failed(made._attempt.number, REFUSED, at) == []
            at = again(made)
        made.connected(at)
        at += 20.0


def test_a_key_that_was_never_taken_is_not_tried_again() -> None:
    made = started()
    assert made.failed(1, REFUSED, 0.1) == [Failed(REFUSED.sentence)]


def test_an_attempt_that_hangs_is_given_up_soon_and_the_next_gets_longer() -> None:
    made: Any = started()
    patience = [made.patience_s]
    at = 0.0
    for _ in range(3):
        made.failed(made._attempt.number, BROKEN, at)
        at = again(made)
        patience.append(made.patience_s)
    assert patience[:2] == [FIRST_PATIENCE_S, 2 * FIRST_PATIENCE_S]
    assert patience[-1] == LONGEST_PATIENCE_S
    made.connected(at)
    made.failed(made._attempt.number, BROKEN, at + 1.0)
    again(made)
    assert made.patience_s == FIRST_PATIENCE_S
