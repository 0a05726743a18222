"""What was said so far, in few words, kept in memory: a session that can't be resumed begins with it.

It holds the notes that were given to the model (who is speaking) and the transcripts, bounded: the oldest go.
Transcripts don't say whose words they are, and come late. So when somebody's words must not be told again,
all that was said is forgotten, and what is told until the end of the model's turn.
"""

import re
from collections import deque

MAX_CHARACTERS = 4000  # some 1,000 tokens: two minutes of talk, billed again with every turn
MAX_CUT = 600  # characters of the question, and of the answer, that an answer is gone on with by
CUT_OFF = (
    "[The connection broke off while you were answering. Go on where you stopped, and say nothing of this.]"
)
_HEAD = "[The connection was renewed. This is what was said before; it needs no answer.]"
# What a note says of who speaks; what a person wrote to the model follows its note in a line of its own.
_WHO_SPEAKS = re.compile(r"\[(.+ is speaking now\..*|You hear these people all at once: .+)\]")
_HEARD, _SAID = "They said: ", "You said: "


class Recap:
    """Collects the lines of a conversation; fragments of one speaker join to one line."""

    def __init__(self) -> None:
        self._lines: deque[tuple[str, str]] = deque()
        self._characters = 0
        self._closed = False  # to what is told of a turn that is to be forgotten

    def noted(self, text: str) -> None:
        """Add a note that was given to the model."""
        self._append("", text)

    def heard(self, fragment: str) -> None:
        """Add a fragment of what people said."""
        if not self._closed:
            self._add(_HEARD, fragment)

    def said(self, fragment: str) -> None:
        """Add a fragment of what the model said."""
        if not self._closed:
            self._add(_SAID, fragment)

    def forget(self) -> None:
        """Forget what was said or written, and the turn that is going on; who spoke last stays."""
        notes = [text for who, text in self._lines if not who and _WHO_SPEAKS.fullmatch(text)]
        self._lines.clear()
        self._characters = 0
        self._closed = True
        for text in notes[-1:]:
            self.noted(text)

    def turn_ended(self) -> None:
        """Take in that what is told from now on belongs to another turn."""
        self._closed = False

    def text(self) -> str | None:
        """Return all of it as one text for the model, None where nothing was said."""
        if not self._lines:
            return None
        return "\n".join([_HEAD, *(who + text.strip() for who, text in self._lines)])

    def cut_off(self) -> str:
        """Return what a model is asked that is to go on with the answer that it was giving."""
        newest: list[str] = []
        for who, text in reversed(self._lines):
            if who:
                newest.insert(0, who + text.strip()[-MAX_CUT:])
            if who == _HEARD:
                break
        return "\n".join([CUT_OFF, *newest])

    def _add(self, who: str, fragment: str) -> None:
        if self._lines and self._lines[-1][0] == who:
            self._lines[-1] = (who, self._lines[-1][1] + fragment)
            self._characters += len(fragment)
            self._trim()
        else:
            self._append(who, fragment)

    def _append(self, who: str, text: str) -> None:
        self._lines.append((who, text))
        self._characters += len(who) + len(text)
        self._trim()

    def _trim(self) -> None:
        while (excess := self._characters - MAX_CHARACTERS) > 0:
            who, text = self._lines[0]
            if len(text) > excess:
                self._lines[0] = (who, text[excess:])
                self._characters -= excess
            else:
                self._lines.popleft()
                self._characters -= len(who) + len(text)
