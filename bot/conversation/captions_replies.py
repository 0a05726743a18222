"""The model's answers as text, which runs ahead of their sound.

The text of an answer comes with its audio, before it or after it, and both come faster than they are played.
So when somebody takes the floor, what was shown is cut back to the part of it that was played, by time. What
nobody heard, since nobody had asked for it, is not shown at all.

Sans-I/O: what the model tells and the time go in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.conversation.captions_passage import Passage
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    AnswerWhole,
    Failed,
    Interrupted,
    LiveEvent,
    Lost,
    OutputTranscript,
)

LATE_S = 1.0  # after an answer's end: text that comes by then is the rest of it, if nobody has spoken since
SPARED_S = 0.3  # before the end of what is played: who speaks then has heard the answer
SILENT_S = 20.0  # after the last of an answer whose end was never told


@dataclass(eq=False)
class Reply:
    """An answer of the model."""

    passage: Passage
    seen_at: float
    """When something of it came last."""
    shown: bool = False
    """Whether it is played; once it was, it stays so."""
    played_from: float | None = None
    audio_s: float = 0.0
    whole: bool = False
    """Whether all of it has come."""
    ended: float | None = None
    cut_at: float | None = None

    @property
    def played_until(self) -> float | None:
        """When it will have been played, as far as it has come; None where nothing of it is heard."""
        return None if self.played_from is None else self.played_from + self.audio_s

    @property
    def final_at(self) -> float:
        """When nothing of it can change any more."""
        if self.ended is None:
            return self.seen_at + SILENT_S
        played = self.played_until if self.cut_at is None else None
        return max(self.ended + LATE_S, played or self.ended)

    def playing(self, at: float) -> bool:
        """Return whether it is heard then, or more of it is to be."""
        if self.ended is None and not self.whole:
            return True
        return self.played_until is not None and at < self.played_until - SPARED_S

    def heard(self) -> float | None:
        """Return which share of its text was heard; None for all of it."""
        if not self.shown:
            return 0.0
        if self.cut_at is None:
            return None
        if self.played_from is None or not self.audio_s:
            return 0.0
        return min(1.0, max(0.0, (self.cut_at - self.played_from) / self.audio_s))


class Replies:
    """The answer that comes, or the last one for as long as it may change."""

    def __init__(self, begun: Callable[[float], Passage]) -> None:
        """`begun(at)` makes the passage of an answer that begins."""
        self._begun = begun
        self._reply: Reply | None = None
        self._turn_ended = float("-inf")

    def turn_ended(self, at: float) -> None:
        """Take in that a person has finished: what begins next answers that."""
        self._turn_ended = at

    def cut(self, at: float) -> None:
        """Take in that the bot falls silent, since somebody speaks."""
        reply = self._reply
        if reply is not None and reply.cut_at is None and reply.playing(at):
            reply.cut_at = at
            reply.passage.share = reply.heard()

    def told(self, event: LiveEvent, now: float, *, held: bool) -> bool:
        """Take in what the model tells; return whether an answer begins by it.

        `held` says that it is not played, at least not yet.
        """
        before = self._reply
        match event:
            case AnswerAudio(pcm, rate_hz, at):
                reply = self._current(at, late=False)
                reply.played_from = at if reply.played_from is None else reply.played_from
                reply.audio_s += len(pcm) / 2 / rate_hz
                reply.seen_at = now
            case OutputTranscript(text):
                reply = self._current(now, late=True)
                reply.passage.add(text)
                reply.seen_at = now
            case AnswerWhole() if before is not None:
                before.whole = True
            case Interrupted(at) if before is not None:
                self.cut(at)
                self._end(before, now)
            case AnswerEnded() | Lost() | Failed() if before is not None:
                self._end(before, now)
        current = self._reply
        if current is None:
            return False
        current.shown = current.shown or (not held and current.cut_at is None)
        current.passage.share = current.heard()
        return current is not before

    def poll(self, now: float) -> None:
        """Make final what can't change any more."""
        if self._reply is not None and now >= self._reply.final_at:
            self.finish()

    def finish(self) -> None:
        """Make the answer final as it is."""
        if self._reply is not None:
            self._reply.passage.final = True
            self._reply = None

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        return self._reply.final_at if self._reply is not None else None

    def _current(self, at: float, *, late: bool) -> Reply:
        """Return the answer that something belongs to: a new one where the last is over."""
        reply = self._reply
        if reply is not None:
            rest = late and reply.ended is not None and self._is_rest(reply.ended, at)
            if reply.ended is None or rest:
                return reply
            self.finish()
        self._reply = Reply(self._begun(at), at)
        return self._reply

    def _is_rest(self, ended: float, at: float) -> bool:
        return self._turn_ended <= ended and at - ended <= LATE_S

    def _end(self, reply: Reply, now: float) -> None:
        if reply.ended is None:
            reply.ended = now
        if not reply.shown:  # nobody heard it, and nobody will
            self.finish()
