"""What one voice said without a break: it grows by fragments, and is shown as lines none of which is long.

Fragments carry their own spaces, and are put together as they come; nobody can tell a fragment that overtook
another from one that did not. Doubled ones are told from repeated words by their length, see `Doubles`.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

LINE = 800  # characters: with every one escaped, a line and its name still fit into a message of Discord's
PASSAGE = 8_000  # characters, some ten minutes of speech: what is longer goes on as another passage
BROKEN_OFF = "—"

DOUBLE_WITHIN_S = 0.1  # a word said twice takes longer; a doubled fragment comes at once
_RECENT = 4  # fragments: a doubled one may have changed places with its neighbour, too
_PHRASE = 8  # characters: with two words or more in it, nobody happens to say the same again so soon

_SENTENCE_END = re.compile(r"[.!?…。！？)\]\"”]$")  # noqa: RUF001 - sentences end so in Chinese and Japanese
_ENDS = re.compile(r".*[.!?…。！？](?=\s|$)", re.DOTALL)  # noqa: RUF001


class Kind(Enum):
    """Whose line it is."""

    PERSON = "person"
    BOT = "bot"
    NOTE = "note"
    """Not said: something that the bot did."""


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """A line as it is now; with the same id it takes the place of what it was before."""

    id: int
    at: float
    """When what it belongs to began, `time.monotonic()` seconds: lines stand in the order of (at, id)."""
    kind: Kind
    user_id: int | None
    """None for the bot, and where several are heard as one."""
    name: str
    text: str
    """One line of plain text; empty where nothing is left to show."""
    final: bool
    """Whether it stays as it is."""


class Doubles:
    """Finds fragments that a fault doubled."""

    def __init__(self) -> None:
        self._recent: deque[tuple[str, float]] = deque(maxlen=_RECENT)

    def again(self, text: str, now: float) -> bool:
        """Return whether a fragment is one of before, rather than the same words said twice.

        A phrase is taken for that among the newest fragments, a single word only at once after itself.
        """
        words = text.strip()
        phrase = len(words) >= _PHRASE and " " in words
        if phrase and any(words == before for before, _ in self._recent):
            return True
        if self._recent:
            before, at = self._recent[-1]
            if words == before and now - at <= DOUBLE_WITHIN_S:
                return True
        self._recent.append((words, now))
        return False


class Passage:
    """Text that grows, and the lines of it."""

    def __init__(self, ids: Iterator[int], at: float, kind: Kind, user_id: int | None, name: str) -> None:
        self.text = ""
        self.final = False
        self.share: float | None = None
        """Where it was broken off: how much of it was heard, from 0 to 1."""
        self._ids = ids
        self._at = at
        self._kind = kind
        self._user_id = user_id
        self._name = name
        self._lines: list[CaptionLine] = []

    @property
    def full(self) -> bool:
        """Whether more is to go into another passage."""
        return len(self.text) >= PASSAGE

    def add(self, fragment: str) -> None:
        """Take in a fragment of what was said."""
        begins = fragment[:1].isalpha() or fragment.startswith(("[", "(", "“"))
        apart = begins and _SENTENCE_END.search(self.text) is not None
        self.text += f" {fragment}" if apart else fragment

    def changes(self) -> list[CaptionLine]:
        """Return the lines that are not as they were when this was last asked."""
        pieces = list(_pieces(self._shown()))
        pieces += [""] * (len(self._lines) - len(pieces))
        changed = []
        for number, piece in enumerate(pieces):
            before = self._lines[number] if number < len(self._lines) else None
            if before is not None and (before.text, before.final) == (piece, self.final):
                continue
            line_id = before.id if before is not None else next(self._ids)
            line = CaptionLine(line_id, self._at, self._kind, self._user_id, self._name, piece, self.final)
            self._lines[number : number + 1] = [line]
            changed.append(line)
        return changed

    def _shown(self) -> str:
        text = " ".join(self.text.split())
        if self.share is None:
            return text
        heard = text
        if self.share < 1:
            # Back to a whole word: what was cut within it was hardly heard.
            heard = text[: round(len(text) * self.share) + 1].rpartition(" ")[0]
        return f"{heard}{BROKEN_OFF}" if heard else ""


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces of at most LINE characters; those before the last stay as they are."""
    while len(text) > LINE:
        head = text[: LINE + 1]
        sentence = _ENDS.match(head[:LINE])
        at = sentence.end() if sentence and sentence.end() > LINE // 2 else head.rfind(" ")
        if at <= 0:
            at = LINE
        yield text[:at]
        text = text[at:].lstrip()
    if text:
        yield text
