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
    "timecode": "start",
    "until": "end",
    "to": "end",
    "color": "colour",
    "length": "duration",
    "bbox": "box",
    "bounding": "box",
    "heading": "title",
    "name": "title",
    "headline": "title",
    "topic": "title",
    "event": "title",
    "subject": "title",
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
    "translation": "text",
    "markdown": "text",
    "quote": "text",
    "category": "label",
    "audio": "sound",
    "type": "kind",
    "added": "addition",
    "removed": "removal",
    "changed": "change",
    "modified": "change",
    "same": "identical",
    "expected": "requirement",
    "ms": "millisecond",
}
_TIMES = ("start", "end", "duration")
_WHOSE = ("file", "picture")  # names that say what another one is of: `picture_width` is a width
_ASKED = frozenset({"question", "asked", "user", "your"})  # `open_questions` are others
_CLOCKS = (  # ways to write a time, the most telling first, as schemas name them
    ("HH:MM:SS,mmm", "{h:02d}:{m:02d}:{s:02d},{ms:03d}"),
    ("HH:MM:SS.mmm", "{h:02d}:{m:02d}:{s:02d}.{ms:03d}"),
    ("MM:SS.mmm", "{all_m:02d}:{s:02d}.{ms:03d}"),
    ("HH:MM:SS", "{h:02d}:{m:02d}:{s:02d}"),
)


@dataclass(frozen=True)
class Record:
    """Values by name, the records of the parts that it is made of, and what kind of part it is itself."""

    values: dict[str, Any]
    parts: tuple["Record", ...] = ()
    kind: str = ""

    def find(self, name: str) -> Any:
        """Return the value that a name asks for, MISSING if there is none."""
        key = self._key(name)
        if key is None:
            return MISSING
        value = self.values[key]
        if key in _TIMES and "millisecond" in tokens_of(name) and isinstance(value, int | float):
            return round(value * 1000)
        return value

    def clocks(self, name: str) -> dict[str, str]:
        """Return a time in the ways to write it, by what they are called; empty for what is none."""
        key = self._key(name)
        value = self.values[key] if key is not None else None
        if key not in _TIMES or not isinstance(value, int | float):
            return {}
        seconds, ms = divmod(round(value * 1000), 1000)
        minutes, s = divmod(seconds, 60)
        h, m = divmod(minutes, 60)
        return {name: form.format(h=h, m=m, all_m=minutes, s=s, ms=ms) for name, form in _CLOCKS}

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
        found = [key for key in self.values if (tokens := tokens_of(key)) and tokens <= asked]
        if not asked <= _ASKED:
            found = [key for key in found if key != "question"]
        return max(found, key=lambda key: (len(tokens_of(key)), key not in _WHOSE), default=None)


def tokens_of(name: str) -> frozenset[str]:
    """Return the words of a name, singular and with one word for what has several."""
    words = (word.lower() for word in re.findall(r"\d+[a-z]?|[A-Z]?[a-z]+|[A-Z]+", name))
    singular = (
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in words
    )
    tokens = frozenset(_SAME.get(word, word) for word in singular)
    # A time is that of a beginning, unless it says which.
    return tokens | {"start"} if "time" in tokens and not tokens & set(_TIMES) else tokens


def same_value(choice: Any, value: Any) -> bool:
    """Return whether a choice of a schema says a value: `REMOVED` says `removal`."""
    said, meant = str(choice).lower(), str(value).lower()
    return said == meant or tokens_of(said) == tokens_of(meant)
