"""How fast a bot may identify: a few at a time per concurrency bucket, and so many a day."""

from collections import deque

DAY_S = 24 * 3600.0


class IdentifyPace:
    """Counts identifies. Sans-I/O: the time is given."""

    def __init__(self) -> None:
        self._latest: dict[int, float] = {}
        self._today: deque[float] = deque()

    def allow(self, now: float, *, shard_id: int, concurrency: int, interval_s: float, daily: int) -> bool:
        """Return whether a shard may identify now, and count it where it may."""
        bucket = shard_id % concurrency
        too_soon = now - self._latest.get(bucket, float("-inf")) < interval_s
        if too_soon or self.remaining(now, daily) == 0:
            return False
        self._latest[bucket] = now
        self._today.append(now)
        return True

    def remaining(self, now: float, daily: int) -> int:
        """Return how many identifies are left of the day's."""
        while self._today and now - self._today[0] > DAY_S:
            self._today.popleft()
        return max(0, daily - len(self._today))
