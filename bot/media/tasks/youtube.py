"""What YouTube asks for with a film: title, description, chapters, tags, by YouTube's own limits.

https://support.google.com/youtube/answer/9884579 (chapters), /57404 (title, description), /146402 (tags);
how these are counted: https://developers.google.com/youtube/v3/docs/videos#properties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.media.fit import Fitted
from bot.media.lengths import clock
from bot.media.task import Json
from bot.media.tasks.chapters import CHAPTERS, MOST, NO_FILM, Chapters, on_youtube
from bot.media.tasks.watching import called, in_seconds
from bot.media.value import number, rows, text, texts

TITLE_LENGTH, TAGS_LENGTH = 100, 500  # characters; of all tags together
DESCRIPTION_BYTES = 5_000  # with the chapters, which are a part of it there
LEAST_CHAPTERS, LEAST_CHAPTER_S = 3, 10.0
_ROUNDING_S = 0.5  # of a second that is left out of a time: YouTube reads whole ones

_PROMPT = (
    "Write what is entered on YouTube to publish this {what}.\n"
    "`title`: at most {title} characters, the better part within the first 60, where it is cut on phones; "
    "what somebody would search for, true, no clickbait, no capitals for emphasis.\n"
    "`description`: 100 to 200 words in short paragraphs with a line break between them; the first two "
    "sentences say what there is to see, since more is hidden at first; then what is in it, names, sources. "
    "No chapters (they are added), no links that are not in the {what}, no < or >.\n"
    "`chapters`: without gaps from the beginning to the end, never overlapping; at least {least} of "
    "{seconds_each:g} s or more each, the first at 0, at most {most}. Where the {what} is too short for "
    "that, its scenes all the same. A `title` of two to six words without number or time, and a `summary` of "
    "one sentence.\n"
    "`tags`: 8 to 15, what somebody would type to find this, at most {tags} characters together.\n"
    "{seconds}"
)
_TOO_SHORT = "*YouTube shows no chapters in this one: it wants at least 3 of 10 seconds or more.*"

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "chapters": CHAPTERS,
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "description", "chapters", "tags"],
}


@dataclass(frozen=True)
class YouTube(Chapters):
    """Title, description with chapters, and tags, to be copied; and the chapters shown."""

    name: ClassVar[str] = "youtube"

    @property
    def schema(self) -> dict[str, Any]:
        """What is entered on YouTube, in its order there."""
        return _SCHEMA

    def prompt(self, files: Sequence[Fitted]) -> str:
        """Return what to write, and YouTube's limits."""
        told = _PROMPT.format(
            what=called(files),
            title=TITLE_LENGTH,
            least=LEAST_CHAPTERS,
            seconds_each=LEAST_CHAPTER_S,
            most=MOST,
            tags=TAGS_LENGTH,
            seconds=in_seconds(files),
        )
        return told + self.asked(files)

    def problems(self, value: Json, files: Sequence[Fitted]) -> list[str]:
        """Return what YouTube would not take, too."""
        told = super().problems(value, files)
        if len(text(value, "title")) > TITLE_LENGTH:
            told.append(f"title is longer than {TITLE_LENGTH} characters")
        described = self._described(value, files)
        if len(described.encode(errors="replace")) > DESCRIPTION_BYTES:
            told.append(f"description, chapters included, is longer than {DESCRIPTION_BYTES} bytes in UTF-8")
        if _tags_length(value) > TAGS_LENGTH:
            told.append(f"tags are longer than {TAGS_LENGTH} characters together")
        if any(sign in text(value, "title") + described for sign in "<>"):
            told.append(
                "the title, the description or a chapter's title holds < or >, which YouTube does not take"
            )
        return told if self._too_short(files) else told + _chapter_problems(value, self.bounds(files)[0])

    def render(self, value: Json, files: Sequence[Fitted]) -> str:
        """Return what can be copied, each in a block of its own."""
        chapters = any(self.chapters(value, files))
        parts = [
            _block("Title", text(value, "title")),
            _block("Description", self._described(value, files)),
            _block("Tags", ", ".join(_tags(value))),
            _TOO_SHORT if chapters and self._too_short(files) else "",
            NO_FILM if chapters and on_youtube(files) else "",
        ]
        return "\n\n".join(part for part in parts if part)

    def _described(self, value: Json, files: Sequence[Fitted]) -> str:
        """Return the description as YouTube gets it: with the chapters at its end."""
        chapters = "\n".join(f"{clock(each.start_s)} {each.title}" for each in self.chapters(value, files))
        return "\n\n".join(part for part in (_description(value), chapters) if part)

    def _too_short(self, files: Sequence[Fitted]) -> bool:
        begin_s, end_s = self.bounds(files)
        return end_s is not None and end_s - begin_s < LEAST_CHAPTERS * LEAST_CHAPTER_S


def _chapter_problems(value: Json, begin_s: float) -> list[str]:
    """Return what is wrong with chapters by YouTube's rules."""
    found = rows(value, "chapters")
    told = []
    if len(found) < LEAST_CHAPTERS:
        told.append(f"there are {len(found)} chapters, and YouTube wants at least {LEAST_CHAPTERS}")
    if not begin_s and found and (number(found[0], "start") or 0.0) >= 1.0:
        told.append("the first chapter does not start at 0")
    for index, each in enumerate(found):
        start, end = number(each, "start"), number(each, "end")
        if start is not None and end is not None and end - start < LEAST_CHAPTER_S - _ROUNDING_S:
            told.append(f"chapters[{index}] is shorter than {LEAST_CHAPTER_S:g} s: join it to another")
    return told


def _description(value: Json) -> str:
    """Return the description with its paragraphs."""
    found = value.get("description") if isinstance(value, dict) else None
    return found.strip() if isinstance(found, str) else ""


def _tags(value: Json) -> list[str]:
    return [tag.replace(",", " ").lstrip("#") for tag in texts(value, "tags")]


def _tags_length(value: Json) -> int:
    """Return how long all tags are as YouTube counts: with commas, and quotes around those with spaces."""
    tags = _tags(value)
    return sum(len(tag) + 2 * (" " in tag) for tag in tags) + max(0, len(tags) - 1)


def _block(heading: str, content: str) -> str:
    """Return something to be copied, between fences that are longer than any within it."""
    if not content:
        return ""
    fence = "```"
    while fence in content:
        fence += "`"
    return f"**{heading}**\n{fence}text\n{content}\n{fence}"
