"""Who holds the floor: one person's speech at a time goes to the model, the others' waits its turn.

One Live stream has one voice-activity detector and one transcript a turn, so mixed speakers would be merged
and misattributed. The person who speaks first holds the floor until a hangover of silence; whoever speaks
meanwhile is kept in a bounded ring and replayed as the next turn. Discord's clients gate speech already, so
the presence of packets is the voice activity; when they close the gate they say so with silence frames.
Packets that stop without that word were held up on the way, and get more time.

Sans-I/O: frames and the time go in, actions come out; the caller polls at `deadline()`.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.voice.events import Heard

HANGOVER_S = 0.25  # after the client's own gate (about 200 ms): together a breath between phrases
STALL_S = 1.0  # packets stopped, but no silence was announced: the network or the sender's machine hangs
WAITING_S = 10.0  # what one waiting person keeps; the oldest frames go first, counted


@dataclass(frozen=True, slots=True)
class Take:
    """A person's turn begins; `changed` says that the turn before was another person's."""

    user_id: int
    changed: bool
    at: float


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio of the holder of the floor; `at` is when it arrived, or when its turn came if it had to wait."""

    user_id: int
    pcm: Pcm16
    at: float
    replayed: bool = False
    """Whether it had to wait."""


@dataclass(frozen=True, slots=True)
class Release:
    """The person's turn is over."""

    user_id: int
    at: float


Action: TypeAlias = Take | Speech | Release


@dataclass
class _Waiting:
    """Frames of one person who speaks while another holds the floor."""

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


class Floor:
    """Gives the floor to one person at a time; see the module."""

    def __init__(self, *, hangover_s: float = HANGOVER_S) -> None:
        self.holder: int | None = None
        self.frames_lost = 0
        self._hangover_s = hangover_s
        self._last_holder: int | None = None
        self._last_voice = 0.0
        self._hushed = False  # the holder's client has closed its gate since then
        self._waiting: dict[int, _Waiting] = {}

    def heard(self, frame: Heard) -> list[Action]:
        """Take in a frame of speech."""
        actions = self.poll(frame.at)
        if self.holder is None:
            actions.append(self._take(frame.user_id, frame.at))
        if frame.user_id == self.holder:
            self._last_voice = max(self._last_voice, frame.at)
            self._hushed = False
            actions.append(Speech(frame.user_id, frame.pcm, frame.at))
        else:
            waiting = self._waiting.setdefault(frame.user_id, _Waiting())
            self.frames_lost += waiting.add(frame)
        return actions

    def hushed(self, user_id: int, now: float) -> list[Action]:
        """Take in a person's word that their gate is closed: what comes next is a new talkspurt."""
        if user_id == self.holder:
            self._hushed = True
        elif user_id in self._waiting:
            self._waiting[user_id].hushed = True
        return self.poll(now)

    def left(self, user_id: int, now: float) -> list[Action]:
        """End the turn of a person who left or withdrew consent, and forget what waited of them."""
        self._waiting.pop(user_id, None)
        if user_id != self.holder:
            return []
        return [self._release(now), *self._next(now)]

    def poll(self, now: float) -> list[Action]:
        """End the turn whose hangover has run out, and begin the next one that waits."""
        deadline = self.deadline()
        actions: list[Action] = []
        while deadline is not None and now >= deadline:
            actions += [self._release(now), *self._next(now)]
            deadline = self.deadline()
        return actions

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while nobody holds the floor."""
        if self.holder is None:
            return None
        return self._last_voice + (self._hangover_s if self._hushed else STALL_S)

    def _take(self, user_id: int, at: float) -> Take:
        changed = user_id != self._last_holder
        self.holder = self._last_holder = user_id
        return Take(user_id, changed, at)

    def _release(self, now: float) -> Release:
        assert self.holder is not None
        released = Release(self.holder, now)
        self.holder = None
        return released

    def _next(self, now: float) -> list[Action]:
        """Replay as the next turn what waited longest; its hangover counts from its last frame's arrival."""
        if not self._waiting:
            return []
        user_id = min(self._waiting, key=lambda user: self._waiting[user].frames[0].at)
        waited = self._waiting.pop(user_id)
        frames = waited.frames
        self._last_voice, self._hushed = frames[-1].at, waited.hushed
        return [
            self._take(user_id, now),
            *(Speech(user_id, frame.pcm, now, replayed=True) for frame in frames),
        ]
