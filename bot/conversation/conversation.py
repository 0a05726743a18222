"""The conversation of a call: joins what people say to the model, and what the model says to the channel.

What is decided is decided by sans-I/O parts (`room`, `uplink`, `downlink`); here are the clock that they are
asked by, the one timer, the texts that wait to be said, and what can be changed while it goes on.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from google import genai

from bot.conversation.actions import Action
from bot.conversation.address import Callsign
from bot.conversation.answer import Answer
from bot.conversation.captions import CaptionSink
from bot.conversation.downlink import Downlink, Listener
from bot.conversation.gate import AddressGate, GateState
from bot.conversation.options import CallOptions, callable_names
from bot.conversation.persona import instruction
from bot.conversation.room import Mode, Room
from bot.conversation.sayings import Sayings
from bot.conversation.uplink import Uplink
from bot.live.events import LiveEvent
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState
from bot.voice.events import Heard, Hushed, Left
from bot.voice.playout import Playout

SOMEONE = "Someone"  # whose name can't be told
UNHEARD = "[Nobody heard what you said last: you were not addressed. Stay silent until you are.]"


@dataclass(frozen=True, slots=True)
class People:
    """What the conversation asks about those in the channel."""

    name_of: Callable[[int], str | None]
    """What a person calls themselves in the guild."""
    present: Callable[[], Iterable[int]]
    """Who is there and may be heard."""
    own_name: Callable[[], str]
    """What the bot is called in the guild."""


class Conversation:
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
    ) -> None:
        """Make a conversation that waits for its model to be started, and for a mouth.

        `on_live` hears what the model tells before it is carried out; `name` is the tasks' and the log's;
        `captions` write down what both sides say.
        """
        self.room = Room(mode=options.mode, mixed=options.mixed)
        self.sayings = Sayings()
        self.downlink: Downlink | None = None
        self._setup = setup
        self._options = options
        self._people = people
        self._on_live = on_live
        self._captions = captions
        self._timer: asyncio.TimerHandle | None = None
        self.quiet_since = time.monotonic()
        """When somebody last began or ended to speak, the bot included."""
        self._closed = False  # what comes from either side after that is not taken in
        self.live = LiveSession(live_client, self._full_setup(), self._told, name=name)
        self.uplink = Uplink(
            self.live,
            room=self.room,
            name_of=people.name_of,
            present=people.present,
            on_take=self._taken,
            on_release=self._released,
        )

    def attach(self, answer: Answer, playout: Playout) -> None:
        """Give it a mouth."""
        listener = Listener(began=self._answer_began, over=self._answer_over, dropped=self._answer_dropped)
        self.downlink = Downlink(answer, playout, listener)
        self._set_gate()

    def close(self) -> None:
        """Take nothing in any more."""
        self._closed = True
        self.sayings.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.downlink is not None:
            self.downlink.close()

    # -- what people do

    def heard(self, event: Heard | Hushed | Left) -> None:
        """Take in what the voice client tells of a person."""
        if not self._closed:
            self.uplink.heard(event, time.monotonic())
            self._schedule()

    def forget(self, user_id: int) -> None:
        """Send nothing more of a person who withdrew consent, wherever it waits."""
        if not self._closed:
            self.live.forget(user_id)
            self.uplink.forget(user_id, time.monotonic())
            if self._captions is not None:
                self._captions.forget(user_id, time.monotonic())
            self._schedule()

    # -- what is asked of it

    def say(self, text: str) -> None:
        """Say a text aloud as soon as nobody speaks, the bot included; raises SayError."""
        self.sayings.add(text)
        self._schedule()

    def press(self, user_id: int) -> None:
        """Hear a person from now on, in push-to-talk."""
        self._act(self.room.press(user_id, time.monotonic()))

    def release(self, user_id: int) -> None:
        """Hear the person no more, and answer what they said."""
        self._act(self.room.release(user_id, time.monotonic()))

    def set_mode(self, mode: Mode) -> None:
        """Change whom the bot answers, from now on."""
        self._options = replace(self._options, mode=mode)
        self._act(self.room.set_mode(mode, time.monotonic()))
        self._apply()

    def set_mixed(self, mixed: bool) -> None:
        """Hear all who speak as one from now on, or give the floor to one person at a time."""
        self._options = replace(self._options, mixed=mixed)
        self._act(self.room.set_mixed(mixed, time.monotonic()))

    @property
    def setup(self) -> LiveSetup:
        """The guild's own setup, as it is or is to be soon."""
        return self._setup

    def change_setup(self, setup: LiveSetup) -> None:
        """Go on with another setup from the next idle moment."""
        self._setup = setup
        self._apply()

    def _apply(self) -> None:
        """Have the model and the gate go by what is set."""
        if not self._closed:
            self.live.change(self._full_setup())
            self._set_gate()

    def _full_setup(self) -> LiveSetup:
        """Return the setup with the rules that hold in a room."""
        names = self._names()
        text = instruction(self._setup.system_instruction, self._options.mode, names[0] if names else "")
        return replace(self._setup, system_instruction=text)

    def _set_gate(self) -> None:
        """Put the gate before the answers where the bot speaks only when it is addressed."""
        if self.downlink is None:
            return
        if self.room.mode is not Mode.ADDRESSED:
            self.downlink.gate = None
        elif self.downlink.gate is None:
            self.downlink.gate = AddressGate(Callsign(self._names()))

    def _names(self) -> tuple[str, ...]:
        return callable_names(self._options, self._people.own_name())

    # -- from the people to the model

    def _act(self, actions: list[Action]) -> None:
        if not self._closed:
            self.uplink.act(actions)
            self._schedule()

    def _taken(self, user_id: int | None, at: float) -> None:
        """Fall silent: somebody has the floor."""
        self.quiet_since = max(self.quiet_since, at)
        if self._captions is not None:
            self._captions.turn_began(user_id, self._shown_name(user_id), at)
        if self.downlink is None:
            return
        if self.downlink.gate is not None:
            self.downlink.gate.turn_began(user_id, at)
        self.downlink.barge_in(at)

    def _released(self, at: float, speech_s: float) -> None:
        self.quiet_since = max(self.quiet_since, at)
        if self._captions is not None:
            self._captions.turn_ended(at, speech_s)

    def _shown_name(self, user_id: int | None) -> str:
        """Return whom a turn is of: a person, or, where the room is heard as one, all who may be heard."""
        people = [user_id] if user_id is not None else sorted(self._people.present())
        names = [self._people.name_of(each) or SOMEONE for each in people]
        return ", ".join(names) or SOMEONE

    def _schedule(self) -> None:
        """Say what waits if it is quiet, and set the one timer to what is due next."""
        self._say_next()
        due = [self.uplink.deadline(), self.downlink.deadline() if self.downlink is not None else None]
        times = [at for at in due if at is not None]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(min(times), self._poll) if times else None

    def _poll(self) -> None:
        now = time.monotonic()
        if self.downlink is not None:
            self.downlink.poll(now)
        self.uplink.poll(now)
        self._schedule()

    def _say_next(self) -> None:
        """Have the model read out the next text, if nobody speaks or waits, nor the bot itself."""
        if self.downlink is None or self.downlink.busy or not self.room.idle:
            return
        words = self.sayings.next() if self.live.state is LiveState.READY else None
        if words is None:
            return
        now = time.monotonic()
        if self.downlink.gate is not None:
            self.downlink.gate.asked(now)
        self.room.asked(now)
        self.live.ask(words)

    # -- from the model to the people

    def _told(self, event: LiveEvent) -> None:
        if self._closed:
            return
        self._on_live(event)
        if self.downlink is not None:
            self.downlink.told(event, time.monotonic())
            self._schedule()
        if self._captions is not None:
            gate = self.downlink.gate if self.downlink is not None else None
            held = gate is not None and gate.state is not GateState.OPEN
            self._captions.told(event, time.monotonic(), held=held)

    def _answer_began(self, now: float, guarded: frozenset[int] | None) -> None:
        self.uplink.answered()
        self.room.answer_began(now, guarded=guarded)

    def _answer_over(self, now: float) -> None:
        self.quiet_since = now
        self.uplink.act(self.room.answer_over(now))

    def _answer_dropped(self, _now: float) -> None:
        self.uplink.answered()
        self.live.inform(UNHEARD)
