"""Discord's identifiers: unique, ordered by time, and the time can be read back from each."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EPOCH_MS = 1_420_070_400_000  # the first second of 2015, from which snowflakes count
EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
TIME_SHIFT = 22  # the lower bits hold worker, process and increment


class Snowflakes:
    """A source of identifiers, each greater than the one before even within one millisecond."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return a new identifier."""
        now_ms = int(self._clock() * 1000) - EPOCH_MS
        self._last = max(now_ms << TIME_SHIFT, self._last + 1)
        return self._last


def snowflake_time(snowflake: int) -> datetime:
    """Return when the identifier was made, in UTC."""
    return EPOCH + timedelta(milliseconds=snowflake >> TIME_SHIFT)
