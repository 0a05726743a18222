"""Who holds the floor: one person's speech at a time goes to the model, the others' waits its turn.

One Live stream has one voice-activity detector and one transcript a turn, so mixed speakers would be merged
and misattributed. The person who speaks first holds the floor until a hangover of silence; whoever speaks
meanwhile is kept in a bounded ring and replayed as the next turn. Discord's clients gate speech already, so
the presence of packets is the voice activity; when they close the gate they say so with silence frames.
Packets that stop without that word were held up on the way, and get more time.

When a turn is over and others wait, somebody will be cut short: a turn's begin interrupts the model. What a
room of people would want decides it:

- Nobody who waits is still talking: they have said what they had to say, and want to hear what comes. The
  turn that is over gets its answer, heard to its end; then who waited longest is replayed and answered, and
  so on. That is bounded, as an answer may never come, or never end.
- Somebody is still talking, or begins to: an answer would be talked over. So all that waits is replayed at
  once, in the order in which it was begun, up to the one who talks, who then holds the floor. The turns that
  got no answer by this are named, so that the model can answer all of them when the talk is over.

While an answer is guarded (the room talks, and the bot was not addressed by what is said now), only the one
who is being answered interrupts it at once; others do when they keep talking over it.

Sans-I/O: frames and the time go in, actions come out; the caller polls at `deadline()`.
"""

from collections import deque
from dataclasses import dataclass, field

from bot.audio.pcm import LIVE_IN_HZ
from bot.conversation.actions import Action, Release, Speech, Take
from bot.conversation.hangover import Hangovers
from bot.voice.events import Heard

STALL_S = 1.0  # packets stopped, but no silence was announced: the network or the sender's machine hangs
WAITING_S = 10.0  # what one waiting person keeps; the oldest frames go first, counted
TALKING_S = 0.2  # after the last frame, without a word of silence: jitter and a lost packet or two
BEGINS_S = 5.0  # an answer begins some 2 s after its turn's end; what has none by now is not waited for
ENDS_S = 15.0  # after this an answer is a speech, and what waits is stale: its turn begins
INSISTS_S = 1.0  # of talk over an answer that is not for the talker: no aside or laugh is as long


@dataclass
class _Waiting:
    """Frames of one person who does not hold the floor."""

    frames: deque[Heard] = field(default_factory=deque)
    samples: int = 0
    hushed: bool = False

    def add(self, frame: Heard) -> int:
        """Keep a frame; return how many old ones had to go for it."""
        self.frames.append(frame)
        self.hushed = False
        self.samples += frame.pcm.size
        gone = 0
        while self.samples > WAITING_S * LIVE_IN_HZ:
            self.samples -= self.frames.popleft().pcm.size
            gone += 1
        return gone

    def talking(self, now: float) -> bool:
        return not self.hushed and now - self.frames[-1].at <= TALKING_S


