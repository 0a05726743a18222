"""The decisions of a Live session, without I/O: what happened and the time go in, events come out.

The shell asks for an `Attempt`, connects, and says what became of it, with the number of the connection. What
comes under the number of an older connection is counted and dropped: nothing late gets through the fence.
`deadline` says when `poll` has something to do.
"""

import logging
import math
import random
from dataclasses import dataclass

from google.genai import types

from bot.live.backoff import Backoff
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    Failed,
    InputTranscript,
    Interrupted,
    LiveEvent,
    Lost,
    OutputTranscript,
    Ready,
)
from bot.live.failures import Failure, Verdict
from bot.live.messages import GoAway, HandleUpdate, Told, read
from bot.live.outbox import NEVER, Audio, Item, Outbox, Text
from bot.live.recap import Recap
from bot.live.resumption import Resumption
from bot.live.setup import LiveSetup
from bot.live.states import OVER, TALKING, TRANSITIONS, LiveState, Step

logger = logging.getLogger(__name__)

STABLE_S = 10.0  # a connection that lasted this long was good: what ends it is not the one before again
MOVE_EARLY_S = 5.0  # before the server closes: closing, connecting and resuming take 1 to 2 s
QUIET_S = 2.0  # without marks: with no audio for this long nobody speaks, and the model has begun to answer
IDLE_CHECK_S = 0.1
STRAY_S = 1.0  # after an interruption chunks may still come; bounded, as the turn's end may never come
MOVING = "Gemini asked me to connect anew."
CHANGING = "My settings were changed."


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection to make: its number, and the handle of the session to go on with."""

    number: int
    handle: str | None


@dataclass(slots=True)
class LiveCounters:
    """What happened to a session so far."""

    connections: int = 0
    resumed: int = 0
    failures: int = 0
    unreadable: int = 0
    """Messages that were no message; the connection went on."""
    fenced: int = 0
    """Messages of an older connection."""
    stray: int = 0
    """Chunks of an answer that came after its interruption."""


class LiveCore:
    """The state of a session and everything that is decided about it."""

    def __init__(self, setup: LiveSetup, rng: random.Random, *, name: str) -> None:
        self.state = LiveState.IDLE
        self.outbox = Outbox()
        self.counters = LiveCounters()
        self.failure: Failure | None = None
        """The newest failure of the connection."""
        self.setup = setup
        """How the session is set up now."""
        self._next_setup: LiveSetup | None = None  # to be taken over at the next idle moment
        self._name = name
        self._backoff = Backoff(rng)
        self._resumption = Resumption()
        self._recap = Recap()
        self._attempt = Attempt(0, None)
        self._deadline: float | None = None
        self._ready_at: float | None = None
        self._bore = False  # whether this connection told anything yet
        self._move_by = 0.0
        self._audio_at = NEVER
        self._answering = False
        self._cut_off = False  # an answer was interrupted; the turn's end that follows is that answer's
        self._stray_until = NEVER

    # -- the life of connections

    def start(self) -> None:
        """Leave idle: the first attempt is due."""
        self._step(Step.START)

    def close(self) -> None:
        """End for good, from any state."""
        self._step(Step.CLOSE)
        self._deadline = None

    def change(self, setup: LiveSetup, now: float) -> None:
        """Take another setup over: at once before the start, else at the next idle moment.

        Never in between: what a turn was begun with, marks or none, it has to end with.
        """
        if self.state is LiveState.IDLE:
            self.setup = setup
            return
        self._next_setup = setup if setup != self.setup else None
        if self._next_setup is not None and self.state in TALKING:
            self._go_away(math.inf, now)

    def attempt(self) -> Attempt:
        """Return the connection to make now; whatever belongs to an older one is fenced from here on."""
        self._attempt = Attempt(self._attempt.number + 1, self._resumption.handle)
        self._bore = False
        return self._attempt

    def connected(self, now: float) -> list[LiveEvent]:
        """Take in that the attempt succeeded: what the last connection left unanswered waits to be sent."""
        self._step(Step.UP)
        resumed = self._attempt.handle is not None
        self.counters.connections += 1
        self.counters.resumed += resumed
        self._ready_at = now
        self._answering = self._cut_off = False
        self._stray_until = NEVER
        self._recap.turn_ended()
        self.outbox.rewind(now)
        if self._next_setup is not None:
            self._go_away(math.inf, now)
        return [Ready(resumed)]

    def seed(self) -> str | None:
        """Return what a session that could not be resumed is told first, None where there is nothing."""
        first = self._ready_at is None
        return None if first or self._attempt.handle is not None else self._recap.text()

    def failed(self, number: int, failure: Failure, now: float) -> list[LiveEvent]:
        """Take in that an attempt or a connection failed, and decide what comes next."""
        if number != self._attempt.number or self.state not in TALKING | {LiveState.CONNECTING}:
            return []
        self.counters.failures += 1
        self.failure = failure
        logger.warning("%s: %s (%s)", self._name, failure.sentence, failure.detail)
        was_ready = self.state in TALKING
        stable = was_ready and self._ready_at is not None and now - self._ready_at >= STABLE_S
        if stable:
            self._backoff.succeeded()
        if self._blames_handle(failure, stable=stable):
            wait_s = 0.0  # what comes next is another setup
        elif failure.verdict is Verdict.NEVER or (
            failure.verdict is Verdict.LATER and self._ready_at is None
        ):
            self._step(Step.REFUSED)
            self._deadline = None
            return [Failed(failure.sentence)]
        else:
            wait_s = self._backoff.wait_s(failure.verdict)
        self._step(Step.LOST)
        self._deadline = now + wait_s
        return [Lost(failure.sentence)] if was_ready else []

    def _blames_handle(self, failure: Failure, *, stable: bool) -> bool:
        """Whether the server refused to go on with the session: it may well begin a new one."""
        if self._bore or stable or self._attempt.handle is None:
            return False
        if not failure.setup_read or failure.verdict is Verdict.LATER:
            return False
        refused = failure.verdict is Verdict.NEVER
        return self._resumption.failed(refused=refused) and refused

    # -- time

    def deadline(self) -> float | None:
        """Return when `poll` is due, None while it is not."""
        return self._deadline

    def poll(self, now: float) -> list[LiveEvent]:
        """Do what is due: begin the next attempt, or move to a new connection when it is a good moment."""
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        if self.state is LiveState.BACKING_OFF:
            self._step(Step.DUE)
        elif self.state is LiveState.DRAINING:
            return self._move(now)
        return []

    def _move(self, now: float) -> list[LiveEvent]:
        changing = self._next_setup is not None
        if self._idle(now):
            self._adopt()
            # All has been dealt with; what the model chose not to answer it need not hear twice.
            self.outbox.answered(by_marks=False)
        elif now < self._move_by:
            self._deadline = min(self._move_by, now + IDLE_CHECK_S)
            return []
        self._step(Step.MOVED)
        return [Lost(CHANGING if changing else MOVING)]

    def _adopt(self) -> None:
        """Take the next setup; another model can't go on with this one's session."""
        if self._next_setup is None:
            return
        if self._next_setup.capabilities != self.setup.capabilities or not self._next_setup.resumption:
            self._resumption = Resumption()
        self.setup, self._next_setup = self._next_setup, None

    def _idle(self, now: float) -> bool:
        """Whether nobody speaks, nothing waits to be sent, and nothing is being answered."""
        quiet = self.setup.turns == "marks" or now - self._audio_at > QUIET_S
        busy = self._answering or self.outbox.activity_open or self.outbox.waiting > 0
        return quiet and not busy and not self.outbox.unanswered(now)

    # -- what is said to the model

    def say(self, item: Item) -> bool:
        """Queue an item; return False when the session is over and takes none."""
        if self.state in OVER:
            return False
        match item:
            case Audio(_, at):
                self._audio_at = at
            case Text(text):
                self._recap.noted(text)
        self.outbox.put(item)
        return True

    def forget(self, speaker: int) -> None:
        """Send nothing more of what a person said, nor tell a new session of it."""
        self.outbox.forget(speaker)
        self._recap.forget()

    # -- what the model says

    def message(self, number: int, message: types.LiveServerMessage, now: float) -> list[LiveEvent]:
        """Return the events of a message that came over the connection of that number."""
        if number != self._attempt.number or self.state not in TALKING:
            self.counters.fenced += 1
            return []
        if not self._bore:
            self._bore = True
            self._resumption.worked()
        return [event for told in read(message, now) for event in self._tell(told, now)]

    def _tell(self, told: Told, now: float) -> list[LiveEvent]:
        match told:
            case HandleUpdate(handle, resumable):
                self._resumption.updated(handle, resumable=resumable)
                return []
            case GoAway(time_left_s):
                self._go_away(now + max(0.0, time_left_s - MOVE_EARLY_S), now)
                return []
            case AnswerAudio():
                if now < self._stray_until:
                    self.counters.stray += 1
                    return []
                self._answered(begun=not self._answering)
                self._answering = True
            case Interrupted():
                self._interrupt(now)
            case AnswerEnded():
                self._end_turn()
            case InputTranscript(text):
                self._recap.heard(text)
            case OutputTranscript(text):
                self._recap.said(text)
        return [told]

    def _interrupt(self, now: float) -> None:
        if self._answering:
            self._stray_until = now + STRAY_S
        self._answering, self._cut_off = False, True

    def _end_turn(self) -> None:
        self._answered(begun=not self._answering and not self._cut_off)
        if not self._cut_off:
            self._recap.turn_ended()
        self._answering = self._cut_off = False
        self._stray_until = NEVER

    def _answered(self, *, begun: bool) -> None:
        """Let go of the turn that an answer begins for, an empty answer too."""
        if begun:
            self.outbox.answered(by_marks=self.setup.turns == "marks")

    def _go_away(self, move_by: float, now: float) -> None:
        self._move_by = min(move_by, self._move_by) if self.state is LiveState.DRAINING else move_by
        self._step(Step.GO_AWAY)
        self._deadline = now

    def _step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state, step]
