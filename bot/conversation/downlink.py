"""From the model to the channel: which answers are played, and when one has been heard.

Where the bot speaks only when it is addressed, the gate comes first. Then the answer is played; when its
first sound is on its way, and when the last of it was played, the floor is told. There is no clock here: the
time comes with each call, and `deadline` says when `poll` is due.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.conversation.answer import Answer, AnswerState
from bot.conversation.gate import AddressGate
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    AnswerWhole,
    InputTranscript,
    Interrupted,
    LiveEvent,
    Lost,
)
from bot.voice.playout import Playout

CHECK_S = 0.05  # how often it is looked whether the rest of an answer has been played
_HEARD = (AnswerState.COMING, AnswerState.PLAYING)
_DROPPED = (AnswerState.FENCED, AnswerState.REFUSED)  # of which the floor was told when it was dropped


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what becomes of answers; each is called with the time."""

    began: Callable[[float, frozenset[int] | None], None]
    """An answer is heard; where only some may interrupt it at once, these."""
    over: Callable[[float], None]
    """It was heard to its end, was cut off by the model, or there is none to hear."""
    dropped: Callable[[float], None]
    """Nobody had asked for it, and nobody heard it; `over` follows."""


class Downlink:
    """One call's way from its model."""

    def __init__(self, answer: Answer, playout: Playout, listener: Listener) -> None:
        self.gate: AddressGate | None = None
        """Which answers are heard; None: all."""
        self._answer = answer
        self._playout = playout
        self._listener = listener
        self._begun = False
        self._cut = False  # the model broke an answer off, and the turn's end to come is that answer's
        self._check_at: float | None = None  # when to look whether the answer has been played

    @property
    def busy(self) -> bool:
        """Whether an answer is played, or is about to be."""
        return self._begun or self._playout.playing or self.deadline() is not None

    @property
    def fenced(self) -> bool:
        """Whether what still comes of an answer is not played, as it was cut off."""
        return self._answer.state is AnswerState.FENCED

    def close(self) -> None:
        """Stop playing."""
        self._answer.close()

    def told(self, event: LiveEvent, now: float) -> None:
        """Take in what the model tells."""
        if self.gate is None:
            self._carry_out([event], now)
        elif isinstance(event, InputTranscript):
            self._carry_out(self.gate.understood(event.text, now), now)
        else:
            before = self.gate.dropped
            events = self.gate.told(event, now)
            self._mind_dropped(before, now)
            self._carry_out(events, now)

    @property
    def muted(self) -> bool:
        """Whether nothing is to be heard: answers are taken as ever, and not played."""
        return self._answer.muted

    def mute(self, muted: bool) -> None:
        """Play no answer that begins from now on, or play them again; what plays is to be hushed."""
        self._answer.muted = muted

    @property
    def gain(self) -> float:
        """What amplitudes are multiplied with."""
        return self._answer.gain

    def set_gain(self, gain: float) -> None:
        """Be louder or softer, in mid-answer too."""
        self._answer.set_gain(gain)

    def asked(self) -> None:
        """Take in that the model is asked something in writing, after whatever was hushed."""
        self._answer.asked()

    def barge_in(self, at: float) -> None:
        """Drop the answer: a person has taken the floor."""
        self._answer.barge_in(at)
        self._dropped(at)

    def hush(self, at: float, *, awaited: bool) -> None:
        """Drop the answer, one that is only awaited too: somebody asks for quiet."""
        self._answer.hush(at, awaited=awaited)
        self._dropped(at)

    def _dropped(self, at: float) -> None:
        self._begun, self._check_at = False, None
        if self.gate is not None:
            self.gate.cut()
            self.gate.over(at)

    def poll(self, now: float) -> None:
        """Do what is due by now."""
        if self.gate is not None:
            before = self.gate.dropped
            self._carry_out(self.gate.poll(now), now)
            self._mind_dropped(before, now)
        if self._check_at is not None and now >= self._check_at:
            if self._playout.playing or self._answer.encoding:
                self._check_at = now + CHECK_S
            else:
                self._over(now)

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        due = [self._check_at, self.gate.deadline() if self.gate is not None else None]
        return min((at for at in due if at is not None), default=None)

    def _carry_out(self, events: Iterable[LiveEvent], now: float) -> None:
        for event in events:
            match event:
                case AnswerAudio():
                    self._audio(event, now)
                case AnswerWhole():
                    self._answer.whole()
                case AnswerEnded():
                    self._ended(now)
                case Interrupted(at):
                    self._interrupted(at, now)
                case Lost():
                    self._answer.lost()
                    self._check_at = now if self._begun else None

    def _audio(self, event: AnswerAudio, now: float) -> None:
        self._cut = False
        if not self._answer.audio(event):
            return
        self._check_at = None
        if not self._begun:
            self._begun = True
            self._listener.began(now, self.gate.partners if self.gate is not None else None)

    def _ended(self, now: float) -> None:
        mine = self._answer.state not in _DROPPED and not self._cut
        self._answer.ended()
        self._cut = False
        if mine:
            self._check_at = now

    def _interrupted(self, at: float, now: float) -> None:
        heard = self._begun and self._answer.state in _HEARD
        unheard = self._answer.state is AnswerState.UNHEARD
        self._answer.interrupted(at)
        self._cut = True
        if heard or unheard:
            self._over(now)

    def _over(self, now: float) -> None:
        self._begun, self._check_at = False, None
        if self.gate is not None:
            self.gate.over(now)
        self._listener.over(now)

    def _mind_dropped(self, before: int, now: float) -> None:
        if self.gate is not None and self.gate.dropped > before:
            self._listener.dropped(now)
            self._listener.over(now)
