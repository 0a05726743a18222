"""Silence for a model that ends turns by itself: its voice detection waits for trailing audio.

Discord's clients stop sending when they are silent, so a pause within a sentence and the end of a turn are
both filled with silence in real time, for a bounded time: silence is billed, and an idle room sends nothing.

Sans-I/O: `poll` says how many samples of silence are due.
"""

from bot.audio.pcm import LIVE_IN_HZ

TAIL_S = 1.5  # longer than any silence_duration_ms that the setup asks for, with room for jitter
CHUNK_S = 0.02  # silence is fed as speech would come
SLACK_S = 0.06  # a late packet is not a pause: three frames
PATIENCE_S = 0.25  # nor is a sender that hangs for a moment; what is owed meanwhile is fed at once after it


class SilenceTail:
    """Counts the silence that is owed to the model after the last speech."""

    def __init__(self, *, tail_s: float = TAIL_S) -> None:
        self._tail_s = tail_s
        self._fed_to: float | None = None
        self._starts = 0.0
        self._ends = 0.0

    def spoke(self, at: float) -> None:
        """Begin again: speech of one frame arrived."""
        self._fed_to = at + SLACK_S
        self._starts = at + PATIENCE_S
        self._ends = at + SLACK_S + self._tail_s

    def stop(self) -> None:
        """Feed no more: the model has begun to answer."""
        self._fed_to = None

    def poll(self, now: float) -> int:
        """Return the samples of silence at 16 kHz that are due by now."""
        if self._fed_to is None or now < self._starts:
            return 0
        chunks = int((min(now, self._ends) - self._fed_to) / CHUNK_S + 1e-6)
        if chunks > 0:
            self._fed_to += chunks * CHUNK_S
        if now >= self._ends:
            self._fed_to = None
        return max(0, chunks) * round(CHUNK_S * LIVE_IN_HZ)

    def rest(self) -> int:
        """Return all samples that are still owed, and owe no more: who follows is to be another turn."""
        return self.poll(self._ends)

    def deadline(self) -> float | None:
        """Return when the next chunk is due, None while none is owed."""
        if self._fed_to is None:
            return None
        return max(self._starts, min(self._fed_to + CHUNK_S, self._ends))
