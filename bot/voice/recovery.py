"""What to do when a voice connection is lost: resume it, ask for another, wait for word, or end the call.

Sans-I/O. The codes are Discord's ("Voice Close Event Codes") with what the field learned about them; codes
below 4000 are the websocket's own, -1 is discord.py's for none at all.
"""

from dataclasses import dataclass
from enum import Enum

RECOVERY_FIRST_S = 1.0
RECOVERY_MAX_S = 30.0
RECOVERY_CALM_S = 60.0

REJOIN_FIRST_S = 10.0
REJOIN_MAX_S = 300.0
REJOIN_CALM_S = 600.0

RETRY_MAX_S = 8.0
STABLE_S = 10.0  # a connection that lasted this long was a good one: the next is tried at once
# So much longer down than up: people notice a mute bot long before; then a clear end is better than hope.
GIVE_UP_S = 90.0

GONE = "I was disconnected from the voice channel; /join brings me back."
NOT_WANTED = "I was told to leave before I was in the voice channel; /join brings me back."
GAVE_UP = "I lost the connection to Discord's voice server and could not get it back; try /join in a minute."
NOT_LET_IN = (
    "Discord did not let me into the voice channel. It may be full, or I may lack the permission "
    "to connect; check that, then try /join again."
)
UNANSWERED = "Discord's voice server did not answer; try /join again in a minute."
BROKEN = "Something went wrong with my voice connection, so I left; /join brings me back."
NO_ENCRYPTION = (
    "Discord wants an encryption for this call that this version of me can't do; update me, then use /join."
)
SLOW_DOWN = "Discord asks me to join voice channels less often; wait a few minutes, then use /join."


class Remedy(Enum):
    """The way out of a lost connection."""

    RESUME = "resume"  # the session may still be there
    REJOIN = "rejoin"  # ask the main gateway for a new session
    AWAIT = "await"  # kicked, moved, or the channel is gone: the main gateway tells which
    END = "end"


@dataclass(frozen=True, slots=True)
class Closure:
    """What a close code means."""

    remedy: Remedy
    reason: str
    """For END a sentence that ends the call; else what is shown while the connection is being mended."""


_CLOSURES = {
    4014: Closure(Remedy.AWAIT, "Discord closed the connection"),
    4015: Closure(Remedy.RESUME, "the voice server crashed"),
    4016: Closure(Remedy.END, NO_ENCRYPTION),
    4017: Closure(Remedy.END, NO_ENCRYPTION),
    4021: Closure(Remedy.END, SLOW_DOWN),
    4022: Closure(Remedy.AWAIT, "Discord ended the call or moved it"),
}


def closure(code: int) -> Closure:
    """Return what a close code of the voice gateway means."""
    if code in _CLOSURES:
        return _CLOSURES[code]
    if code < 4000:
        return Closure(Remedy.RESUME, "the connection to the voice server broke")
    return Closure(Remedy.REJOIN, f"the voice server ended the session (code {code})")


class Retries:
    """How long to wait before the next attempt, and when to give up."""

    def __init__(self) -> None:
        self._failures = 0
        self._down_s = 0.0  # the time down, less the time up since; never under 0
        self._down_since: float | None = None
        self._up_at: float | None = None

    def connected(self, now: float) -> None:
        """Note that an attempt succeeded; it counts by how long it lasts."""
        self._count_down(now)
        self._up_at, self._down_since = now, None

    def lost(self, now: float) -> float | None:
        """Note a loss or a failed attempt; return the seconds to wait before the next, None to give up."""
        self._count_down(now)
        if self._up_at is not None:
            up_s = now - self._up_at
            self._down_s = max(0.0, self._down_s - up_s)
            self._failures = 0 if up_s >= STABLE_S else self._failures
        self._up_at, self._down_since = None, now
        self._failures += 1
        if self._down_s >= GIVE_UP_S:
            return None
        return 0.0 if self._failures == 1 else min(RETRY_MAX_S, 0.25 * 2.0 ** (self._failures - 1))

    def _count_down(self, now: float) -> None:
        if self._down_since is not None:
            self._down_s += now - self._down_since


class Pace:
    """How often something may be done that disturbs everybody in the call, and that may not help.

    At first at once, then at intervals that double from `first_s` to `max_s`; after `calm_s` without need, as
    at first.
    """

    def __init__(self, first_s: float, max_s: float, calm_s: float) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._calm_s = calm_s
        self._next_at = float("-inf")
        self._interval = first_s

    def wait(self, now: float) -> float:
        """Return the seconds until it may be done; 0 takes it."""
        if now < self._next_at:
            return self._next_at - now
        calm = now - self._next_at >= self._calm_s
        self._interval = self._first_s if calm else min(self._max_s, self._interval * 2)
        self._next_at = now + self._interval
        return 0.0


def recovery_pace() -> Pace:
    """Return the pace at which our end-to-end session may be thrown away and begun anew.

    Each time costs everybody in the call a change of keys, and one that fails would fail again at once.
    """
    return Pace(RECOVERY_FIRST_S, RECOVERY_MAX_S, RECOVERY_CALM_S)


def rejoin_pace() -> Pace:
    """Return the pace at which a connection that looks good, and is of no use, may be given up."""
    return Pace(REJOIN_FIRST_S, REJOIN_MAX_S, REJOIN_CALM_S)
