"""The minutes of a call: what is asked, and how what comes of it is shown."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import from_json

from bot.media.tasks.minutes import LONGEST, NOTHING, Minutes
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json

VALUE: dict[str, Any] = {
    "summary": "They plan a trip.",
    "decisions": ["They take the train."],
    "action_items": [{"owner": "Bob", "task": "Buy tickets", "deadline": "Friday"}, {"task": "Pack"}],
    "open_questions": ["Which hotel?"],
}
SHOWN = (
    "They plan a trip.\n\n"
    "### Decisions\n- They take the train.\n\n"
    "### Action items\n- **Bob**: Buy tickets (by Friday)\n- Pack\n\n"
    "### Open questions\n- Which hotel?"
)
TASK = Minutes("[0:00] Ada: We take the train.\n[0:05] Bob: I buy tickets by Friday.")


def test_a_value_is_shown_under_headings() -> None:
    Draft202012Validator(TASK.schema).validate(VALUE)
    assert TASK.render(VALUE, ()) == SHOWN


def test_minutes_grow() -> None:
    written = json.dumps(VALUE)
    shown = [
        TASK.render(from_json(written[:end], allow_partial="trailing-strings"), ())
        for end in range(1, len(written) + 1)
    ]
    assert NOTHING not in shown
    assert shown[-1] == SHOWN
    lengths = [len(text) for text in shown]
    assert lengths == sorted(lengths)


def test_a_call_of_which_nothing_came() -> None:
    empty = {"summary": "", "decisions": [], "action_items": [], "open_questions": []}
    assert TASK.render(empty, ()) == NOTHING
    assert TASK.render({}, ()) == ""


def test_the_prompt_has_all_that_was_said_and_is_kept() -> None:
    assert TASK.transcript in TASK.prompt(())
    assert task_of(to_json(TASK)) == TASK


@pytest.mark.parametrize("lines", [100, LONGEST])
def test_of_a_very_long_call_the_newest_part_is_read(lines: int) -> None:
    transcript = "\n".join(f"[{number}] A: x" for number in range(lines))
    prompt = Minutes(transcript).prompt(())
    assert f"[{lines - 1}] A: x\n---" in prompt
    assert len(prompt) < LONGEST + 2_000
    assert ("left out" in prompt) == (lines == LONGEST)
