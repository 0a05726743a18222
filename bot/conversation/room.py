"""The room: who is heard by the model, and when, whatever the mode.

One thing is decided after the other: push-to-talk (who pressed the button), the gate of each microphone, then
the floor, or the mix.

Sans-I/O: what the voice client tells and the time go in, actions come out; the caller polls at `deadline()`.
"""

from enum import Enum

from bot.conversation.actions import Action, Release
from bot.conversation.floor import Floor
from bot.conversation.hangover import Hangovers
from bot.conversation.mic import Mic
from bot.conversation.mix import Mixer
from bot.conversation.talk import TalkKeys
from bot.voice.events import Heard


class Mode(Enum):
    """Whom the bot answers; the value is its name in settings."""

    EVERYONE = "everyone"  # whoever speaks
    ADDRESSED = "addressed"  # who calls it by its name, and follows up
    PUSH_TO_TALK = "push-to-talk"  # who pressed the button; nobody else is heard


class Room:
    """The people of a call, as the model is to hear them."""

    def __init__(self, *, mode: Mode = Mode.EVERYONE, mixed: bool = False) -> None:
        """`mixed` sums all who speak into one stream; else one person at a time has the floor."""
        self.mode = mode
        self.mixed = mixed
        self.keys = TalkKeys()
        self.frames_unpressed = 0
        """Frames of speech that push-to-talk kept away."""
        self._hangovers = Hangovers()
        self._floor = Floor(self._hangovers)
        self._mixer = Mixer(self._hangovers)
        self._mics: dict[int, Mic] = {}

    # -- how it is

    @property
    def holder(self) -> int | None:
        """Who holds the floor alone."""
        return self._floor.holder

    @property
    def waiting(self) -> tuple[int, ...]:
        """Who waits for the floor."""
        return self._floor.waiting

    @property
    def idle(self) -> bool:
        """Whether nobody speaks or waits to, and no answer is waited for."""
        return self._floor.idle and self._mixer.idle

    @property
    def speaking(self) -> bool:
        """Whether a turn goes on."""
        return self._floor.holder is not None or not self._mixer.idle

    @property
    def frames_lost(self) -> int:
        """How many frames went because too many waited."""
        return self._floor.frames_lost + self._mixer.frames_lost

    def hangovers_ms(self) -> dict[int, float]:
        """Return what the end of a turn costs in ms, by user id, of those who have spoken."""
        return {user_id: 1000 * seconds for user_id, seconds in self._hangovers.all().items()}

    # -- what is changed

    def set_mode(self, mode: Mode, now: float) -> list[Action]:
        """Change whom the bot answers; for push-to-talk what goes on ends: nobody has pressed yet."""
        if mode == self.mode:
            return []
        self.mode = mode
        self.keys.clear()
        return self._end_all(now) if mode is Mode.PUSH_TO_TALK else []

    def set_mixed(self, mixed: bool, now: float) -> list[Action]:
        """Sum all who speak from now on, or give the floor to one at a time; turns that go on end."""
        if mixed == self.mixed:
            return []
        actions = self._end_all(now)
        self.mixed = mixed
        return actions

    def press(self, user_id: int, now: float) -> list[Action]:
        """Hear a person from now on, in push-to-talk."""
        if self.mode is Mode.PUSH_TO_TALK:
            self.keys.press(user_id, now)
        return self.poll(now)

    def release(self, user_id: int, now: float) -> list[Action]:
        """Hear the person no more: their turn is over, without a hangover."""
        return self._finish(user_id, now) if self.keys.release(user_id) else []

    # -- what people do

    def heard(self, frame: Heard) -> list[Action]:
        """Take in a frame of speech of one who has consented."""
        actions = self._expired(frame.at)
        if self.mode is Mode.PUSH_TO_TALK and not self.keys.spoke(frame.user_id, frame.at):
            self.frames_unpressed += 1
            return actions
        for event in self._mics.setdefault(frame.user_id, Mic()).heard(frame):
            if isinstance(event, Heard):
                actions += self._noting(self._stage.heard(event))
            else:
                actions += self._noting(self._stage.hushed(event.user_id, event.at))
        return actions

    def hushed(self, user_id: int, now: float) -> list[Action]:
        """Take in that a person's client has closed its gate."""
        if user_id in self._mics:
            self._mics[user_id].hushed()
        return self._noting(self._stage.hushed(user_id, now))

    def left(self, user_id: int, now: float) -> list[Action]:
        """Forget a person who left or withdrew consent, with all that is kept of them."""
        self._mics.pop(user_id, None)
        self.keys.release(user_id)
        return self._floor.left(user_id, now) + self._noting(self._mixer.left(user_id, now))

    # -- what the bot does

    def asked(self, now: float) -> None:
        """Take in that the model was asked something outside of a turn."""
        self._floor.asked(now)

    def answer_began(self, now: float, *, guarded: frozenset[int] | None = None) -> None:
        """Take in that an answer is heard; where it is guarded, these alone interrupt it at once."""
        self._floor.answer_began(now, guarded=guarded)

    def answer_over(self, now: float) -> list[Action]:
        """Take in that the answer was heard to its end, was cut off, or will not come."""
        return self._floor.answer_over(now)

    # -- time

    def poll(self, now: float) -> list[Action]:
        """Do what is due by now."""
        return [*self._expired(now), *self._floor.poll(now), *self._noting(self._mixer.poll(now))]

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        due = [self._floor.deadline(), self._mixer.deadline(), self.keys.deadline()]
        return min((at for at in due if at is not None), default=None)

    @property
    def _stage(self) -> Floor | Mixer:
        return self._mixer if self.mixed else self._floor

    def _expired(self, now: float) -> list[Action]:
        return [action for user_id in self.keys.expire(now) for action in self._finish(user_id, now)]

    def _finish(self, user_id: int, now: float) -> list[Action]:
        if user_id in self._mics:
            self._mics[user_id].hushed()
        return self._noting(self._stage.finished(user_id, now))

    def _end_all(self, now: float) -> list[Action]:
        return self._floor.close(now) + self._noting(self._mixer.close(now))

    def _noting(self, actions: list[Action]) -> list[Action]:
        """Have the floor know that an answer to the mixed turn that is over is waited for."""
        if self.mixed and any(isinstance(action, Release) for action in actions):
            self._floor.asked(actions[-1].at)
        return actions
