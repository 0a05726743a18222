"""Records that can be asked by the names that people give the members of a schema.

`start_time`, `startTime` and `begin` all find `start`; `duration_seconds` finds `duration`; `color` finds
`colour`. The name that says most wins: `box_3d` finds the box in space before the one in the picture.
"""

import enum
import re
from dataclasses import dataclass
from typing import Any, Final

from bot.emulators.gemini.rest_words import clock


class _Missing(enum.Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING
"""Nothing was measured under a name; None is a value."""

_SAME = {
    "begin": "start",
    "from": "start",
    "timestamp": "start",
    "until": "end",
    "to": "end",
    "color": "colour",
    "length": "duration",
    "bbox": "box",
    "bounding": "box",
    "heading": "title",
    "name": "title",
    "headline": "title",
    "description": "summary",
    "theme": "summary",
    "overview": "summary",
    "answer": "summary",
    "caption": "summary",
    "alt": "summary",
    "conclusion": "summary",
    "content": "text",
    "transcript": "text",
    "transcription": "text",
    "category": "label",
    "audio": "sound",
}
_TIMES = ("start", "end", "duration")


@dataclass(frozen=True)
class Record:
    """Values by name, and the records of the parts that it is made of."""

    values: dict[str, Any]
    parts: tuple["Record", ...] = ()

    def find(self, name: str) -> Any:
        """Return the value that a name asks for, MISSING if there is none."""
        key = self._key(name)
        return MISSING if key is None else self.values[key]

    def text(self, name: str) -> str:
        """Return that value as text: times as MM:SS, lists with commas."""
        key = self._key(name)
        value = self.values[key] if key is not None else ""
        if key in _TIMES and isinstance(value, int | float):
            return clock(value)
        if isinstance(value, list):
            return ", ".join(map(str, value))
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _key(self, name: str) -> str | None:
        asked = tokens_of(name)
        found = [(len(tokens), key) for key in self.values if (tokens := tokens_of(key)) and tokens <= asked]
        return max(found, key=lambda one: one[0])[1] if found else None


def tokens_of(name: str) -> frozenset[str]:
    """Return the words of a name, singular and with one word for what has several."""
    words = (word.lower() for word in re.findall(r"\d+[a-z]?|[A-Z]?[a-z]+|[A-Z]+", name))
    singular = (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
    )
    return frozenset(_SAME.get(word, word) for word in singular)
