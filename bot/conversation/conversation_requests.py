"""What is asked of a conversation, by people, commands and settings."""

import time
from abc import ABC, abstractmethod
from dataclasses import replace

from bot.conversation.actions import Action
from bot.conversation.agenda import Agenda
from bot.conversation.captions import CaptionSink
from bot.conversation.downlink import Downlink
from bot.conversation.errands import Errands
from bot.conversation.room import Mode, Room
from bot.conversation.sights import Clip, Sight
from bot.conversation.terms import Terms
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup

HUSHED = "[You were asked to be quiet: the rest of what you were saying was not heard.]"


class ConversationRequests(ABC):
    """A conversation, as those see it who want something of it."""

    room: Room
    live: LiveSession
    agenda: Agenda
    errands: Errands
    downlink: Downlink | None
    """None before the bot has a mouth."""
    _captions: CaptionSink
    _terms: Terms
    _closed: bool  # what comes from either side after that is not taken in

    @abstractmethod
    def _act(self, actions: list[Action]) -> None:
        """Carry out what the room decided."""

    @abstractmethod
    def _apply(self) -> None:
        """Have the model and the gate go by the terms."""

    @abstractmethod
    def _schedule(self) -> None:
        """Do what waits if it is quiet, and set the timer."""

    # -- what it says and sees

    def somebody_is_there(self) -> None:
        """Say to a person who is in the channel what the bot is and whom it hears, once."""
        if not self._closed:
            self.agenda.notice.somebody_is_there()
            self._schedule()

    def say(self, text: str, *, own: bool = False) -> None:
        """Say a text aloud as soon as nobody speaks, the bot included; raises SayError.

        `own` says that it is of the model's making; another may be from anywhere.
        """
        self.agenda.sayings.add(text)
        if not own:
            self.errands.shown()
        self._schedule()

    def show(self, *sights: Sight) -> None:
        """Let the model see pictures of one message at once; they are spoken of when somebody asks.

        Raises ShowError where nobody has time to look.
        """
        self.errands.shown()
        self.agenda.show(sights, time.monotonic())
        self._schedule()

    def ask(self, question: str, *sights: Sight) -> None:
        """Answer a question about pictures of who showed them, as soon as they are seen and nobody speaks.

        Raises SayError where too many questions wait.
        """
        self.agenda.ask(question, sights)
        self._schedule()

    def play(self, clip: Clip) -> None:
        """Let the model watch a video as soon as nobody speaks, and speak of it; raises ShowError."""
        self.errands.shown()
        self.agenda.showing.sights.queue(clip)
        self._schedule()

    def hush(self) -> None:
        """Be quiet now: what is being said, and what waits to be said, is dropped."""
        now = time.monotonic()
        self.errands.hush()
        self._captions.hushed(now)
        self.agenda.hush(now)
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

    def note(self, text: str) -> None:
        """Write down beside what is said what people ought to know of the call."""
        self._captions.note(text, time.monotonic())

    # -- whom it hears and answers

    def press(self, user_id: int) -> None:
        """Hear a person from now on, in push-to-talk."""
        self._act(self.room.press(user_id, time.monotonic()))

    def release(self, user_id: int) -> None:
        """Hear the person no more, and answer what they said."""
        self._act(self.room.release(user_id, time.monotonic()))

    def set_mode(self, mode: Mode) -> None:
        """Change whom the bot answers, from now on."""
        self._terms.options = replace(self._terms.options, mode=mode)
        self._act(self.room.set_mode(mode, time.monotonic()))
        self._apply()

    def set_mixed(self, mixed: bool) -> None:
        """Hear all who speak as one from now on, or give the floor to one person at a time."""
        self._terms.options = replace(self._terms.options, mixed=mixed)
        self._act(self.room.set_mixed(mixed, time.monotonic()))

    def change_setup(self, setup: LiveSetup) -> None:
        """Go on with another setup from the next idle moment."""
        self._terms.setup = setup
        self._apply()
