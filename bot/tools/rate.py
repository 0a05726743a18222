"""How often something may be done for a call."""

from collections import deque

WITHIN_S = 60.0


class Rate:
    """A number of times a minute."""

    def __init__(self, most: int) -> None:
        self._times: deque[float] = deque(maxlen=most)

    def take(self, now: float) -> bool:
        """Return whether it may be done now, and count it where it may."""
        times = self._times
        if len(times) == times.maxlen and now - times[0] < WITHIN_S:
            return False
        times.append(now)
        return True
