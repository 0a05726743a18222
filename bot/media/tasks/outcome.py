"""What came of a talk: summary, decisions, action items and open questions, as a value and as Markdown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bot.media.task import Json
from bot.media.value import rows, text, texts

LINES: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
_ACTION = {name: {"type": "string"} for name in ("owner", "task", "deadline")}
PROPERTIES: dict[str, Any] = {
    "summary": {"type": "string"},
    "decisions": LINES,
    "action_items": {
        "type": "array",
        "items": {"type": "object", "properties": _ACTION, "required": ["task"]},
    },
    "open_questions": LINES,
}
ASKED = (
    "`decisions`: what was decided, a sentence each.\n"
    "`action_items`: who (`owner`) does what (`task`) by when (`deadline`); `owner` or `deadline` is empty "
    "where nobody said it. A wish or an idea is none.\n"
    "`open_questions`: what was asked and not settled.\n"
)


def outcome(value: Json, more: Mapping[str, list[str]] = MappingProxyType({})) -> list[str]:
    """Return what came of a talk as paragraphs: a summary, and lists under their headings, `more` last."""
    lists = {
        "Decisions": texts(value, "decisions"),
        "Action items": [told for each in rows(value, "action_items") if (told := _action(each))],
        "Open questions": texts(value, "open_questions"),
        **more,
    }
    parts = [text(value, "summary")]
    for heading, items in lists.items():
        if items:
            parts.append("\n".join([f"### {heading}", *(f"- {item}" for item in items)]))
    return [part for part in parts if part]


def _action(each: dict[str, Any]) -> str:
    owner, task, deadline = (text(each, name).replace("*", "") for name in ("owner", "task", "deadline"))
    if not task:
        return ""
    return (f"**{owner}**: " if owner else "") + task + (f" (by {deadline})" if deadline else "")
