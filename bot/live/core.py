"""The decisions of a Live session, without I/O: what happened and the time go in, events come out.

The shell asks for an `Attempt`, connects, and says what became of it, with the number of the connection. What
comes under the number of an older connection is counted and dropped: nothing late gets through the fence.
`deadline` says when `poll` has something to do.
"""

import logging
import math
import random
from dataclasses import replace

from google.genai import types

from bot.live.attempts import Attempt, Attempts
from bot.live.backoff import Backoff
from bot.live.breaker import Breaker
from bot.live.changing import Changing
from bot.live.counters import LiveCounters
from bot.live.events import AnswerAudio, Failed, FellBack, LiveEvent, Lost, Ready, Recovered, Waiting
from bot.live.exchange import Exchange
from bot.live.failures import Failure, Verdict
from bot.live.items import Item, ToolResult
from bot.live.messages import GoAway, HandleUpdate, Told, Unplayable, read
from bot.live.outbox import Outbox, Outgoing
from bot.live.resumption import Resumption
from bot.live.setup import LiveSetup
from bot.live.stall import StallWatch
from bot.live.states import OVER, TALKING, TRANSITIONS, LiveState, Step

logger = logging.getLogger(__name__)

MOVE_EARLY_S = 5.0  # before the server closes: closing, connecting and resuming take 1 to 2 s
IDLE_CHECK_S = 0.1
HELD_UP_S = 0.5  # another call's attempt may have succeeded meanwhile
MOVING = "Gemini asked me to connect anew."
CHANGING = "My settings were changed."
_BROKE = Failure(
    Verdict.NEVER, "Something went wrong in my connection to Gemini, so I left; /join brings me back."
)
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
        self._changing = Changing(setup)
        self._name = name
        self._breaker = breaker or Breaker()
        self._rng = rng
        self._backoff = Backoff(rng)
        self._resumption = Resumption()
        self._attempts = Attempts()
        self._attempt = Attempt(0, None)
        self._deadline: float | None = None
        self._held_up_after = 0  # the number of the attempt after which the breaker held up the next
        self._bore = False  # whether this connection told anything yet
        self._gone_by = math.inf  # when the connection is left at the latest, as the server goes away

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
        return self.counters.named() | self.stall.counted() | self.outbox.counted()

    # -- the life of connections

    def start(self) -> None:
        """Leave idle: the first attempt is due; somebody waits for it, so no breaker holds it up."""
        self._step(Step.START)

    def close(self) -> None:
        """End for good, from any state."""
        self._step(Step.CLOSE)
        self._deadline = None

    def change(self, setup: LiveSetup, now: float) -> None:
        """Take another setup over: at once before the start, else at the next idle moment or attempt.

        After a minute without one it is taken over all the same, but for one that changes who marks the
        turns: what a turn was begun with, marks or none, it has to end with.
        """
        if self.state is LiveState.IDLE:
            self.exchange.setup, self._changing = setup, Changing(setup)
            return
        wanted = self._changing.ask(setup, self.setup, now)
        if wanted and self.state in TALKING:
            self._go_away(now)
        elif self.state is LiveState.BACKING_OFF and self._changing.to_another_model(self.setup):
            self._deadline = now  # what was refused, or used up, was the other's
        elif self.state is LiveState.DRAINING and self._gone_by == math.inf:
            self._step(Step.STAY)
            self._deadline = None

    def attempt(self) -> Attempt:
        """Return the connection to make now; whatever belongs to an older one is fenced from here on."""
        self._bore = False
        if self._adoptable:
            self._adopt()
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
        self._gone_by = math.inf
        self._breaker.succeeded()
        self._attempts.succeeded(now, self.counters.answers)
        self.exchange.connected(now)
        if self._changing.wait_anew(self.setup, now):
            self._go_away(now)
        return [Ready(resumed)]

    def seed(self) -> str | None:
        """Return what a session that could not be resumed is told first, None where there is nothing."""
        begun_anew = self._attempts.was_up and self._attempt.handle is None
        return self.exchange.recap.text() if begun_anew else None

    def failed(self, number: int, failure: Failure, now: float) -> list[LiveEvent]:
        """Take in that an attempt or a connection failed, and decide what comes next."""
        if number != self._attempt.number or self.state not in TALKING | {LiveState.CONNECTING}:
            return []
        self.counters.failures += 1
        self.failure = failure
        logger.warning("%s: %s (%s)", self._name, failure.sentence, failure.detail)
        was_ready, mute = self.state in TALKING, failure is _STALLED and self.stall.in_vain > 1
        if was_ready:
            self._cut_off(now, spent=mute or failure.verdict is Verdict.LATER)
        if was_ready and failure.verdict is Verdict.NEVER:
            self.outbox.refuse_pictures()
        stable = was_ready and self._attempts.good(now, self.counters.answers)
        if stable:
            self._attempts.recovered(now, self.counters.answers)
        if failure.verdict is Verdict.RETRY and not was_ready:
            self._breaker.failed(self._name, now)
        if not (self._bore or stable) and self._resumption.blamed(self._attempt.handle, failure):
            wait_s = 0.0  # what comes next is another setup
        elif failure.model_at_fault and self._adoptable and self._changing.to_another_model(self.setup):
            wait_s = 0.0  # so it is here
        elif failure.model_at_fault and (other := self.setup.next()) is not None:
            return self._fall_back(other, failure, now)
        elif failure.verdict is Verdict.NEVER and self._attempts.may_repeat(failure):
            wait_s = self._backoff.wait_s(Verdict.RETRY)
        elif failure.verdict is Verdict.NEVER or (
            failure.verdict is Verdict.LATER and not self._attempts.was_up
        ):
            self._step(Step.REFUSED)
            self._deadline = None
            return [*self.exchange.give_up_calls(), Failed(failure.sentence)]
        else:
            spent_s = self._attempts.spent_s(now)
            wait_s = self._backoff.wait_s(failure.verdict, failure.delay_s, spent_s=spent_s)
        self._step(Step.LOST)
        self._deadline = now + wait_s
        told: list[LiveEvent] = [Lost(failure.sentence)] if was_ready else []
        return [*self.exchange.give_up_calls(), *told, *self._waiting(failure, wait_s, now, mute=mute)]

    def broke(self) -> list[LiveEvent]:
        """Take in that nothing makes connections any more: better no call than a mute one."""
        if self.state in OVER:
            return []
        self.failure = _BROKE
        self._step(Step.BROKE)
        self._deadline = None
        return [*self.exchange.give_up_calls(), Failed(_BROKE.sentence)]

    def _fall_back(self, other: LiveSetup, failure: Failure, now: float) -> list[LiveEvent]:
        """Go on with the next model at once; it knows nothing of the one before."""
        self.counters.fallbacks += 1
        told: list[LiveEvent] = [Lost(failure.sentence)] if self.state in TALKING else []
        before = self.setup.capabilities.name
        if self._bore:  # it did work: what was said may be at fault, and the next model may refuse that too
            other = replace(other, fallbacks=(*other.fallbacks, before))
        self.exchange.setup, self._resumption = other, Resumption()
        self._changing.fell_back(other, now)
        self._step(Step.LOST)
        self._deadline = now + self._backoff.wait_s(Verdict.RETRY)
        return [*self.exchange.give_up_calls(), *told, FellBack(before, other.capabilities.name)]

    # -- time

    def deadline(self) -> float | None:
        """Return when `poll` is due, None while it is not."""
        due = [self._deadline]
        if self.state in TALKING:
            due += [self.stall.deadline(), self._attempts.deadline()]
        return min((at for at in due if at is not None), default=None)

    def _recovered(self, now: float) -> list[LiveEvent]:
        known = self.state in TALKING and self._attempts.recovered(now, self.counters.answers)
        return [Recovered()] if known else []

    def poll(self, now: float) -> list[LiveEvent]:
        """Do what is due: begin the next attempt, or move to a new connection when it is a good moment."""
        if self.state in TALKING and self.exchange.poll(now):
            return self.failed(self._attempt.number, _STALLED, now)
        told = self._recovered(now)
        if self._deadline is None or now < self._deadline:
            return told
        self._deadline = None
        if self.state is LiveState.BACKING_OFF:
            return self._try_again(now)
        return [*told, *self._move(now)] if self.state is LiveState.DRAINING else []

    def _try_again(self, now: float) -> list[LiveEvent]:
        """Begin the next attempt, unless others have found that none succeeds now."""
        if (wait_s := self._breaker.admit(now)) > 0:
            self.counters.held_up += self._held_up_after != self._attempt.number
            self._held_up_after = self._attempt.number
            # Not all calls of a process in the same moment.
            self._deadline = now + min(wait_s, HELD_UP_S) + self._rng.uniform(0.0, HELD_UP_S)
            return self._waiting(self.failure, wait_s, now)
        self._attempts.due(now)
        self._step(Step.DUE)
        return []

    def _waiting(
        self, failure: Failure | None, wait_s: float, now: float, *, mute: bool = False
    ) -> list[LiveEvent]:
        """Tell of a wait that people should know of."""
        if failure is None or failure.verdict is Verdict.NEVER:  # the call's end is told soon, or nothing
            return []
        worth = self._attempts.worth_telling(wait_s, now, mute=mute)
        return [Waiting(failure.sentence, wait_s)] if worth else []

    def _cut_off(self, now: float, *, spent: bool = False) -> None:
        """Take in that there is no connection any more."""
        if self._attempts.good(now, self.counters.answers):
            self._backoff.succeeded()
        self._attempts.lost(now, spent=spent)
        self.outbox.cut_off(now)

    def _move(self, now: float) -> list[LiveEvent]:
        why = MOVING if self._changing.to is None else CHANGING
        move_by = min(self._gone_by, self._changing.by)
        given_up = self.exchange.give_up_calls() if now >= move_by else []
        if self.exchange.idle(now) and not (self._resumption.at_work(now) and now < move_by):
            self._adopt()
            # All has been dealt with; what the model chose not to answer it need not hear twice.
            self.outbox.answered(by_marks=False)
        elif now < move_by:
            self._deadline = min(move_by, now + IDLE_CHECK_S)
            return []
        elif self._changing.fits(self.setup):
            self._adopt()
        self._step(Step.MOVED)
        self._cut_off(now)
        self._attempts.due(now)
        return [*given_up, Lost(why)]

    @property
    def _adoptable(self) -> bool:
        """Whether a setup waits that the next connection may have: a turn is ended as it was begun."""
        return self._changing.to is not None and (self._changing.fits(self.setup) or self.outbox.settled)

    def _adopt(self) -> None:
        """Go on with the setup that waits, if there is one."""
        self.exchange.setup, resumes = self._changing.take(self.setup)
        if not resumes:
            self._resumption = Resumption()

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
        self.stall.heard_of()
        if not self._bore:
            self._bore = True
            self._resumption.worked()
        events = [event for told in read(message, now) for event in self._tell(told, now)]
        if any(isinstance(event, AnswerAudio) for event in events):
            self._attempts.heard()
        return [*events, *self._recovered(now)]

    def _tell(self, told: Told, now: float) -> list[LiveEvent]:
        match told:
            case HandleUpdate(handle, resumable):
                self._resumption.updated(handle, now, resumable=resumable)
                return []
            case GoAway(time_left_s):
                self._gone_by = min(self._gone_by, now + max(0.0, time_left_s - MOVE_EARLY_S))
                self._go_away(now)
                return []
            case Unplayable():
                self.counters.unplayable_chunks += 1
                return []
        return self.exchange.told(told, self._attempt.number, now)

    def _go_away(self, now: float) -> None:
        self._step(Step.GO_AWAY)
        self._deadline = now

    def _step(self, step: Step) -> None:
        self.state = TRANSITIONS[self.state, step]
