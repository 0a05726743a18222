"""The bot's answer on its way out: Opus packets wait here until the send clock takes them, one each 20 ms.

Sans-I/O, and not thread-safe; `playout` puts a lock around it.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum

from bot.audio.pcm import FRAME_MS
from bot.latency import Latency
from bot.voice.dave import SILENCE

PREBUFFER_PACKETS = 3  # 60 ms: what the network and this machine may be late without a gap in the speech
PREBUFFER_WAIT_S = 0.040  # an answer that begins with less starts after this all the same
SILENCE_FRAMES = 5  # Discord: send five before stopping, or the receiver's decoder fills the gap with noise
# 10 minutes, about 5 MB: longer than any answer. What comes when it is full is refused, so that what is
# played stays whole from its beginning.
CAPACITY_PACKETS = 10 * 60 * 1000 // FRAME_MS

ALWAYS = float("-inf")  # earlier than any time at which something may be due


class PlayoutState(Enum):
    """Where the answer stands."""

    IDLE = "idle"  # there is none
    FILLING = "filling"  # it has begun, or ran dry, and waits for a little more
    PLAYING = "playing"  # a packet leaves at every tick
    DRAINING = "draining"  # it is complete; the rest of it is played


class PlayoutEvent(Enum):
    """What happens to it."""

    PUSHED = "pushed"
    STARTED = "started"
    RAN_DRY = "ran dry"
    FINISHED = "finished"
    DROPPED = "dropped"


_I, _F, _P, _D = PlayoutState.IDLE, PlayoutState.FILLING, PlayoutState.PLAYING, PlayoutState.DRAINING

TRANSITIONS: dict[tuple[PlayoutState, PlayoutEvent], PlayoutState] = {
    (_I, PlayoutEvent.PUSHED): _F,
    (_I, PlayoutEvent.FINISHED): _I,
    (_I, PlayoutEvent.DROPPED): _I,
    (_F, PlayoutEvent.PUSHED): _F,
    (_F, PlayoutEvent.STARTED): _P,
    (_F, PlayoutEvent.FINISHED): _D,
    (_F, PlayoutEvent.DROPPED): _I,
    (_P, PlayoutEvent.PUSHED): _P,
    (_P, PlayoutEvent.RAN_DRY): _F,  # an underrun
    (_P, PlayoutEvent.FINISHED): _D,
    (_P, PlayoutEvent.DROPPED): _I,
    (_D, PlayoutEvent.PUSHED): _P,  # the next answer came before the end of this one was played
    (_D, PlayoutEvent.RAN_DRY): _I,
    (_D, PlayoutEvent.FINISHED): _D,
    (_D, PlayoutEvent.DROPPED): _I,
}


class PlayoutBuffer:
    """Decides which packet leaves when. Not thread-safe; the time is passed in."""

    def __init__(self) -> None:
        self.state = PlayoutState.IDLE
        self.underruns = 0
        self.refused = 0
        self.live_to_ear = Latency()
        self.barge_in = Latency()
        self._packets: deque[bytes] = deque()
        self._silences = 0
        self._filling_since = 0.0
        self._answer_at: float | None = None  # until its first voiced packet has left
        self._voiced_at = ALWAYS  # when the last voiced packet left

    def __len__(self) -> int:
        return len(self._packets)

    def push(self, packets: Sequence[bytes], at: float) -> None:
        """Append Opus packets of 20 ms; `at` is when their audio was received.

        An empty push may begin an answer: the first audio of it may be too short for a packet.
        """
        if self.state is PlayoutState.DRAINING and not self._packets:
            self._step(PlayoutEvent.RAN_DRY)
        if self.state is PlayoutState.IDLE and self._answer_at is None:
            self._answer_at = at
        if not packets:
            return
        if not self._packets:
            self._filling_since = at
        self._step(PlayoutEvent.PUSHED)
        room = CAPACITY_PACKETS - len(self._packets)
        self._packets.extend(packets[:room])
        self.refused += max(0, len(packets) - room)

    def signal(self, packets: Sequence[bytes], at: float) -> bool:
        """Play a short sound that is no answer; return False, and don't, where there is one."""
        if self.state is not PlayoutState.IDLE or self._answer_at is not None or not packets:
            return False
        self._filling_since = at
        self._packets.extend(packets)
        self._step(PlayoutEvent.PUSHED)
        self._step(PlayoutEvent.FINISHED)
        return True

    def finish(self) -> None:
        """Note that the answer is complete; what there is of it is played without further waiting."""
        if not self._packets:
            self._answer_at = None
        self._step(PlayoutEvent.FINISHED)

    def drop(self, at: float) -> int:
        """Forget the answer, because of something noticed at `at`; return how many packets that were."""
        if self.state is not PlayoutState.IDLE:
            self.barge_in.record(max(0.0, self._voiced_at - at))
        dropped = len(self._packets)
        self._packets.clear()
        self._answer_at = None
        self._step(PlayoutEvent.DROPPED)
        return dropped

    def take_back(self, keep: int, most: int) -> int:
        """Forget the last packets, at most `most`, and not the next `keep`; return how many those were."""
        count = min(most, max(0, len(self._packets) - keep))
        for _ in range(count):
            self._packets.pop()
        return count

    def prime(self) -> None:
        """Owe a few silence frames: they open the way through NATs and tell the server where we are."""
        self._silences = SILENCE_FRAMES

    def next(self, now: float) -> bytes | None:
        """Return the packet that is to leave now, or None; afterwards call `sent`, or `restore` it."""
        if self.state is PlayoutState.FILLING and self._startable(now):
            self._step(PlayoutEvent.STARTED)
        if self.state in (PlayoutState.PLAYING, PlayoutState.DRAINING):
            if self._packets:
                self._silences = SILENCE_FRAMES
                return self._packets.popleft()
            self.underruns += self.state is PlayoutState.PLAYING
            self._step(PlayoutEvent.RAN_DRY)
        if self._silences:
            self._silences -= 1
            return SILENCE
        return None

    def sent(self, packet: bytes, at: float) -> None:
        """Note that a packet has left."""
        if packet == SILENCE:
            return
        self._voiced_at = at
        if self._answer_at is not None:
            self.live_to_ear.record(at - self._answer_at)
            self._answer_at = None

    def restore(self, packet: bytes) -> None:
        """Take back a packet that could not leave, to give it out again next time."""
        if packet == SILENCE:
            self._silences += 1
        else:
            self._packets.appendleft(packet)

    def wake_at(self, now: float) -> float | None:
        """Return when `next` has something to do: up to `now` while packets flow, None if unknown."""
        if self.state in (PlayoutState.PLAYING, PlayoutState.DRAINING) or self._silences:
            return now
        if self._packets:
            return now if self._startable(now) else self._filling_since + PREBUFFER_WAIT_S
        return None

    def _startable(self, now: float) -> bool:
        waited = now >= self._filling_since + PREBUFFER_WAIT_S
        return len(self._packets) >= PREBUFFER_PACKETS or (waited and bool(self._packets))

    def _step(self, event: PlayoutEvent) -> None:
        self.state = TRANSITIONS[self.state, event]
