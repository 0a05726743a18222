"""The room as one stream: what all who are heard say is summed, limited, and sent as one turn.

For rooms where people talk at the same time and nobody should wait; the model is told who is there, but not
who says what. A turn begins with the first who speaks and ends when all have been silent for their hangover.

Packets of different people come at different times. A block of 20 ms leaves as soon as everyone who is
talking has given theirs, and at the latest 40 ms after its first sample came: who talks alone is not delayed
by the mixing, and who stalls does not hold up the others.

Sans-I/O, with the same actions as the floor's.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from bot.audio.limiter import Limiter
from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16
from bot.conversation.actions import Action, Release, Speech, Take
from bot.conversation.floor import STALL_S, TALKING_S
from bot.conversation.hangover import Hangovers
from bot.voice.events import Heard

BLOCK = LIVE_IN_HZ * FRAME_MS // 1000
WAIT_S = 0.04  # for the others' part of a block: two frames, as the jitter buffer waits for a packet
BEHIND_S = 1.0  # of one person: more than a burst after a stall brings; the oldest go, counted


@dataclass
class _Voice:
    """What one person said and was not mixed yet."""

    pcm: Pcm16 = field(default_factory=lambda: np.zeros(0, np.int16))
    since: float = 0.0
    """When the oldest sample came."""
    spoke_at: float = 0.0
    hushed: bool = False

    def talking(self, now: float) -> bool:
        return not self.hushed and now - self.spoke_at <= TALKING_S


class Mixer:
    """Sums the people of a call; see the module."""

    def __init__(self, hangovers: Hangovers) -> None:
        self.frames_lost = 0
        self._hangovers = hangovers
        self._limiter = Limiter()
        self._voices: dict[int, _Voice] = {}
        self._running = False
        self._delayed: frozenset[int] = frozenset()  # whose samples are still in the limiter

    @property
    def idle(self) -> bool:
        """Whether no turn goes on."""
        return not self._running

    @property
    def speaking(self) -> tuple[int, ...]:
        """Who has spoken in the turn that goes on."""
        return tuple(self._voices)

    def heard(self, frame: Heard) -> list[Action]:
        """Take in a frame of speech."""
        actions = self.poll(frame.at)
        self._hangovers.spoke(frame.user_id, frame.at)
        if not self._running:
            self._running = True
            actions.append(Take(None, False, frame.at))
        voice = self._voices.setdefault(frame.user_id, _Voice())
        if not voice.pcm.size:
            voice.since = frame.at
        voice.pcm = np.concatenate((voice.pcm, frame.pcm))
        voice.spoke_at, voice.hushed = frame.at, False
        while voice.pcm.size > BEHIND_S * LIVE_IN_HZ:
            voice.pcm = voice.pcm[frame.pcm.size :]
            self.frames_lost += 1
        return actions + self.poll(frame.at)

    def hushed(self, user_id: int, now: float) -> list[Action]:
        """Take in a person's word that their gate is closed: nobody waits for their part of a block."""
        self._hangovers.hushed(user_id)
        if user_id in self._voices:
            self._voices[user_id].hushed = True
        return self.poll(now)

    def finished(self, user_id: int, now: float) -> list[Action]:
        """Take in that a person said that they have finished; the turn ends if nobody else talks."""
        actions = self.hushed(user_id, now)
        if user_id in self._voices:
            self._voices[user_id].spoke_at = -math.inf
        return actions + self.poll(now)

    def close(self, now: float) -> list[Action]:
        """Send what there is, and end the turn."""
        if not self._running:
            return []
        actions: list[Action] = []
        while self._buffered():
            actions.append(self._block(now))
        return actions + self._end(now)

    def left(self, user_id: int, now: float) -> list[Action]:
        """Drop what was not mixed yet of a person who left or withdrew consent."""
        self._voices.pop(user_id, None)
        self._hangovers.forget(user_id)
        if user_id in self._delayed:
            self._limiter, self._delayed = Limiter(), frozenset()  # 5 ms of the others go with it
        return self.poll(now)

    def poll(self, now: float) -> list[Action]:
        """Send the blocks whose time has come, and end the turn when all are silent."""
        actions: list[Action] = []
        while self._due(now):
            actions.append(self._block(now))
        if self._running and not self._buffered() and now >= self._ends():
            actions += self._end(now)
        return actions

    def deadline(self) -> float | None:
        """Return when `poll` has something to do, None while nobody speaks."""
        if not self._running:
            return None
        waiting = [voice.since + WAIT_S for voice in self._buffered()]
        return min(waiting, default=None) if waiting else self._ends()

    def _buffered(self) -> list[_Voice]:
        return [voice for voice in self._voices.values() if voice.pcm.size]

    def _due(self, now: float) -> bool:
        """Whether a block is complete, or its time is up."""
        buffered = self._buffered()
        if not buffered:
            return False
        if now >= min(voice.since for voice in buffered) + WAIT_S:
            return True
        needed = [voice for voice in self._voices.values() if voice.pcm.size or voice.talking(now)]
        return all(voice.pcm.size >= BLOCK or voice.hushed for voice in needed) and any(
            voice.pcm.size >= BLOCK for voice in buffered
        )

    def _ends(self) -> float:
        """Return when the last hangover is over."""
        ends = [
            voice.spoke_at + (self._hangovers.of(user_id) if voice.hushed else STALL_S)
            for user_id, voice in self._voices.items()
        ]
        return max(ends, default=-math.inf)

    def _block(self, now: float) -> Speech:
        """Take a block off everyone's speech and sum it."""
        total = np.zeros(BLOCK, np.int32)
        speakers, came = set(), now
        for user_id, voice in self._voices.items():
            if voice.pcm.size:
                part, voice.pcm = voice.pcm[:BLOCK], voice.pcm[BLOCK:]
                total[: part.size] += part
                speakers.add(user_id)
                came = min(came, voice.since)
                voice.since += part.size / LIVE_IN_HZ
        in_it = self._delayed | speakers
        self._delayed = frozenset(speakers)
        return Speech(in_it, self._limiter.feed(total), came)

    def _end(self, now: float) -> list[Action]:
        rest = [Speech(self._delayed, self._limiter.flush(), now)] if self._delayed else []
        self._running, self._delayed = False, frozenset()
        self._voices.clear()
        return [*rest, Release(None, now)]
