"""Whether an answer is to be heard, in a room where the bot speaks only when it is addressed.

The model is told to stay silent unless it is called, but it judges by meaning and errs. So its answer is held
back here until it is clear that somebody asked for it, which is so when

- the bot's name is in the transcript of a turn that it has not answered yet, whenever that comes;
- the turn is a follow-up: one whom it has just answered speaks again within `FOLLOW_UP_S`;
- it was asked in writing, by a button or a command.

The transcript of a turn comes about when its answer begins, before or after: there is no order between them.
What has not been asked for when `HOLD_S` have passed, or when the answer ends, is dropped: an answer that
comes so late talks into something else. A held answer interrupts nobody and delays nobody.

Sans-I/O: what the model tells goes in, what is to be played comes out.
"""

import math
from collections import deque
from collections.abc import Iterable
from enum import Enum

from bot.conversation.address import KEPT, Callsign
from bot.latency import Latency
from bot.live.events import AnswerAudio, AnswerEnded, AnswerWhole, Interrupted, LiveEvent, Lost
from bot.live.stall import Owed

FOLLOW_UP_S = 8.0  # after the end of an answer: time to take it in and go on, too short for another subject
HOLD_S = 2.5  # from the first audio: transcripts come within a second; the pause is already long by then
HELD_BYTES = 4_000_000  # of audio at 24 kHz: 80 s, far more than comes in the time
STALE_S = 15.0  # a turn that the model did not answer within this it chose not to answer


class GateState(Enum):
    """What becomes of the answer that comes."""

    IDLE = "idle"  # none does
    HOLDING = "holding"  # it is not clear yet
    OPEN = "open"  # it is played
    SHUT = "shut"  # nobody asked: it is dropped to its end


class AddressGate:
    """Holds, passes or drops answers; see the module."""

    def __init__(self, callsign: Callsign) -> None:
        self.state = GateState.IDLE
        self.dropped = 0
        """Answers that nobody had asked for."""
        self.hold = Latency()
        """From the first audio of an answer that was played to when it was clear that it was asked for."""
        self._callsign = callsign
        self._held: deque[LiveEvent] = deque()
        self._held_bytes = 0
        self._whole = False  # all of the answer has arrived
        self._holding_since = 0.0
        self._transcript = ""
        self._due = Owed.SIGN  # of the model, for what was not answered yet
        self._askers: set[int | None] = set()  # who spoke in turns that were not answered yet
        self._turn_at = 0.0  # when the last of them ended, or began
        self._partners: frozenset[int | None] = frozenset()  # whose next turn is a follow-up
        self._partners_until = 0.0

    @property
    def partners(self) -> frozenset[int]:
        """Whom the bot answers now, or has just answered."""
        return frozenset(user for user in self._partners if user is not None)

    @property
    def wanted(self) -> bool:
        """Whether it is clear that somebody asked for what the model does now."""
        return self.owed is not Owed.SIGN

    @property
    def owed(self) -> Owed:
        """What is due now: one who follows up may talk to somebody else, and the model may keep quiet."""
        return Owed.ANSWER if self.state is GateState.OPEN else self._due

    # -- what people do

    def turn_began(self, user_id: int | None, now: float) -> None:
        """Take in that a person (None: the room) began to speak."""
        if now - self._turn_at > STALE_S:
            self._settle()
        if user_id in self._partners and now <= self._partners_until:
            self._due = max(self._due, Owed.TURN)
        self._askers.add(user_id)
        self._turn_at = now

    def asked(self, now: float, askers: Iterable[int] = ()) -> None:
        """Take in that the bot was asked to speak otherwise than by voice, or before, by these people."""
        self._due = Owed.ANSWER
        self._askers.update(askers)
        self._turn_at = now

    def unasked(self) -> None:
        """Take in that what was asked so was cut off before an answer came, and is asked anew later."""
        if self.state is GateState.IDLE:
            self._due = Owed.SIGN

    # -- what the model tells

    def understood(self, text: str, now: float) -> list[LiveEvent]:
        """Take in a fragment of what the model understood; return what may be played for it.

        Where no turn waits for an answer, it is a late word of one that was settled.
        """
        if not self._askers:
            return []
        self._transcript = (self._transcript + text)[-KEPT:]
        if self._due is not Owed.ANSWER and self._callsign.called_in(self._transcript):
            self._due = Owed.ANSWER
        return self._open(now) if self.wanted and self.state is GateState.HOLDING else []

    def told(self, event: LiveEvent, now: float) -> list[LiveEvent]:
        """Take in an event of an answer; return what of it is to be carried out now."""
        match event:
            case AnswerAudio() if self.state is GateState.IDLE:
                self.state, self._holding_since, self._whole = GateState.HOLDING, now, False
                self._held.append(event)
                self._held_bytes = len(event.pcm)
                return self._open(now) if self.wanted else []
            case AnswerAudio(pcm) if self.state is GateState.HOLDING:
                self._held.append(event)
                self._held_bytes += len(pcm)
                return self._shut() if self._held_bytes > HELD_BYTES else self.poll(now)
            case AnswerAudio() | AnswerWhole():
                self._whole = isinstance(event, AnswerWhole)
                if self.state is GateState.HOLDING:
                    self._held.append(event)
                return [] if self.state in (GateState.HOLDING, GateState.SHUT) else [event]
            case Lost() if self.state is GateState.OPEN and not self._whole:
                self.asked(now)  # the rest of it comes as another answer, and is for the same people
                self._askers.update(self._partners)
                return self._end(event)
            case AnswerEnded() | Interrupted() | Lost():
                return self._end(event)
        return [event]

    def over(self, now: float) -> None:
        """Take in that an answer was played to its end: the follow-up's time runs from here."""
        self._partners_until = min(self._partners_until, now + FOLLOW_UP_S)

    def cut(self) -> None:
        """Take in that a person has the floor: what still comes of the answer is not played.

        If it was not clear yet whether it was asked for, its turn waits for the next answer.
        """
        if self.state is not GateState.IDLE:
            self.state = GateState.SHUT
            self._drop_held()

    # -- time

    def poll(self, now: float) -> list[LiveEvent]:
        """Drop what nobody asked for by now."""
        deadline = self.deadline()
        return self._shut() if deadline is not None and now >= deadline else []

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while nothing is held."""
        return self._holding_since + HOLD_S if self.state is GateState.HOLDING else None

    def _open(self, now: float) -> list[LiveEvent]:
        self.state = GateState.OPEN
        self.hold.record(now - self._holding_since)
        self._partners, self._partners_until = frozenset(self._askers), math.inf
        self._settle()
        held = list(self._held)
        self._drop_held()
        return held

    def _shut(self) -> list[LiveEvent]:
        self.state = GateState.SHUT
        self.dropped += 1
        self._settle()
        self._drop_held()
        return []

    def _end(self, event: LiveEvent) -> list[LiveEvent]:
        if self.state is GateState.HOLDING and isinstance(event, AnswerEnded):
            self._shut()
        elif self.state is GateState.HOLDING:
            self._drop_held()
        self.state = GateState.IDLE
        return [event]

    def _settle(self) -> None:
        """Forget the turns so far: they have been answered, or will not be."""
        self._due, self._transcript = Owed.SIGN, ""
        self._askers.clear()

    def _drop_held(self) -> None:
        self._held.clear()
        self._held_bytes = 0
