"""What people may ask of a call that runs, by commands, buttons and settings."""

from abc import ABC, abstractmethod

from bot.conversation.conversation import Conversation
from bot.conversation.room import Mode
from bot.conversation.sights import Clip, Sight
from bot.errors import EarshotError
from bot.live.setup import LiveSetup

OVER_WORDS = "The call is over; /join begins another one."


class CallError(EarshotError):
    """A call can't be made, or is over; the message is shown in the channel."""


class CallRequests(ABC):
    """A call, as those see it who want something of its conversation."""

    _talk: Conversation

    @property
    @abstractmethod
    def over(self) -> bool:
        """Whether the call has ended, or is about to."""

    def _check_running(self) -> None:
        if self.over:
            raise CallError(OVER_WORDS)

    def say(self, text: str, *, own: bool = False) -> None:
        """Say a text aloud, word for word, as soon as nobody speaks, the bot included.

        `own` says that the model made it of what people said; another may be from anywhere.
        Raises CallError where the call is over or the bot is muted, SayError where the text can't be said.
        """
        self._check_running()
        if self._talk.muted:
            raise CallError("I am muted, and say nothing; /mute-bot off changes that.")
        self._talk.say(text, own=own)

    def show(self, *sights: Sight) -> None:
        """Look at pictures of one message. Raises CallError, ShowError."""
        self._check_running()
        self._talk.show(*sights)

    def ask(self, question: str, *sights: Sight) -> None:
        """Answer a question of who showed these pictures aloud. Raises CallError, SayError."""
        self._check_running()
        self._talk.ask(question, *sights)

    def play(self, clip: Clip) -> None:
        """Watch a video that a person shows, as soon as nobody speaks. Raises CallError, ShowError."""
        self._check_running()
        self._talk.play(clip)

    @property
    def sights(self) -> tuple[Sight, ...]:
        """The last pictures that were shown, newest last."""
        return self._talk.agenda.showing.sights.pictures

    def hush(self) -> None:
        """Be quiet now: drop what is being said, and what waits to be said."""
        self._talk.hush()

    def set_volume(self, percent: int) -> None:
        """Be so loud from now on, in mid-answer too: 100 is as the model speaks, 200 is 6 dB more."""
        self._check_running()
        if self._talk.downlink is not None:
            self._talk.downlink.set_gain(percent / 100)

    def press_talk(self, user_id: int) -> None:
        """Hear a person from now on; raises CallError where nobody needs to press for that."""
        self._check_running()
        if self._talk.room.mode is not Mode.PUSH_TO_TALK:
            raise CallError("Just talk: in this call I hear you without a button.")
        self._talk.press(user_id)

    def release_talk(self, user_id: int) -> None:
        """Hear the person no more, and answer what they said."""
        self._talk.release(user_id)

    def set_mode(self, mode: Mode) -> None:
        """Change whom the bot answers, from now on; the model is told at the next idle moment."""
        self._talk.set_mode(mode)

    def set_mixed(self, mixed: bool) -> None:
        """Hear all who speak as one from now on, or give the floor to one person at a time."""
        self._talk.set_mixed(mixed)

    def set_notice(self, text: str) -> None:
        """Have the model say something else of the bot, where it has not said it yet."""
        self._talk.agenda.notice.reword(text)

    def change_setup(self, setup: LiveSetup) -> None:
        """Go on with another setup (voice, persona, who ends turns ...) from the next idle moment."""
        self._talk.change_setup(setup)
