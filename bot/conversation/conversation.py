"""The conversation of a call: joins what people say to the model, and what the model says to the channel.

What is decided is decided by sans-I/O parts (`room`, `uplink`, `downlink`, `agenda`, `terms`); here are the
clock that they are asked by, the one timer, and what each of them has to know of the others. What is asked of
a conversation is in `conversation_requests`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

from google import genai

from bot.conversation.actions import Action
from bot.conversation.agenda import Agenda
from bot.conversation.answer import Answer
from bot.conversation.captions import CaptionSink, NoCaptions
from bot.conversation.conversation_requests import ConversationRequests
from bot.conversation.downlink import Downlink, Listener
from bot.conversation.errands import Errands
from bot.conversation.gate import AddressGate, GateState
from bot.conversation.options import CallOptions
from bot.conversation.overload import Overload
from bot.conversation.people import People
from bot.conversation.room import Room
from bot.conversation.showing import Showing, Viewers
from bot.conversation.terms import Terms
from bot.conversation.toolbox import Tool
from bot.conversation.uplink import Uplink
from bot.live.breaker import Breaker
from bot.live.events import FellBack, LiveEvent, Searched
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.stall import Owed
from bot.live.states import LiveState
from bot.voice.events import Heard, Hushed, Left
from bot.voice.playout import Playout

UNHEARD = "[Nobody heard what you said last: you were not addressed. Stay silent until you are.]"

FAILED_S = 0.5  # after a poll that failed: a bug must not keep the loop busy, nor a turn from its end


class Conversation(ConversationRequests):
    """One call's conversation; `live` is its model, to be started and closed by the owner."""

    def __init__(
        self,
        live_client: genai.Client,
        setup: LiveSetup,
        options: CallOptions,
        people: People,
        on_live: Callable[[LiveEvent], None],
        *,
        name: str,
        captions: CaptionSink | None,
        tools: Sequence[Tool] = (),
        on_searched: Callable[[Searched], None] = lambda _searched: None,
        breaker: Breaker | None = None,
        overload: Overload | None = None,
    ) -> None:
        """Make a conversation that waits for its model to be started, and for a mouth.

        `on_live` hears what the model tells once it was carried out; `name` is the tasks' and the log's;
        `captions` write down what both sides say; `tools` are what the model may do;
        `on_searched` hears what was searched for an answer that is heard;
        `breaker` and `overload` are shared by the calls of a process.
        """
        self.room = Room(mode=options.mode, mixed=options.mixed)
        self.downlink = None
        self._people = people
        self._on_live = on_live
        self._captions = captions or NoCaptions()
        self._timer: asyncio.TimerHandle | None = None
        self._poll_from = 0.0  # not to be polled before
        self.quiet_since = time.monotonic()
        """When somebody last began or ended to speak, the bot included."""
        self._closed = False
        self._signal: Callable[[], None] = lambda: None
        self.errands = Errands(
            tools,
            lambda: self.live,
            self._gate,
            on_slow=self._slow,
            on_searched=on_searched,
            name=f"call-{name}",
        )
        self._terms = Terms(setup, options, people.own_name, self.errands.toolbox.specs)
        self.live = LiveSession(live_client, self._terms.full_setup(), self._told, name=name, breaker=breaker)
        self.uplink = Uplink(
            self.live,
            room=self.room,
            name_of=people.name_of,
            present=people.present,
            on_take=self._taken,
            on_speech=self.errands.askers.spoke,
            on_release=self._released,
        )
        viewers = Viewers(
            noted=self._captions.note, sound_began=self._video_began, sound_over=self._captions.turn_ended
        )
        showing = Showing(self.live, label=self.uplink.label, viewers=viewers, overload=overload)
        self.agenda = Agenda(self.live, showing, notice=options.notice, label=self.uplink.label)

    def attach(self, answer: Answer, playout: Playout, *, earcon: Callable[[], Sequence[bytes]]) -> None:
        """Give it a mouth, and the sound, Opus packets of 20 ms, that says that something takes a while."""
        self._signal = lambda: playout.signal(earcon())
        listener = Listener(began=self._answer_began, over=self._answer_over, dropped=self._answer_dropped)
        self.downlink = Downlink(answer, playout, listener)
        self._set_gate()

    def close(self) -> None:
        """Take nothing in any more."""
        self._closed = True
        self.agenda.close()
        self.errands.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.downlink is not None:
            self.downlink.close()

    # -- what people do

    def heard(self, event: Heard | Hushed | Left) -> None:
        """Take in what the voice client tells of a person."""
        if self._closed:
            return
        try:
            self.uplink.heard(event, time.monotonic())
        finally:
            self._schedule()

    def forget(self, user_id: int) -> None:
        """Send nothing more of a person who withdrew consent, wherever it waits."""
        if not self._closed:
            self.live.forget(user_id)
            self.uplink.forget(user_id, time.monotonic())
            self.agenda.forget(user_id, time.monotonic())
            self._captions.forget(user_id, time.monotonic())
            self._schedule()

    # -- what each has to know of the others

    def _apply(self) -> None:
        if not self._closed:
            self.live.change(self._terms.full_setup())
            self._set_gate()

    def _set_gate(self) -> None:
        if self.downlink is not None:
            self.downlink.gate = self._terms.gate(self.downlink.gate)

    def _gate(self) -> AddressGate | None:
        return self.downlink.gate if self.downlink is not None else None

    # -- from the people to the model

    def _act(self, actions: list[Action]) -> None:
        if not self._closed:
            self.uplink.act(actions)
            self._schedule()

    def _taken(self, user_id: int | None, at: float) -> None:
        """Fall silent: somebody has the floor."""
        self.quiet_since = max(self.quiet_since, at)
        self.errands.askers.turn_began(at)
        if self.agenda.interrupted(at) and (gate := self._gate()) is not None:
            gate.unasked()  # what comes next answers the person, who may be talking to somebody else
        self._captions.turn_began(user_id, self._people.shown_name(user_id), at)
        if self.downlink is None:
            return
        if self.downlink.gate is not None:
            self.downlink.gate.turn_began(user_id, at)
        self.downlink.barge_in(at)

    def _released(self, at: float, speech_s: float) -> None:
        self.quiet_since = max(self.quiet_since, at)
        self.errands.askers.turn_ended()
        self._captions.turn_ended(at, speech_s)

    def _schedule(self) -> None:
        """Say what waits if it is quiet, and set the one timer to what is due next."""
        try:
            self._say_next()
            gate = self._gate()
            self.live.expect(gate.owed if gate is not None else Owed.ANSWER)
        finally:
            self._set_timer()

    def _set_timer(self) -> None:
        due = [
            self.uplink.deadline(),
            self.downlink.deadline() if self.downlink is not None else None,
            self.agenda.showing.deadline(),
        ]
        times = [at for at in due if at is not None]
        if self._timer is not None:
            self._timer.cancel()
        at = max(min(times), self._poll_from) if times else None
        self._timer = asyncio.get_running_loop().call_at(at, self._poll) if at is not None else None

    def _poll(self) -> None:
        now = time.monotonic()
        self._poll_from = now + FAILED_S
        try:
            with contextlib.ExitStack() as rest:  # from the last to the first, whichever raises
                rest.callback(self._poll_showing, now)
                rest.callback(self.uplink.poll, now)
                if self.downlink is not None:
                    self.downlink.poll(now)
            self._poll_from = now
        finally:
            self._schedule()

    def _poll_showing(self, now: float) -> None:
        if (asked := self.agenda.showing.poll(now)) is not None:
            self._await_answer(now, asked.asker)

    def _say_next(self) -> None:
        """Have the model watch, read out or answer what waits, if nobody speaks or waits, nor the bot."""
        if self.downlink is None or self.downlink.busy or not self.room.idle:
            return
        if self.live.state is not LiveState.READY:
            return
        now = time.monotonic()
        if (asked := self.agenda.next(now)) is not None:
            self._await_answer(now, asked.asker)

    def _await_answer(self, now: float, asker: int | None) -> None:
        """Take in that the model is asked something outside of a turn, by nobody's voice."""
        self.errands.askers.wrote(asker, now)
        if self.downlink is not None:
            self.downlink.asked()
        if (gate := self._gate()) is not None:
            gate.asked(now)
        self.room.asked(now)

    # -- from the model to the people

    def _told(self, event: LiveEvent) -> None:
        if self._closed:
            return
        now = time.monotonic()
        with contextlib.ExitStack() as rest:  # from the last to the first, whichever raises
            rest.callback(self._on_live, event)
            rest.callback(self._schedule)
            rest.callback(self._write_down, event, now)
            rest.callback(self._play, event, now)
            rest.callback(self.agenda.showing.told, event, now)
            self.errands.told(event)  # before the gate takes it in

    def _play(self, event: LiveEvent, now: float) -> None:
        if self.downlink is None:
            return
        self.downlink.told(event, now)
        if self.agenda.showing.feeding and self.downlink.busy:  # what it says is of a part of a video
            self._cut_answer(now)

    def _cut_answer(self, now: float) -> None:
        if self.downlink is not None:
            self.downlink.barge_in(now)
        self._act(self.room.answer_over(now))

    def _write_down(self, event: LiveEvent, now: float) -> None:
        if isinstance(event, FellBack):
            self._captions.note(f"goes on with {event.model}: Gemini refused {event.refused}", now)
        gate = self._gate()
        cut = self.agenda.showing.feeding or (self.downlink is not None and self.downlink.fenced)
        held = cut or (gate is not None and gate.state is not GateState.OPEN)
        self._captions.told(event, now, held=held)

    def _slow(self) -> None:
        """Let people hear that something is being done."""
        if not (self._closed or self.room.speaking or self.muted):
            self._signal()

    def _video_began(self, title: str, at: float) -> None:
        """Let what is understood of a video be nobody's words who is there."""
        self.uplink.interposed()
        self._captions.turn_began(None, title, at)

    def _answer_began(self, now: float, guarded: frozenset[int] | None) -> None:
        self.agenda.answered()
        self.errands.askers.answer_began()
        self.uplink.answered()
        self.room.answer_began(now, guarded=guarded)

    def _answer_over(self, now: float) -> None:
        self.quiet_since = now
        self.uplink.act(self.room.answer_over(now))

    def _answer_dropped(self, _now: float) -> None:
        self.uplink.answered()
        self.live.inform(UNHEARD)
