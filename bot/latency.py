"""Measured latencies, kept as the newest samples, from which percentiles are read."""

from array import array
from collections.abc import Sequence

WINDOW = 4096  # newest samples kept: 80 s of 20 ms frames


class Latency:
    """Samples in ms of one latency; `p(50)` is the median of the newest ones, None while there are none."""

    def __init__(self) -> None:
        # All of it at once, 16 KB: an hour-long call takes no more memory than one that has just begun.
        self._samples_ms = array("f", bytes(4 * WINDOW))
        self.count = 0
        """How many were added in all."""

    @property
    def samples_ms(self) -> Sequence[float]:
        """The newest samples, in no order."""
        return self._samples_ms[: self.count]

    def record(self, seconds: float) -> None:
        """Add a sample, given in seconds."""
        self._samples_ms[self.count % WINDOW] = seconds * 1000.0
        self.count += 1

    def p(self, percent: float) -> float | None:
        """Return the percentile in ms, to the µs, by the nearest-rank method, which never invents a value."""
        if not self.count:
            return None
        ordered = sorted(self.samples_ms)
        rank = max(1, -(-len(ordered) * percent // 100))
        return round(ordered[int(rank) - 1], 3)
