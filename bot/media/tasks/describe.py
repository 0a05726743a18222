"""Describing pictures, answering about them, and writing alt text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bot.media.detail import Detail
from bot.media.drawing_output import ALT_LENGTH
from bot.media.errors import UnfitError
from bot.media.fit import Fitted
from bot.media.task import Task

_DESCRIBE = (
    "Describe what this picture shows: first what it is in one sentence, then what matters in it, such as "
    "people, things, places, text that can be read, and mood."
)
_DESCRIBE_SEVERAL = (
    "Describe these {count} pictures in their order, each under a heading with its number: first what it is "
    "in one sentence, then what matters in it, such as people, things, places, text that can be read, and "
    "mood. End with how they relate to each other."
)
_ALT = (
    "Write alt text for {pictures}, for people who can't see: one plain paragraph for each, at most "
    "{length} characters long, what matters first, without words like 'picture of', without Markdown. Put "
    "each into a code block of its own, so that it can be copied, and say nothing else."
)
_ALT_FOCUS = " What it should dwell on: {question}"
# Of a picture that becomes a row of a table, which a phone shows too.
_ROW = "Describe what this picture shows: what it is first, then what matters most in it."
_ROW_ALT = (
    "Write alt text for this picture, for people who can't see: what matters first, without words like "
    "'picture of'."
)
_ROW_FORM = (
    " Answer in one short paragraph of at most 40 words, without Markdown or line breaks: it goes into a "
    "cell of a table."
)


@dataclass(frozen=True)
class Describe(Task):
    """The person's question, alt text, or what there is to see."""

    name: ClassVar[str] = "describe"

    question: str | None = None
    closeness: Detail | None = None
    alt: bool = False
    each: bool = False
    """Whether each picture is described on its own, in few words, for a row of a table."""

    @property
    def column(self) -> str:
        """What stands over the answers in a table."""
        if self.alt:
            return "Alt text"
        return self.question or "What it shows"

    @property
    def detail(self) -> Detail | None:
        """As the person asked."""
        return self.closeness

    def check(self, files: Sequence[Fitted]) -> None:
        """Raise MediaError for anything but pictures."""
        for file in files:
            if not file.is_picture:
                raise UnfitError(f"{file.name} is not a picture: ask about it with /ask.")

    def prompt(self, files: Sequence[Fitted]) -> str:
        """Return the question."""
        count = len(files)
        if self.each:
            return self._row() + _ROW_FORM
        if self.alt:
            what = "this picture" if count <= 1 else f"each of these {count} pictures, in their order"
            focus = _ALT_FOCUS.format(question=self.question) if self.question else ""
            return _ALT.format(pictures=what, length=ALT_LENGTH) + focus
        if self.question:
            return self.question
        return _DESCRIBE if count <= 1 else _DESCRIBE_SEVERAL.format(count=count)

    def _row(self) -> str:
        if not self.alt:
            return self.question or _ROW
        return _ROW_ALT + (_ALT_FOCUS.format(question=self.question) if self.question else "")
