"""What the bot was asked to say aloud, or asked in writing, waiting for a moment of quiet.

Sans-I/O. A text to be read stands between marks, and the model is told to read it.
"""

from collections import deque
from dataclasses import dataclass

from bot.errors import EarshotError

MOST = 4  # texts: what waits behind them is read in some minutes, when nobody remembers asking
LONGEST = 4000  # characters, some four minutes of speech: the longest message that Discord shows
_READ = "Read the text between the lines aloud, word for word, in its own language, and say nothing else.\n"
_LINE = "-----"


class SayError(EarshotError):
    """A text can't be said aloud; the message is shown to who asked."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the model is asked."""

    text: str
    asker: int | None = None
    """Who wrote it to the bot, by user id; None for a text that is only read out."""
    people: frozenset[int] = frozenset()
    """Who can have it forgotten, who wrote it among them."""


class Sayings:
    """The texts that wait."""

    def __init__(self) -> None:
        self._texts: deque[Words] = deque()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> None:
        """Queue a text; raise SayError where it can't be said, or too many wait."""
        if not text.strip():
            raise SayError("There is no text to say.")
        if len(text) > LONGEST:
            raise SayError(f"That is too long to say aloud; give me up to {LONGEST:,} characters.")
        if len(self._texts) >= MOST:
            raise SayError(f"I have {MOST} texts left to say; try again when they are said.")
        self._texts.append(Words(f"{_READ}{_LINE}\n{text.strip().replace(_LINE, '')}\n{_LINE}"))

    def ask(self, words: str, asker: int, about: frozenset[int] = frozenset()) -> None:
        """Queue words of a person that the model is to answer; raise SayError where too many wait.

        `about` is whose things they are about: without those, nobody could answer them.
        """
        if len(self._texts) >= MOST:
            raise SayError(f"I have {MOST} texts left to answer; try again when I have.")
        self._texts.append(Words(words, asker, about | {asker}))

    def next(self) -> Words | None:
        """Take the next words for the model, None while there are none."""
        return self._texts.popleft() if self._texts else None

    def forget(self, user_id: int) -> None:
        """Forget what a person wrote, and what is about things of theirs."""
        self._texts = deque(words for words in self._texts if user_id not in words.people)

    def clear(self) -> None:
        """Forget what waits."""
        self._texts.clear()
