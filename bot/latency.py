"""Measured latencies, kept as the newest samples, from which percentiles are read."""

from collections import deque
from dataclasses import dataclass, field

WINDOW = 4096  # newest samples kept: 80 s of 20 ms frames


@dataclass
class Latency:
    """Samples in ms of one latency; `p(50)` is the median of the newest ones, None while there are none."""

    samples_ms: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    count: int = 0

    def record(self, seconds: float) -> None:
        """Add a sample, given in seconds."""
        self.samples_ms.append(seconds * 1000.0)
        self.count += 1

    def p(self, percent: float) -> float | None:
        """Return the percentile in ms by the nearest-rank method, which never invents a value."""
        if not self.samples_ms:
            return None
        ordered = sorted(self.samples_ms)
        rank = max(1, -(-len(ordered) * percent // 100))
        return ordered[int(rank) - 1]