class Floor:
    """Gives the floor to one person at a time; see the module."""

    def __init__(self, hangovers: Hangovers) -> None:
        self.holder: int | None = None
        self.frames_lost = 0
        self._hangovers = hangovers
        self._last_holder: int | None = None
        self._last_voice = 0.0
        self._hushed = False  # the holder's client has closed its gate since then
        self._waiting: dict[int, _Waiting] = {}
        self._patience: float | None = None  # until when the last turn's answer is waited for
        self._unanswered: list[int] = []
        self._guarded: frozenset[int] | None = None

    @property
    def waiting(self) -> tuple[int, ...]:
        """Who waits, in the order in which they began."""
        return tuple(sorted(self._waiting, key=self._began))

    @property
    def idle(self) -> bool:
        """Whether nobody holds the floor or waits for it, and no answer is waited for."""
        return self.holder is None and not self._waiting and self._patience is None

    # -- what people do

    def heard(self, frame: Heard) -> list[Action]:
        """Take in a frame of speech."""
        actions = self.poll(frame.at)
        self._hangovers.spoke(frame.user_id, frame.at)
        if frame.user_id == self.holder:
            self._last_voice = max(self._last_voice, frame.at)
            self._hushed = False
            return [*actions, Speech(frozenset({frame.user_id}), frame.pcm, frame.at)]
        waiting = self._waiting.setdefault(frame.user_id, _Waiting())
        self.frames_lost += waiting.add(frame)
        return actions + self.poll(frame.at)

    def hushed(self, user_id: int, now: float) -> list[Action]:
        """Take in a person's word that their gate is closed: what comes next is a new talkspurt."""
        self._hangovers.hushed(user_id)
        if user_id == self.holder:
            self._hushed = True
        elif user_id in self._waiting:
            self._waiting[user_id].hushed = True
        return self.poll(now)

    def finished(self, user_id: int, now: float) -> list[Action]:
        """End a person's turn without a hangover: they said that they have finished."""
        actions = self.hushed(user_id, now)
        if user_id == self.holder:
            actions += [self._release(now), *self.poll(now)]
        return actions

    def close(self, now: float) -> list[Action]:
        """End the turn, and give everyone who waits theirs: the floor is not used any more."""
        actions: list[Action] = [self._release(now)] if self.holder is not None else []
        for user_id in self.waiting:
            actions += [*self._replay(user_id, now), self._release(now)]
        return actions

    def left(self, user_id: int, now: float) -> list[Action]:
        """End the turn of a person who left or withdrew consent, and forget what waited of them."""
        self._waiting.pop(user_id, None)
        self._hangovers.forget(user_id)
        self._unanswered = [user for user in self._unanswered if user != user_id]
        if user_id != self.holder:
            return []
        released = self._release(now)
        self._unanswered.remove(user_id)
        return [released, *self.poll(now)]

    # -- what the bot does

    def asked(self, now: float) -> None:
        """Take in that the model was asked something outside of a turn: its answer is waited for."""
        self._patience = now + BEGINS_S

    def answer_began(self, now: float, *, guarded: frozenset[int] | None = None) -> None:
        """Take in that an answer is heard; where it is guarded, these alone interrupt it at once."""
        self._unanswered.clear()
        if self.holder is None:
            self._patience, self._guarded = now + ENDS_S, guarded
            self._hangovers.answered()

    def answer_over(self, now: float) -> list[Action]:
        """Take in that the answer was heard to its end, was cut off, or will not come."""
        self._unanswered.clear()
        self._patience = self._guarded = None
        return self.poll(now)

    # -- time

    def poll(self, now: float) -> list[Action]:
        """End the turn whose hangover has run out, and begin the next one whose time has come."""
        actions: list[Action] = []
        while True:
            if self.holder is not None:
                if now < self._turn_ends():
                    return actions
                actions.append(self._release(now))
            if self._patience is not None and now >= self._patience:
                self._patience = self._guarded = None
            user_id = self._next(now)
            if user_id is None:
                return actions
            actions += self._replay(user_id, now)

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while it has not."""
        return self._turn_ends() if self.holder is not None else self._patience

    def _turn_ends(self) -> float:
        assert self.holder is not None
        return self._last_voice + (self._hangovers.of(self.holder) if self._hushed else STALL_S)

    def _next(self, now: float) -> int | None:
        """Return whose turn it is by now: see the module."""
        if not self._waiting:
            return None
        if self._patience is not None and not any(self._interrupts(user, now) for user in self._waiting):
            return None
        return min(self._waiting, key=self._began)

    def _interrupts(self, user_id: int, now: float) -> bool:
        waiting = self._waiting[user_id]
        entitled = self._guarded is None or user_id in self._guarded
        return waiting.talking(now) and (entitled or waiting.samples >= INSISTS_S * LIVE_IN_HZ)

    def _began(self, user_id: int) -> float:
        return self._waiting[user_id].frames[0].at

    def _release(self, now: float) -> Release:
        assert self.holder is not None
        released = Release(self.holder, now)
        if self.holder not in self._unanswered:
            self._unanswered.append(self.holder)
        self.holder = None
        self._patience, self._guarded = now + BEGINS_S, None
        return released

    def _replay(self, user_id: int, now: float) -> list[Action]:
        """Give the floor, and all that waited; the hangover counts from the arrival of the last of it."""
        waited = self._waiting.pop(user_id)
        frames = waited.frames
        unanswered = tuple(user for user in self._unanswered if user != user_id)
        take = Take(user_id, user_id != self._last_holder, now, unanswered)
        self.holder = self._last_holder = user_id
        self._last_voice, self._hushed = frames[-1].at, waited.hushed
        self._patience = self._guarded = None
        speaker = frozenset({user_id})
        return [take, *(Speech(speaker, f.pcm, max(now, f.at), replayed=f.at < now) for f in frames)]
