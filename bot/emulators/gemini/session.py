"""One Live connection, sans-I/O: frames of the client and the time go in, actions come out when they are due.

The shell calls `receive` for each frame, `composed` for each `Think` it has done, `poll` at the `deadline`,
and does what `poll` returns. Whatever the real server would not take ends the session with its close code.
"""

import enum
from dataclasses import dataclass

from bot.emulators.gemini import messages
from bot.emulators.gemini.answering import Answering
from bot.emulators.gemini.context import Context, Handles
from bot.emulators.gemini.dialogue import Dialogue
from bot.emulators.gemini.faults import (
    Abort,
    Close,
    Effect,
    Forget,
    GoAway,
    Interrupt,
    Late,
    Mute,
    Send,
    Stall,
    Where,
    strike,
)
from bot.emulators.gemini.knobs import Knobs
from bot.emulators.gemini.log import SessionLog
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.models import Catalogue
from bot.emulators.gemini.outbox import AbortSocket, Action, Agenda, CloseSocket, Outbox
from bot.emulators.gemini.reply import Composed, Thought
from bot.emulators.gemini.setup import Setup, read_setup
from bot.emulators.gemini.wire import INVALID_ARGUMENT, ClientMessage, RefusedError, SetupIn, parse

GOING_AWAY = 1001
_ABNORMAL = 1006


class State(enum.Enum):
    """Where a connection stands."""

    NEW = "waits for the setup"
    OPEN = "talks"
    MUTE = "half-open: neither hears nor speaks"
    CLOSED = "over"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.OPEN, State.MUTE, State.CLOSED}),
    State.OPEN: frozenset({State.MUTE, State.CLOSED}),
    State.MUTE: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class _Talk:
    """What there is once the setup was taken."""

    setup: Setup
    context: Context
    answering: Answering
    dialogue: Dialogue


