"""What a process does less of while its event loop is late: captions first, then pictures, never audio.

Sound has a thread of its own for sending, and what is heard is taken in as it comes; but answers pass through
the loop, and a loop that is late is heard. Captions wait at the first lateness, as nobody hears of that.
Where the loop stays late without them, pictures and videos on their way to the model wait too. They are the
first to go on: captions wait longer after the last lateness.

Sans-I/O but for `LoopWatch`, which takes the lateness; the time is given.
"""

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum

from bot.tasks import end, going_on

LATE_S = 0.05  # of the loop: two frames of speech, and more than any step of ours may take
STILL_S = 1.0  # a loop that is late so long after it was first is so without captions, which have waited
CAPTIONS_S = 5.0  # after the last lateness
PICTURES_S = 2.0
LOOK_S = 0.1  # between looks at the loop: its own cost is some 10 us


class Load(IntEnum):
    """What waits."""

    FINE = 0
    CAPTIONS = 1
    PICTURES = 2
    """And captions."""


class Overload:
    """The event loop's; all calls of a process share it."""

    def __init__(self) -> None:
        self._late_since = float("-inf")
        self._captions_at = self._pictures_at = float("-inf")
        self._late = 0
        self._spells = {Load.CAPTIONS: 0, Load.PICTURES: 0}

    def late(self, by_s: float, now: float) -> None:
        """Take in by how much the loop was late just now."""
        if by_s < LATE_S:
            return
        self._late += 1
        before = self.load(now)
        if before is Load.FINE:
            self._late_since = now
        self._captions_at = max(self._captions_at, now + CAPTIONS_S)
        if now - self._late_since >= STILL_S:
            self._pictures_at = max(self._pictures_at, now + PICTURES_S)
        for load in (Load.CAPTIONS, Load.PICTURES):
            self._spells[load] += before < load <= self.load(now)

    def load(self, now: float) -> Load:
        """Return what waits now."""
        if now < self._pictures_at:
            return Load.PICTURES
        return Load.CAPTIONS if now < self._captions_at else Load.FINE

    @property
    def captions_at(self) -> float:
        """When captions go on, in the past where they do."""
        return self._captions_at

    def counters(self) -> dict[str, int]:
        """Return what was counted, by name."""
        return {
            "loop_late": self._late,
            "captions_shed": self._spells[Load.CAPTIONS],
            "pictures_shed": self._spells[Load.PICTURES],
        }


class LoopWatch:
    """Measures how late the running loop is; `close` it."""

    def __init__(self, late: Callable[[float, float], None]) -> None:
        """Begin; `late` is told of each look by how many seconds it came late, and the time."""
        self._late = late
        self._task = asyncio.create_task(self._watch(), name="loop-watch")

    async def close(self) -> None:
        """End."""
        await end(self._task)

    async def _watch(self) -> None:
        while True:
            due = time.monotonic() + LOOK_S
            await asyncio.sleep(LOOK_S)
            now = time.monotonic()
            with going_on("How late the event loop is was not taken in"):
                self._late(now - due, now)
