"""Frames that can't be heard yet, kept as they came: their person or their key is still on its way."""

from collections.abc import Callable

from bot.voice.rtp import Packet, sequence_delta

HOLD_FRAMES = 100  # two seconds of 20 ms frames
HOLD_S = 2.0  # a mapping or a commit that takes longer comes too late for a conversation


class Hold:
    """The held frames of one SSRC by sequence number: at most HOLD_FRAMES, none older than HOLD_S."""

    def __init__(self) -> None:
        self._frames: list[Packet] = []

    def __len__(self) -> int:
        return len(self._frames)

    def blocks(self, sequence: int) -> bool:
        """Return whether a frame is held that comes before a sequence number."""
        return any(sequence_delta(frame.sequence, sequence) < 0 for frame in self._frames)

    def __contains__(self, sequence: int) -> bool:
        return any(frame.sequence == sequence for frame in self._frames)

    @property
    def first(self) -> Packet | None:
        """The frame that comes before all others."""
        return self._frames[0] if self._frames else None

    def first_of(self, wanted: Callable[[Packet], bool]) -> Packet | None:
        """Return the first frame that is wanted."""
        return next((frame for frame in self._frames if wanted(frame)), None)

    def remove(self, frame: Packet) -> None:
        """Remove a frame that is held."""
        self._frames.remove(frame)

    @property
    def deadline(self) -> float | None:
        """When all of it will be too old; each frame is by itself, but one timer for all is enough."""
        return max(frame.at for frame in self._frames) + HOLD_S if self._frames else None

    def add(self, frame: Packet) -> list[Packet]:
        """Insert a frame; return those that must go: the ones too old, and the first if one too many."""
        gone = self.expire(frame.at)
        place = len(self._frames)
        while place and sequence_delta(frame.sequence, self._frames[place - 1].sequence) < 0:
            place -= 1
        self._frames.insert(place, frame)
        if len(self._frames) > HOLD_FRAMES:
            gone.append(self._frames.pop(0))
        return gone

    def expire(self, now: float) -> list[Packet]:
        """Remove and return the frames that are too old."""
        gone = [frame for frame in self._frames if frame.at + HOLD_S <= now]
        if gone:
            self._frames = [frame for frame in self._frames if frame.at + HOLD_S > now]
        return gone

    def take_before(self, sequence: int) -> list[Packet]:
        """Remove and return the frames that come before a sequence number."""
        return self._take(sum(sequence_delta(frame.sequence, sequence) < 0 for frame in self._frames))

    def take_while(self, wanted: Callable[[Packet], bool]) -> list[Packet]:
        """Remove and return the first frames as long as they are wanted."""
        return self._take(next((i for i, frame in enumerate(self._frames) if not wanted(frame)), len(self)))

    def take_all(self) -> list[Packet]:
        """Remove and return all frames."""
        return self._take(len(self))

    def _take(self, count: int) -> list[Packet]:
        taken, self._frames = self._frames[:count], self._frames[count:]
        return taken
