"""The decisions of a Live session, without I/O: what happened and the time go in, events come out.

The shell asks for an `Attempt`, connects, and says what became of it, with the number of the connection. What
comes under the number of an older connection is counted and dropped: nothing late gets through the fence.
`deadline` says when `poll` has something to do.
"""

import logging
import math
import random
from dataclasses import asdict, replace

from google.genai import types

from bot.live.attempts import Attempt, Attempts
from bot.live.backoff import Backoff
from bot.live.breaker import Breaker
from bot.live.counters import LiveCounters
from bot.live.events import Failed, FellBack, LiveEvent, Lost, Ready
from bot.live.exchange import Exchange
from bot.live.failures import Failure, Verdict
from bot.live.messages import GoAway, HandleUpdate, Told, read
from bot.live.outbox import BYTES_PER_S, Item, Outbox, Outgoing, ToolResult
from bot.live.resumption import Resumption
from bot.live.setup import LiveSetup
from bot.live.stall import StallWatch
from bot.live.states import OVER, TALKING, TRANSITIONS, LiveState, Step

logger = logging.getLogger(__name__)

STABLE_S = 10.0  # a connection that lasted this long was good, as is one that bore a whole answer
MOVE_EARLY_S = 5.0  # before the server closes: closing, connecting and resuming take 1 to 2 s
IDLE_CHECK_S = 0.1
MOVING = "Gemini asked me to connect anew."
CHANGING = "My settings were changed."
_STALLED = Failure(Verdict.RETRY, "Gemini stopped answering.", "no answer to a turn, nor to a nudge")