class LiveCore:
    """The protocol of one connection; `log` is what it heard and said."""

    def __init__(self, name: str, *, known: Catalogue, handles: Handles, knobs: Knobs) -> None:
        self.state = State.NEW
        self.log = SessionLog(name)
        self._known = known
        self._handles = handles
        self._knobs = knobs
        self._outbox = Outbox()
        self._agenda = Agenda()
        self._talk: _Talk | None = None

    def receive(self, data: str | bytes, now: float) -> None:
        """Take a frame of the client."""
        if not self._alive:
            return
        try:
            for message in parse(data):
                if self._alive:
                    self._take(message, now)
        except RefusedError as refused:
            self.close(refused.code, refused.reason)

    @property
    def _alive(self) -> bool:
        return self.state in (State.NEW, State.OPEN)

    def composed(self, thought: Thought, composed: Composed, now: float) -> None:
        """Take the answer to a turn."""
        if self._talk is not None:
            self._talk.answering.composed(thought, composed, now)

    def unreadable(self, reason: str) -> None:
        """Refuse a picture that was looked at and is none."""
        self.close(INVALID_ARGUMENT, reason)

    def poll(self, now: float) -> list[Action]:
        """Return what is to be done by now."""
        self._agenda.run(now)
        if self._talk is not None:
            self._talk.answering.poll(now)
        return self._outbox.take()

    def deadline(self) -> float | None:
        """Return when `poll` has something to do; None: not before a frame comes."""
        if self._outbox:
            return float("-inf")
        answering = None if self._talk is None else self._talk.answering.deadline()
        return min((due for due in (self._agenda.deadline(), answering) if due is not None), default=None)

    def inject(self, message: Message | str) -> None:
        """Send any message, or a raw text frame."""
        self._outbox.send(message)

    def go_away(self, left_s: float, now: float, *, closes_after_s: float | None = None) -> None:
        """Tell the client to go, and close with 1001 after a while; None: it never comes to that."""
        self._outbox.send(messages.go_away(left_s))
        if closes_after_s is not None:
            self._agenda.at(now + closes_after_s, self._expire)

    def close(self, code: int, reason: str = "") -> None:
        """End the session with a close frame."""
        if self.state is not State.CLOSED:
            self._outbox.finish(CloseSocket(code, reason))
            self._end(code, reason)

    def abort(self) -> None:
        """End the session with a TCP reset."""
        if self.state is not State.CLOSED:
            self._outbox.finish(AbortSocket())
            self._end(_ABNORMAL, "aborted")

    def lost(self, code: int) -> None:
        """Note that the connection is gone: the client closed it, or it broke."""
        if self.state is not State.CLOSED:
            self._end(code, "")

    def _take(self, message: ClientMessage, now: float) -> None:
        if self._talk is not None:
            self._talk.dialogue.take(message, now)
        elif isinstance(message, SetupIn):
            self._set_up(read_setup(message.fields, self._known), now)
        else:
            raise RefusedError(INVALID_ARGUMENT, "The first message must be a setup.")

    def _set_up(self, setup: Setup, now: float) -> None:
        context = self._resume(setup.handle, now) if setup.handle else Context()
        if not self._alive:
            return  # the script ended it
        answering = Answering(
            setup=setup,
            context=context,
            knobs=self._knobs,
            outbox=self._outbox,
            agenda=self._agenda,
            strike=self._strike,
            on_idle=self._offer_handle,
        )
        dialogue = Dialogue(
            setup=setup,
            context=context,
            log=self.log,
            outbox=self._outbox,
            strike=self._strike,
            answering=answering,
        )
        self._talk = _Talk(setup, context, answering, dialogue)
        self.log.setup = setup
        self._handles.opened(self.log.name)
        self._move(State.OPEN)
        self._confirm(now)

    def _resume(self, handle: str, now: float) -> Context:
        effects = self._strike(Where.RESUME, now)
        if not self._alive:
            return Context()
        context = self._handles.resume(handle, now)
        self.log.resumed = True
        return Context() if Forget() in effects else context

    def _confirm(self, now: float) -> None:
        effects = self._strike(Where.SETUP, now)
        late_s = sum(effect.seconds for effect in effects if isinstance(effect, Late))
        if Stall() not in effects:
            self._agenda.at(now + late_s, self._ready)

    def _ready(self, now: float) -> None:
        self._outbox.send(messages.setup_complete())
        self._offer_handle(now)
        if (life_s := self._knobs.connection_life_s) is not None:
            left_s = min(life_s, self._knobs.go_away_lead_s)
            warn_at = now + life_s - left_s
            self._agenda.at(warn_at, lambda at: self.go_away(left_s, at, closes_after_s=left_s))
        self._strike(Where.READY, now)

    def _offer_handle(self, now: float) -> None:
        talk = self._talk
        if talk is None or not talk.setup.resumption or Stall() in self._strike(Where.HANDLE, now):
            return
        self._outbox.send(messages.resumption(self._handles.issue(talk.context, self.log.name, now)))

    def _expire(self, _now: float) -> None:
        self.close(GOING_AWAY, "The connection has expired.")

    def _strike(self, where: Where, now: float) -> list[Effect]:
        """Pass a place of the script: do what happens to the connection, return what the passer minds."""
        left = [effect for effect in strike(self._knobs.faults, where) if not self._suffer(effect, now)]
        return left if self._alive else [Stall()]

    def _suffer(self, effect: Effect, now: float) -> bool:
        match effect:
            case Close():
                self.close(effect.code, effect.reason)
            case Abort():
                self.abort()
            case Send():
                self.inject(effect.message)
            case Mute():
                self._stop()
                self._move(State.MUTE)
            case Interrupt():
                self._break_off(now)
            case GoAway():
                self.go_away(effect.left_s, now, closes_after_s=effect.closes_after_s)
            case _:
                return False
        return True

    def _break_off(self, now: float) -> None:
        if self._talk is not None:
            self._talk.answering.interrupt(now)
            self._talk.answering.next(now)

    def _end(self, code: int, reason: str) -> None:
        self._stop()
        self._handles.closed(self.log.name)
        self.log.close_code, self.log.close_reason = code, reason
        self._move(State.CLOSED)

    def _stop(self) -> None:
        self._outbox.shut()
        self._agenda.clear()
        if self._talk is not None:
            self._talk.answering.stop()

    def _move(self, state: State) -> None:
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"no way from {self.state} to {state}")
        self.state = state
