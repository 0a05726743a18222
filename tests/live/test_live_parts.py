"""The small parts: failures, back-off, handles, recap, messages."""

import random
import ssl
from typing import Any

import pytest
from google.genai import errors, types
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from bot.live.backoff import AT_ONCE_S, HIGH_S, LATER_S, LOW_S, Backoff
from bot.live.events import AnswerAudio, AnswerEnded, AnswerWhole, Interrupted
from bot.live.failures import REASONS, TABLE, StrangeAnswerError, Verdict, classify
from bot.live.messages import GoAway, HandleUpdate, Unplayable, rate_hz, read, seconds
from bot.live.recap import MAX_CHARACTERS, Recap

# -- failures


def closed(code: int, reason: str = "") -> ConnectionClosedError:
    return ConnectionClosedError(Close(code, reason), None)


def status(code: int) -> InvalidStatus:
    return InvalidStatus(Response(code, "", Headers()))


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (errors.APIError(1000, "bye"), Verdict.RETRY),
        (errors.APIError(1006, ""), Verdict.RETRY),
        (errors.APIError(1007, "Request contains an invalid argument."), Verdict.NEVER),
        (errors.APIError(1008, "policy"), Verdict.NEVER),
        (errors.APIError(1011, "Internal error"), Verdict.RETRY),
        (errors.APIError(1011, "You exceeded your current quota"), Verdict.LATER),
        (errors.APIError(429, {"error": {"message": "RESOURCE_EXHAUSTED"}}), Verdict.LATER),
        (errors.APIError(4000, "never heard of"), Verdict.RETRY),
        (closed(1008), Verdict.NEVER),
        (ConnectionClosedError(None, None), Verdict.RETRY),
        (status(401), Verdict.NEVER),
        (status(403), Verdict.NEVER),
        (status(404), Verdict.NEVER),
        (status(418), Verdict.NEVER),
        (status(429), Verdict.LATER),
        (status(503), Verdict.RETRY),
        (status(599), Verdict.RETRY),
        (TimeoutError(), Verdict.RETRY),
        (ssl.SSLCertVerificationError(), Verdict.NEVER),
        (ConnectionRefusedError(), Verdict.RETRY),
        (InvalidMessage("no HTTP"), Verdict.RETRY),
        (EOFError(), Verdict.RETRY),
        (StrangeAnswerError(), Verdict.RETRY),
        (ZeroDivisionError(), Verdict.RETRY),
    ],
)
def test_each_failure_has_its_verdict_and_a_sentence(error: Exception, verdict: Verdict) -> None:
    failure = classify(error)
    assert failure.verdict is verdict
    assert failure.sentence.endswith(".")
    assert failure.detail


def test_a_server_that_was_not_reached_or_refused_the_upgrade_has_not_read_the_setup() -> None:
    for error in (ConnectionRefusedError(), status(503), status(401)):
        assert not classify(error).setup_read
    for other in (TimeoutError(), errors.APIError(1008, ""), StrangeAnswerError()):
        assert classify(other).setup_read


def test_people_are_told_sentences_and_no_codes() -> None:
    for failure in [*TABLE.values(), *(failure for _, failure in REASONS)]:
        assert failure.sentence.endswith(".")
        assert not any(character.isdigit() for character in failure.sentence)


# -- back-off


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(list(Verdict)[:2]), min_size=1, max_size=30))
def test_waits_grow_within_their_bounds(seed: int, verdicts: list[Verdict]) -> None:
    backoff = Backoff(random.Random(seed))
    for index, verdict in enumerate(verdicts):
        wait = backoff.wait_s(verdict)
        if verdict is Verdict.LATER:
            assert LATER_S <= wait <= HIGH_S
        elif index == 0:
            assert 0.0 <= wait <= AT_ONCE_S
        else:
            low = min(HIGH_S / 2, LOW_S * 2 ** (index - 1))
            assert low <= wait <= 2 * low <= HIGH_S


def test_waits_differ_between_sessions_and_begin_anew_after_a_success() -> None:
    backoffs = [Backoff(random.Random(seed)) for seed in range(20)]
    for _ in range(8):
        assert len({backoff.wait_s(Verdict.RETRY) for backoff in backoffs}) == 20
    backoff = Backoff(random.Random(1))
    for _ in range(5000):
        backoff.wait_s(Verdict.RETRY)
    backoff.succeeded()
    assert backoff.wait_s(Verdict.RETRY) <= AT_ONCE_S


def test_an_attempt_that_timed_out_has_spaced_itself() -> None:
    backoff = Backoff(random.Random(1))
    backoff.wait_s(Verdict.RETRY)
    assert backoff.wait_s(Verdict.RETRY, spent_s=4.0) <= AT_ONCE_S
    assert backoff.wait_s(Verdict.RETRY, spent_s=1.0) >= 1.0, "of 2 to 4 s"
    assert backoff.wait_s(Verdict.LATER, spent_s=10.0) >= LATER_S


# -- recap


