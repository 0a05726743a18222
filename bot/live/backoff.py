"""How long to wait before the next attempt: exponential, jittered, and at once after a good connection."""

import random

from bot.live.failures import Verdict

AT_ONCE_S = 0.25  # after a good connection: soon, but not all calls of a process in the same moment
LOW_S = 1.0
HIGH_S = 60.0
LATER_S = 30.0  # a quota counts by the minute: waiting less only uses up more of it


class Backoff:
    """Counts the attempts in a row that failed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.failures = 0

    def succeeded(self) -> None:
        """Begin anew: a connection has lasted."""
        self.failures = 0

    def wait_s(self, verdict: Verdict, told_s: float | None = None, *, spent_s: float = 0.0) -> float:
        """Count a failure and return the wait after it: up to 0.25 s, then 1 to 2, 2 to 4, ... 30 to 60 s.

        What the attempt itself took, `spent_s`, is part of that wait: an attempt that timed out has spaced
        itself. Where the server said when to come again, that is waited for, and hardly more.
        """
        self.failures += 1
        if told_s is not None:
            return max(min(told_s, HIGH_S), self._usual_s()) + self._rng.uniform(0.0, AT_ONCE_S)
        if verdict is Verdict.LATER:
            return self._jittered(LATER_S)
        return max(self._usual_s() - spent_s, self._rng.uniform(0.0, AT_ONCE_S))

    def _usual_s(self) -> float:
        if self.failures == 1:
            return self._rng.uniform(0.0, AT_ONCE_S)
        # The exponent is bounded too: a day of failures must not make a number of it that has no float.
        return self._jittered(min(HIGH_S / 2, LOW_S * 2 ** min(self.failures - 2, 10)))

    def _jittered(self, low_s: float) -> float:
        return self._rng.uniform(low_s, 2 * low_s)
