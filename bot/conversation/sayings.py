"""What the bot was asked to say aloud, waiting for a moment of quiet.

Sans-I/O. A text is cut from what it must not do: it stands between marks, and the model is told to read it.
"""

from collections import deque

from bot.errors import EarshotError

MOST = 4  # texts: what waits behind them is read in some minutes, when nobody remembers asking
LONGEST = 4000  # characters, some four minutes of speech: the longest message that Discord shows
_READ = "Read the text between the lines aloud, word for word, in its own language, and say nothing else.\n"
_LINE = "-----"


class SayError(EarshotError):
    """A text can't be said aloud; the message is shown to who asked."""


class Sayings:
    """The texts that wait."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()

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
        self._texts.append(text.strip())

    def next(self) -> str | None:
        """Take the next text, as the words that ask the model to read it; None while there is none."""
        if not self._texts:
            return None
        text = self._texts.popleft().replace(_LINE, "")
        return f"{_READ}{_LINE}\n{text}\n{_LINE}"

    def clear(self) -> None:
        """Forget what waits."""
        self._texts.clear()
