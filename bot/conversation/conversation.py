"""The conversation of a call: joins what people say to the model, and what the model says to the channel.

What is decided is decided by sans-I/O parts (`room`, `uplink`, `downlink`); here are the clock that they are
asked by, the one timer, the texts that wait to be said, and what can be changed while it goes on.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from google import genai

from bot.conversation.actions import Action
from bot.conversation.address import Callsign
from bot.conversation.answer import Answer
from bot.conversation.captions import CaptionSink
from bot.conversation.downlink import Downlink, Listener
from bot.conversation.errands import Errands
from bot.conversation.gate import AddressGate, GateState
from bot.conversation.notice import Notice
from bot.conversation.options import CallOptions, callable_names
from bot.conversation.overload import Overload
from bot.conversation.persona import instruction
from bot.conversation.room import Mode, Room
from bot.conversation.sayings import Sayings
from bot.conversation.showing import Showing, Viewers
from bot.conversation.sights import Clip, Sight
from bot.conversation.toolbox import Tool
from bot.conversation.uplink import Uplink
from bot.live.breaker import Breaker
from bot.live.events import FellBack, LiveEvent, Searched
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState
from bot.voice.events import Heard, Hushed, Left
from bot.voice.playout import Playout

SOMEONE = "Someone"  # whose name can't be told
HUSHED = "[You were asked to be quiet: the rest of what you were saying was not heard.]"
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
        tools: Sequence[Tool] = (),
        on_searched: Callable[[Searched], None] = lambda _searched: None,
        breaker: Breaker | None = None,
        overload: Overload | None = None,
    ) -> None:
        """Make a conversation that waits for its model to be started, and for a mouth.

        `on_live` hears what the model tells before it is carried out; `name` is the tasks' and the log's;
        `captions` write down what both sides say; `tools` are what the model may do;
        `on_searched` hears what was searched for an answer that is heard;
        `breaker` and `overload` are shared by the calls of a process.
        """
        self.room = Room(mode=options.mode, mixed=options.mixed)
        self.sayings = Sayings()
        self.notice = Notice(options.notice)
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
        self._signal: Callable[[], None] = lambda: None
        self.errands = Errands(
            tools,
            lambda: self.live,
            self._gate,
            on_slow=self._slow,
            on_searched=on_searched,
            name=f"call-{name}",
        )
        self.live = LiveSession(live_client, self._full_setup(), self._told, name=name, breaker=breaker)
        self.uplink = Uplink(
            self.live,
            room=self.room,
            name_of=people.name_of,
            present=people.present,
            on_take=self._taken,
            on_release=self._released,
        )
        viewers = Viewers(noted=self._note, sound_began=self._video_began, sound_over=self._video_over)
        self.showing = Showing(self.live, label=self.uplink.label, viewers=viewers, overload=overload)

    def attach(self, answer: Answer, playout: Playout, *, earcon: Callable[[], Sequence[bytes]]) -> None:
        """Give it a mouth, and the sound, Opus packets of 20 ms, that says that something takes a while."""
        self._signal = lambda: playout.signal(earcon())
        listener = Listener(began=self._answer_began, over=self._answer_over, dropped=self._answer_dropped)
        self.downlink = Downlink(answer, playout, listener)
        self._set_gate()

    def close(self) -> None:
        """Take nothing in any more."""
        self._closed = True
        self.sayings.clear()
        self.errands.close()
        self.showing.close()
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
            self.showing.forget(user_id, time.monotonic())
            self.sayings.forget(user_id)
            if self._captions is not None:
                self._captions.forget(user_id, time.monotonic())
            self._schedule()

    def somebody_is_there(self) -> None:
        """Say to a person who is in the channel what the bot is and whom it hears, once."""
        if not self._closed:
            self.notice.somebody_is_there()
            self._schedule()

    # -- what is asked of it

    def say(self, text: str, *, own: bool = False) -> None:
        """Say a text aloud as soon as nobody speaks, the bot included; raises SayError.

        `own` says that it is of the model's making; another may be from anywhere.
        """
        self.sayings.add(text)
        if not own:
            self.errands.shown()
        self._schedule()

    def ask(self, user_id: int, text: str) -> None:
        """Have something answered that a person wrote, as soon as nobody speaks; raises SayError."""
        self.sayings.ask(f"[{self.uplink.label(user_id)} writes to you; answer aloud.]\n{text}", user_id)
        self._schedule()

    def show(self, *sights: Sight) -> None:
        """Let the model see pictures of one person at once; they are spoken of when somebody asks."""
        self.errands.shown()
        self.showing.show(sights, time.monotonic())
        self._schedule()

    def play(self, clip: Clip) -> None:
        """Let the model watch a video as soon as nobody speaks, and speak of it; raises ShowError."""
        self.errands.shown()
        self.showing.sights.queue(clip)
        self._schedule()

    def hush(self) -> None:
        """Be quiet now: what is being said, and what waits to be said, is dropped."""
        now = time.monotonic()
        self.sayings.clear()
        self.notice.drop()
        self.errands.hush()
        if self._captions is not None:
            self._captions.hushed(now)
        self.showing.hush(now)
        if self.downlink is None:
            return
        awaited = not (self.room.idle or self.room.speaking or self.downlink.busy)
        if awaited or self.downlink.busy:
            self.live.inform(HUSHED)
        self.live.unwanted()
        self.downlink.hush(now, awaited=awaited)
        self._act(self.room.answer_over(now))

    @property
    def muted(self) -> bool:
        """Whether the bot says nothing: it listens, and its answers are only written down."""
        return self.downlink is not None and self.downlink.muted

    def mute(self, muted: bool) -> None:
        """Say nothing from now on, or speak again from the next answer on."""
        if self.downlink is None or muted == self.downlink.muted:
            return
        self.downlink.mute(muted)
        if muted:
            self.hush()

    def _cut_answer(self, now: float) -> None:
        if self.downlink is not None:
            self.downlink.barge_in(now)
        self._act(self.room.answer_over(now))

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
        answers = self._options.mode is not Mode.ADDRESSED
        functions = self.errands.toolbox.specs if self._setup.capabilities.functions else ()
        text = instruction(
            self._setup.system_instruction,
            self._options.mode,
            names[0] if names else "",
            tools=bool(functions),
        )
        return replace(self._setup, system_instruction=text, functions=functions, answers=answers)

    def _set_gate(self) -> None:
        """Put the gate before the answers where the bot speaks only when it is addressed."""
        if self.downlink is None:
            return
        if self.room.mode is not Mode.ADDRESSED:
            self.downlink.gate = None
        elif self.downlink.gate is None:
            self.downlink.gate = AddressGate(Callsign(self._names()))

    def _gate(self) -> AddressGate | None:
        return self.downlink.gate if self.downlink is not None else None

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
        self.showing.interrupted(at)
        if self.notice.cut() and (gate := self._gate()) is not None:
            gate.unasked()  # what comes next answers the person, who may be talking to somebody else
        if self._captions is not None:
            self._captions.turn_began(user_id, self._shown_name(user_id), at)
        if self.downlink is None:
            return
        if self.downlink.gate is not None:
            self.downlink.gate.turn_began(user_id, at)
        self.downlink.barge_in(at)

    def _released(self, at: float, speech_s: float, speakers: frozenset[int]) -> None:
        self.quiet_since = max(self.quiet_since, at)
        self.errands.released(speakers, at)
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
        due = [
            self.uplink.deadline(),
            self.downlink.deadline() if self.downlink is not None else None,
            self.showing.deadline(),
        ]
        times = [at for at in due if at is not None]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(min(times), self._poll) if times else None

    def _poll(self) -> None:
        now = time.monotonic()
        if self.downlink is not None:
            self.downlink.poll(now)
        self.uplink.poll(now)
        if (asked := self.showing.poll(now)) is not None:
            self._await_answer(now, asked.asker)
        self._schedule()

    def _say_next(self) -> None:
        """Have the model watch, read out or answer what waits, if nobody speaks or waits, nor the bot."""
        if self.downlink is None or self.downlink.busy or not self.room.idle:
            return
        if self.live.state is not LiveState.READY or self.showing.deadline() is not None:
            return
        now = time.monotonic()
        if (notice := self.notice.take()) is not None:
            self._await_answer(now)
            self.live.ask(notice)
            return
        if self.showing.begin(now):
            return
        words = self.sayings.next()
        if words is not None:
            self._await_answer(now, words.asker)
            self.live.ask(words.text)

    def _await_answer(self, now: float, asker: int | None = None) -> None:
        """Take in that the model is asked something outside of a turn, by nobody's voice."""
        self.errands.asked(asker, now)
        if self.downlink is not None:
            self.downlink.asked()
        if (gate := self._gate()) is not None:
            gate.asked(now)
        self.room.asked(now)

    # -- from the model to the people

    def _told(self, event: LiveEvent) -> None:
        if self._closed:
            return
        self._on_live(event)
        self.errands.told(event)
        self.showing.told(event, time.monotonic())
        if isinstance(event, FellBack):
            self._note(f"goes on with {event.model}: Gemini refused {event.refused}", time.monotonic())
        if self.downlink is not None:
            self.downlink.told(event, time.monotonic())
            if self.showing.feeding and self.downlink.busy:  # what it says is of a part of a video
                self._cut_answer(time.monotonic())
            self._schedule()
        if self._captions is not None:
            gate = self._gate()
            cut = self.showing.feeding or (self.downlink is not None and self.downlink.fenced)
            held = cut or (gate is not None and gate.state is not GateState.OPEN)
            self._captions.told(event, time.monotonic(), held=held)

    def _slow(self) -> None:
        """Let people hear that something is being done."""
        if not (self._closed or self.room.speaking or self.muted):
            self._signal()

    def note(self, text: str) -> None:
        """Write down beside what is said what people ought to know of the call."""
        self._note(text, time.monotonic())

    def _note(self, text: str, at: float) -> None:
        if self._captions is not None:
            self._captions.note(text, at)

    def _video_began(self, title: str, at: float) -> None:
        """Let what is understood of a video be nobody's words who is there."""
        self.uplink.interposed()
        if self._captions is not None:
            self._captions.turn_began(None, title, at)

    def _video_over(self, at: float, sound_s: float) -> None:
        if self._captions is not None:
            self._captions.turn_ended(at, sound_s)

    def _answer_began(self, now: float, guarded: frozenset[int] | None) -> None:
        self.showing.answered()
        self.errands.answer_began()
        self.notice.answered()
        self.uplink.answered()
        self.room.answer_began(now, guarded=guarded)

    def _answer_over(self, now: float) -> None:
        self.quiet_since = now
        self.uplink.act(self.room.answer_over(now))

    def _answer_dropped(self, _now: float) -> None:
        self.uplink.answered()
        self.live.inform(UNHEARD)