class LiveCore:
    """The state of a session and everything that is decided about it."""

    def __init__(
        self, setup: LiveSetup, rng: random.Random, *, name: str, breaker: Breaker | None = None
    ) -> None:
        """`rng` jitters the waits; `breaker` counts failures over all sessions that share it."""
        self.state = LiveState.IDLE
        self.counters = LiveCounters()
        self.exchange = Exchange(setup, self.counters)
        self.failure: Failure | None = None
        """The newest failure of the connection."""
        self._next_setup: LiveSetup | None = None  # to be taken over at the next idle moment
        self._name = name
        self._breaker = breaker or Breaker()
        self._rng = rng
        self._backoff = Backoff(rng)
        self._resumption = Resumption()
        self._attempts = Attempts()
        self._attempt = Attempt(0, None)
        self._deadline: float | None = None
        self._ready_at: float | None = None
        self._bore = False  # whether this connection told anything yet
        self._answers_before = 0  # how many answers had been told to their end when it was made
        self._move_by = 0.0

    @property
    def setup(self) -> LiveSetup:
        """How the session is set up now."""
        return self.exchange.setup

    @property
    def outbox(self) -> Outbox:
        """What is said to the model."""
        return self.exchange.outbox

    @property
    def stall(self) -> StallWatch:
        """Whether the model still answers."""
        return self.exchange.stall

    def counted(self) -> dict[str, int]:
        """Return what happened so far, by name."""
        outbox = self.outbox
        return {f"live_{name}": count for name, count in asdict(self.counters).items()} | {
            "live_nudges": self.stall.nudges,
            "live_stalls": self.stall.stalls,
            "live_pictures_lost": outbox.lost_pictures,
            "live_audio_lost_ms": outbox.lost_bytes * 1000 // BYTES_PER_S,
            "live_audio_forgotten_ms": outbox.forgotten_bytes * 1000 // BYTES_PER_S,
        }

    # -- the life of connections

    def start(self) -> None:
        """Leave idle: the first attempt is due; somebody waits for it, so no breaker holds it up."""
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
            self.exchange.setup = setup
            return
        self._next_setup = setup if setup != self.setup else None
        if self._next_setup is not None and self.state in TALKING:
            self._go_away(math.inf, now)

    def attempt(self) -> Attempt:
        """Return the connection to make now; whatever belongs to an older one is fenced from here on."""
        self._bore = False
        self._answers_before = self.counters.answers
        self._attempt = self._attempts.begin(self._resumption.handle)
        return self._attempt

    @property
    def patience_s(self) -> float:
        """How long the attempt may take until the connection is up."""
        return self._attempts.patience_s

    def connected(self, now: float) -> list[LiveEvent]:
        """Take in that the attempt succeeded: what the last connection left unanswered waits to be sent."""
        self._step(Step.UP)
        resumed = self._attempt.handle is not None
        self.counters.connections += 1
        self.counters.resumed += resumed
        self._ready_at = now
        self._breaker.succeeded()
        self._attempts.succeeded()
        self.exchange.connected(now)
        if self._next_setup is not None:
            self._go_away(math.inf, now)
        return [Ready(resumed)]

    def seed(self) -> str | None:
        """Return what a session that could not be resumed is told first, None where there is nothing."""
        first = self._ready_at is None
        return None if first or self._attempt.handle is not None else self.exchange.recap.text()

    def failed(self, number: int, failure: Failure, now: float) -> list[LiveEvent]:
        """Take in that an attempt or a connection failed, and decide what comes next."""
        if number != self._attempt.number or self.state not in TALKING | {LiveState.CONNECTING}:
            return []
        self.counters.failures += 1
        self.failure = failure
        logger.warning("%s: %s (%s)", self._name, failure.sentence, failure.detail)
        was_ready = self.state in TALKING
        if was_ready and failure.verdict is Verdict.NEVER:
            self.outbox.refuse_pictures()
        lasted = self._ready_at is not None and now - self._ready_at >= STABLE_S
        stable = was_ready and (lasted or self.counters.answers > self._answers_before)
        if stable:
            self._backoff.succeeded()
        if failure.verdict is Verdict.RETRY and failure is not _STALLED:
            self._breaker.failed(self._name, now)
        if self._blames_handle(failure, stable=stable):
            wait_s = 0.0  # what comes next is another setup
        elif failure.model_at_fault and (other := self.setup.next()) is not None:
            return self._fall_back(other, failure, now)
        elif failure.verdict is Verdict.NEVER and self._attempts.may_repeat(failure):
            wait_s = self._backoff.wait_s(Verdict.RETRY)
        elif failure.verdict is Verdict.NEVER or (
            failure.verdict is Verdict.LATER and self._ready_at is None
        ):
            self._step(Step.REFUSED)
            self._deadline = None
            return [*self.exchange.give_up_calls(), Failed(failure.sentence)]
        else:
            wait_s = self._backoff.wait_s(failure.verdict, failure.delay_s)
        self._step(Step.LOST)
        self._deadline = now + wait_s
        return [*self.exchange.give_up_calls(), Lost(failure.sentence)] if was_ready else []

    def _fall_back(self, other: LiveSetup, failure: Failure, now: float) -> list[LiveEvent]:
        """Go on with the next model at once; it knows nothing of the one before."""
        self.counters.fallbacks += 1
        told: list[LiveEvent] = [Lost(failure.sentence)] if self.state in TALKING else []
        before = self.setup.capabilities.name
        if self._bore:  # it did work: what was said may be at fault, and the next model may refuse that too
            other = replace(other, fallbacks=(*other.fallbacks, before))
        self.exchange.setup, self._resumption = other, Resumption()
        self._step(Step.LOST)
        self._deadline = now + self._backoff.wait_s(Verdict.RETRY)
        return [*self.exchange.give_up_calls(), *told, FellBack(before, other.capabilities.name)]

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
        stalls_at = self.stall.deadline() if self.state in TALKING else None
        return min((at for at in (self._deadline, stalls_at) if at is not None), default=None)

    def poll(self, now: float) -> list[LiveEvent]:
        """Do what is due: begin the next attempt, or move to a new connection when it is a good moment."""
        if self.state in TALKING and self.exchange.poll(now):
            return self.failed(self._attempt.number, _STALLED, now)
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        if self.state is LiveState.BACKING_OFF:
            if (wait_s := self._breaker.admit(now)) > 0:
                # Not all calls of a process in the same moment.
                self._deadline = now + wait_s + self._rng.uniform(0.0, 1.0)
                return []
            self._step(Step.DUE)
        elif self.state is LiveState.DRAINING:
            return self._move(now)
        return []

    def _move(self, now: float) -> list[LiveEvent]:
        changing = self._next_setup is not None
        given_up = self.exchange.give_up_calls() if now >= self._move_by else []
        if self.exchange.idle(now):
            self._adopt()
            # All has been dealt with; what the model chose not to answer it need not hear twice.
            self.outbox.answered(by_marks=False)
        elif now < self._move_by:
            self._deadline = min(self._move_by, now + IDLE_CHECK_S)
            return []
        self._step(Step.MOVED)
        return [*given_up, Lost(CHANGING if changing else MOVING)]

    def _adopt(self) -> None:
        """Take the next setup; another model can't go on with this one's session."""
        if self._next_setup is None:
            return
        if self._next_setup.capabilities != self.setup.capabilities or not self._next_setup.resumption:
            self._resumption = Resumption()
        self.exchange.setup, self._next_setup = self._next_setup, None

    # -- what is said to the model

    def say(self, item: Item) -> bool:
        """Queue an item; return False when the session is over and takes none."""
        if self.state in OVER:
            return False
        self.exchange.say(item)
        return True

    def next(self, now: float) -> Outgoing | None:
        """Take the next item to send, None while there is none."""
        return self.exchange.next(now)

    def result(self, connection: int, result: ToolResult) -> bool:
        """Queue the answer to a function call; return False where it is not wanted any more."""
        current = connection == self._attempt.number and self.state in TALKING
        if current and self.exchange.result(result):
            return True
        self.counters.tool_results_fenced += 1
        return False

    def forget(self, speaker: int) -> None:
        """Send nothing more of what a person said, nor tell a new session of it."""
        self.exchange.forget(speaker)

    # -- what the model says

    def message(self, number: int, message: types.LiveServerMessage, now: float) -> list[LiveEvent]:
        """Return the events of a message that came over the connection of that number."""
        if number != self._attempt.number or self.state not in TALKING:
            self.counters.fenced_messages += 1
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
        return self.exchange.told(told, self._attempt.number, now)

    def _go_away(self, move_by: float, now: float) -> None:
        self._move_by = min(move_by, self._move_by) if self.state is LiveState.DRAINING else move_by
        self._step(Step.GO_AWAY)
        self._deadline = now

    def _step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state, step]
