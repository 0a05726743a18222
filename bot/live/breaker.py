"""Keeps the calls of a process from knocking at a Gemini that is down: after some failures one does for all.

Each call's own back-off spaces its own attempts; hundreds of calls whose attempts fail would still come back
as a crowd at each step. The circuit breaker counts the failed attempts of all of them.

Sans-I/O: attempts and the time go in; how long to wait comes out.
"""

from enum import Enum

THRESHOLD = 8  # failures in a row, of all calls together
CALLS = 3  # of at least so many: one call's own trouble is its own
OPEN_S = 10.0  # then one attempt is let through; if that fails, again


class BreakerState(Enum):
    """Whether attempts are let through."""

    CLOSED = "closed"  # all are
    OPEN = "open"  # none is
    HALF_OPEN = "half open"  # one is on its way, and the others wait for what becomes of it


class Breaker:
    """Shared by the sessions of a process."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._failures = 0
        self._failing: set[str] = set()  # names of calls
        self._until = 0.0

    def admit(self, now: float) -> float:
        """Return 0 where an attempt may be made now, else after how many seconds to ask again."""
        if self.state is BreakerState.CLOSED:
            return 0.0
        if now < self._until:
            return self._until - now
        # The one attempt may never tell: after the same time another is let through.
        self.state, self._until = BreakerState.HALF_OPEN, now + OPEN_S
        return 0.0

    def failed(self, name: str, now: float) -> None:
        """Count an attempt of a call that failed for Gemini's or the network's fault.

        A connection that is lost doesn't count: the next may be had at once.
        """
        self._failures += 1
        if len(self._failing) < CALLS:
            self._failing.add(name)
        if self._failures >= THRESHOLD and len(self._failing) >= CALLS:
            self.state, self._until = BreakerState.OPEN, now + OPEN_S

    def succeeded(self) -> None:
        """Let all through: an attempt has succeeded."""
        self.state, self._failures = BreakerState.CLOSED, 0
        self._failing.clear()
