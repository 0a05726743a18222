"""What the demo reads out of the messages between the bot and the model."""

import base64
import json
from typing import Any

import pytest

from bot.conversation.notice import HEAD
from bot.demo.turns import given_answers, heard_turns, tool_uses
from bot.emulators.gemini.record import Passed, Record, of_client, of_server

JPEG = b"\xff\xd8\xfb\xff\xff\xd9"  # base64 of it has a sign that differs between the alphabets


def passed(*kinds: str) -> Record:
    """Return a record, a second after the other; `told:` and `said_text:` carry words."""
    entries = [kind.partition(":") for kind in kinds]
    return Record(
        [
            Passed(float(at), 1, kind, text=text, pcm=bytes(640) if kind in ("heard", "said") else b"")
            for at, (kind, _, text) in enumerate(entries)
        ]
    )


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("realtime", ["realtimeInput", "realtime_input"])
def test_a_picture_is_read(realtime: str, encode: Any) -> None:
    message = {realtime: {"video": {"mimeType": "image/jpeg", "data": encode(JPEG).decode()}}}
    (entry,) = of_client(json.dumps(message), 1.0, 1)
    assert (entry.kind, entry.body) == ("shown", JPEG)


@pytest.mark.parametrize(
    ("outer", "inner"), [("toolResponse", "functionResponses"), ("tool_response", "function_responses")]
)
def test_functions_are_read_with_what_came_of_them(outer: str, inner: str) -> None:
    calls = [{"id": "1", "name": "look", "args": {"question": "Größe?"}}, {"id": "2", "name": "wait"}]
    results = [{"id": "2", "name": "wait", "response": {}}, {"id": "1", "name": "look", "response": {"a": 1}}]
    record = Record(
        [
            *of_server(json.dumps({"toolCall": {"functionCalls": calls}}), 1.0, 1),
            *of_client(json.dumps({outer: {inner: results}}), 2.0, 1),
            *of_server(json.dumps({"toolCall": {"functionCalls": calls[:1]}}), 3.0, 1),
        ]
    )
    first, second, third = tool_uses(record)
    assert (first.name, first.args, first.answered) == ("look", {"question": "Größe?"}, 2.0)
    assert (first.response, second.response) == ({"a": 1}, {})
    assert (second.answered, third.answered) == (2.0, None)


def test_what_can_not_be_read_is_nothing() -> None:
    for message in ("{", "[]", '{"toolCall": 1}', '{"toolCall": {"functionCalls": [1]}}'):
        assert of_server(message, 1.0, 1) == []
    assert of_client('{"toolResponse": {"functionResponses": "x"}}', 1.0, 1) == []


def test_turns_have_the_speaker_that_was_told_last() -> None:
    turn = ("activity_start", "heard", "activity_end")
    record = passed(
        "told:[Ada is speaking now.]",
        *turn,
        *turn,
        "told:[Ada shows you a picture, “cat.png”. Say nothing about it until somebody asks.]",
        "told:[Ben is speaking now. Ada had no answer from you yet.]",
        *turn,
    )
    assert [each.speaker for each in heard_turns(record)] == ["Ada", "Ada", "Ben"]


def test_the_notice_is_what_is_said_unasked() -> None:
    answer = ("said", "said_text:Hello.", "ended")
    asked = ("activity_start", "activity_end")
    notices = [each.notice for each in given_answers(passed(f"told:{HEAD}", *answer, *asked, *answer))]
    assert notices == [True, False]
    cut = passed(f"told:{HEAD}", "activity_start", "activity_end", *answer)
    assert [each.notice for each in given_answers(cut)] == [False], "somebody spoke first"


def test_a_turn_that_another_follows_at_once_interrupts_no_answer() -> None:
    answer = ("said", "said_text:Hello.", "ended")
    unanswered = ("activity_start", "activity_end", "activity_start", "interrupted", "ended", "activity_end")
    first, second = given_answers(passed(*answer, *unanswered, *answer))
    assert (first.interrupted, second.interrupted) == (None, None)
    (cut,) = given_answers(passed("activity_end", "said", "activity_start", "interrupted", "ended"))
    assert cut.interrupted == 3.0


def test_a_record_is_cut_at_its_times() -> None:
    record = passed("told:a", "told:b", "told:c")
    assert [entry.text for entry in record.between(1.0, 2.0).passed] == ["b"]
