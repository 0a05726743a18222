"""Captions of a call: both sides' words as lines, in the order in which they were begun.

Sans-I/O: what the call tells and the time go in, lines that have changed come out. Lines that are final are
forgotten when they were given out, so that a call may go on for days. Whose words are whose is decided in
`captions_turns`, what of an answer was heard in `captions_replies`.
"""

import itertools
from collections import deque
from typing import Protocol

from bot.conversation.captions_passage import CaptionLine, Doubles, Kind, Passage
from bot.conversation.captions_replies import Replies
from bot.conversation.captions_turns import Turn, Turns
from bot.conversation.names import NOBODY
from bot.live.events import InputTranscript, LiveEvent, OutputTranscript

MOST = 200  # passages that wait to be given out: somebody asks every few seconds


class CaptionSink(Protocol):
    """What a call tells of itself; times are `time.monotonic()` seconds. Nothing here waits but `close`."""

    def turn_began(self, user_id: int | None, name: str, at: float) -> None:
        """Take in that a person (None: several, heard as one) has the floor; the bot falls silent."""

    def turn_ended(self, at: float, speech_s: float) -> None:
        """Take in that the turn is over, in which so much was sent to the model."""

    def told(self, event: LiveEvent, at: float, *, held: bool) -> None:
        """Take in what the model tells; `held` says that its answer is not played, at least not yet."""

    def hushed(self, at: float) -> None:
        """Take in that the bot was told to be quiet: the rest of what it was saying is not heard."""

    def note(self, text: str, at: float) -> None:
        """Take in what the bot did, as words that follow its name, such as `looked at cat.png (from Ada)`."""

    def forget(self, user_id: int, at: float) -> None:
        """Show nothing more of a person who withdrew consent."""

    async def close(self) -> None:
        """Show and keep the last of it; return within 1.1 s."""


class NoCaptions:
    """A CaptionSink where nothing is written down."""

    def turn_began(self, user_id: int | None, name: str, at: float) -> None:
        """Let it pass, as all that follows."""

    def turn_ended(self, at: float, speech_s: float) -> None:
        """Let it pass."""

    def told(self, event: LiveEvent, at: float, *, held: bool) -> None:
        """Let it pass."""

    def hushed(self, at: float) -> None:
        """Let it pass."""

    def note(self, text: str, at: float) -> None:
        """Let it pass."""

    def forget(self, user_id: int, at: float) -> None:
        """Let it pass."""

    async def close(self) -> None:
        """Do nothing."""


class Captions:
    """The lines of one call."""

    def __init__(self, own_name: str) -> None:
        """`own_name` is what the bot is called."""
        self._own_name = own_name
        self._ids = itertools.count(1)
        self._passages: deque[Passage] = deque()
        self._turns = Turns()
        self._replies = Replies(lambda at: self._begin(at, Kind.BOT, None, own_name))
        self._understood = Doubles()
        self._said = Doubles()

    # -- what the call tells

    def turn_began(self, user_id: int | None, name: str, at: float) -> None:
        """Take in that a person (None: several, heard as one) has the floor; the bot falls silent."""
        self.poll(at)
        self._replies.cut(at)
        for forgotten in self._turns.begin(user_id, name, at):
            _finish(forgotten)

    def turn_ended(self, at: float, speech_s: float | None = None) -> None:
        """Take in that the turn is over, in which so much was said, where that is known."""
        self._turns.end(at, speech_s)
        self._replies.turn_ended(at)

    def told(self, event: LiveEvent, now: float, *, held: bool = False) -> None:
        """Take in what the model tells; `held` says that its answer is not played, at least not yet."""
        self.poll(now)
        match event:
            case InputTranscript(text):
                if text.strip() and not self._understood.again(text, now):
                    self._understand(text, now)
            case OutputTranscript(text) if self._said.again(text, now):
                return
        if self._replies.told(event, now, held=held):
            self._turns.answered()

    def hushed(self, at: float) -> None:
        """Take in that the bot was told to be quiet: the rest of what it was saying is not heard."""
        self.poll(at)
        self._replies.cut(at)

    def note(self, text: str, at: float) -> None:
        """Take in what the bot did."""
        passage = self._begin(at, Kind.NOTE, None, self._own_name)
        passage.add(text)
        passage.final = True

    def forget(self, user_id: int) -> None:
        """Show nothing more of a person; what is shown already stays."""
        for turn in self._turns.of_person(user_id):
            turn.silenced = True
            _finish(turn)

    # -- time

    def poll(self, now: float) -> None:
        """Make final what can't change any more."""
        self._replies.poll(now)
        for turn in self._turns.over(now):
            _finish(turn)

    def close(self) -> None:
        """Make all of it final."""
        self._replies.finish()
        for passage in self._passages:
            passage.final = True

    # -- what comes of it

    def changes(self) -> list[CaptionLine]:
        """Return the lines that have changed since this was last asked, in their order."""
        changed = [line for passage in self._passages for line in passage.changes()]
        self._passages = deque(passage for passage in self._passages if not passage.final)
        return sorted(changed, key=lambda line: (line.at, line.id))

    def _understand(self, text: str, now: float) -> None:
        turn = self._turns.of(text, now)
        if turn is None:
            stray = self._begin(now, Kind.PERSON, None, NOBODY)
            stray.add(text)
            stray.final = True
            return
        turn.add(text, now)
        if turn.silenced:
            return
        if turn.passage is None:
            turn.passage = self._begin(turn.began, Kind.PERSON, turn.user_id, turn.name)
        turn.passage.add(text)
        if turn.passage.full:
            _finish(turn)

    def _begin(self, at: float, kind: Kind, user_id: int | None, name: str) -> Passage:
        passage = Passage(self._ids, at, kind, user_id, name)
        self._passages.append(passage)
        if len(self._passages) > MOST:
            self._passages.popleft()
        return passage


def _finish(turn: Turn) -> None:
    """Make final what was understood of a turn; what comes all the same is another passage."""
    if turn.passage is not None:
        turn.passage.final = True
        turn.passage = None