def test_a_recap_joins_fragments_and_keeps_who_said_what() -> None:
    recap = Recap()
    assert recap.text() is None
    recap.noted("[Anna is speaking now.]")
    for fragment in ("Is it", " cold?"):
        recap.heard(fragment)
    recap.said(" Rather.")
    text = recap.text() or ""
    assert text.splitlines()[1:] == ["[Anna is speaking now.]", "They said: Is it cold?", "You said: Rather."]
    assert "no answer" in text


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["noted", "heard", "said"]), st.integers(1, 5000)), max_size=30))
def test_a_recap_is_bounded_and_ends_with_the_newest(said: list[tuple[str, int]]) -> None:
    recap = Recap()
    for what, length in said:
        getattr(recap, what)("y" * (length - 1) + "z")
    text = recap.text()
    assert (text is None) == (not said)
    if text is not None:
        lines = text.splitlines()[1:]
        assert 0 < sum(map(len, lines)) <= MAX_CHARACTERS + len("They said: ")
        assert text.endswith("z")


def test_of_the_notes_a_recap_keeps_only_who_speaks() -> None:
    recap = Recap()
    recap.noted("[Ben is speaking now. Anna had no answer from you yet.]")
    for text in (
        "[Anna writes to you; answer aloud.]\nMy secret]",
        "[Anna writes to you; answer aloud.]\n[My secret is speaking now.]",
        "[Anna shows you a picture, \u201csecret.png\u201d. Say nothing about it until somebody asks.]",
    ):
        recap.noted(text)
    recap.forget()
    assert (recap.text() or "").splitlines()[1:] == [
        "[Ben is speaking now. Anna had no answer from you yet.]"
    ]
    crowd = "[You hear these people all at once: Anna and Ben.]"
    recap.noted(crowd)
    recap.forget()
    assert (recap.text() or "").splitlines()[1:] == [crowd]


def test_a_recap_forgets_what_was_said_and_what_is_told_late_of_that_turn() -> None:
    recap = Recap()
    recap.noted("[Anna is speaking now.]")
    recap.heard("My secret")
    recap.noted("[Ben is speaking now.]")
    recap.said("Oh,")
    recap.forget()
    recap.heard(" is this.")
    recap.said(" is it?")
    assert (recap.text() or "").splitlines()[1:] == ["[Ben is speaking now.]"]
    recap.turn_ended()
    recap.heard("Well.")
    assert (recap.text() or "").splitlines()[2:] == ["They said: Well."]
    recap.forget()
    recap.forget()
    assert "Well" not in (recap.text() or "")


# -- messages


def told(**fields: Any) -> list[Any]:
    return list(read(types.LiveServerMessage.model_validate(fields), 5.0))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("60s", 60.0),
        ("9.5s", 9.5),
        ("0s", 0.0),
        (None, 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-3s", 0.0),
        ("nans", 0.0),
    ],
)
def test_how_long_is_left(text: str | None, left: float) -> None:
    assert seconds(text) == left


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [
        ("audio/pcm;rate=24000", 24000),
        ("audio/pcm; rate=16000", 16000),
        ("audio/pcm", 24000),
        ("audio/pcm;rate=0", 24000),
    ],
)
def test_the_rate_of_audio(mime_type: str, rate: int) -> None:
    assert rate_hz(mime_type) == rate


def test_audio_beside_an_interruption_belongs_to_what_was_interrupted() -> None:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}
    content = {"modelTurn": {"parts": [{"inlineData": blob}]}, "interrupted": True, "turnComplete": True}
    assert [type(event) for event in told(serverContent=content)] == [AnswerAudio, Interrupted, AnswerEnded]


def test_what_is_not_speech_is_passed_over() -> None:
    image = {"mimeType": "image/png", "data": "AAE="}
    parts: list[dict[str, Any]] = [{"inlineData": image}, {"text": "hm"}, {"inlineData": {}}, {}]
    assert told(serverContent={"modelTurn": {"parts": parts}}) == []


def test_an_answer_is_whole_before_its_turn_ends() -> None:
    assert told(serverContent={"generationComplete": True}) == [AnswerWhole(5.0)]
    assert told(serverContent={"turnComplete": True}) == [AnswerEnded(5.0)]
    assert told(serverContent={"modelTurn": {}}) == told() == []


def test_a_handle_that_is_not_said_to_be_good_is_not() -> None:
    assert told(sessionResumptionUpdate={"newHandle": "h"}) == [HandleUpdate("h", resumable=False)]
    assert told(sessionResumptionUpdate={"newHandle": "h", "resumable": True}) == [
        HandleUpdate("h", resumable=True)
    ]
    assert told(goAway={}) == [GoAway(0.0)]


@pytest.mark.parametrize(
    "mime_type", ["audio/opus", "audio/L16;rate=24000", "audio/pcmu", "audio/", "audio/pcm;rate=16000"]
)
def test_sound_that_can_not_be_played_as_it_is_is_told_of_and_not_played(mime_type: str) -> None:
    blob = {"mimeType": mime_type, "data": "AAE="}
    message = types.LiveServerMessage.model_validate(
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}
    )
    assert list(read(message, 1.0)) == [Unplayable(mime_type.lower())]


@pytest.mark.parametrize(
    "mime_type", ["audio/pcm", "Audio/PCM; rate=24000", "audio/pcm;channels=1;rate=24000"]
)
def test_pcm_is_played_however_it_is_written(mime_type: str) -> None:
    blob = {"mimeType": mime_type, "data": "AAE="}
    message = types.LiveServerMessage.model_validate(
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}
    )
    assert list(read(message, 1.0)) == [AnswerAudio(b"\x00\x01", 24_000, 1.0)]
