"""One thread that paces the packets of all calls.

It only takes a packet, encrypts and sends: encoding was done when the answer arrived, because each release
of the GIL can cost a switch interval (measured: 50 players beside a busy loop were 19 ms late at p99 with a
thread each, 4 ms this way). Ticks lie on a grid of 5 ms that all calls
share: a new answer waits 5 ms at most, and any number of calls costs 200 wake-ups a second at most. While
nobody has anything to send, the thread sleeps.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.audio.pcm import FRAME_MS
from bot.latency import Latency

logger = logging.getLogger(__name__)

GRID_S = 0.005
FRAME_SLOTS = int(FRAME_MS / 1000 / GRID_S)
MAX_BURST = 3  # packets of one call sent at once to catch up: 60 ms, what receivers buffer; else we slow down
LATE_S = FRAME_MS / 1000  # later than this a tick has missed its turn, and a receiver may have heard it
VERY_LATE_S = 0.1  # longer than what receivers and we buffer: everybody heard a gap
JOIN_S = 2.0  # a tick takes well under a millisecond; longer means that a sender hangs
LOG_EVERY = 500  # of one sender's errors at 50 a second: one line in 10 s


class Sender(Protocol):
    """A call, as the clock sees it; both methods are called on the clock's thread only."""

    def wake_at(self, now: float) -> float | None:
        """Return when a tick is wanted: up to `now` while packets flow, later, or None until `wake`."""

    def tick(self, now: float) -> None:
        """Send the packet that is due."""


@dataclass(slots=True)
class Punctuality:
    """How one sender's ticks came, against the slots they were due in."""

    ticks: int = 0
    late: int = 0
    """More than 20 ms after their slot."""
    very_late: int = 0
    """More than 100 ms after their slot."""
    worst_s: float = 0.0

    def note(self, late_s: float) -> None:
        """Count a tick that came so late."""
        self.ticks += 1
        self.late += late_s > LATE_S
        self.very_late += late_s > VERY_LATE_S
        self.worst_s = max(self.worst_s, late_s)

    def as_dict(self) -> dict[str, int]:
        """Return the counters, by names that can stand beside others of the call."""
        return {
            "ticks": self.ticks,
            "ticks_late": self.late,
            "ticks_very_late": self.very_late,
            "tick_worst_ms": round(self.worst_s * 1000),
        }


@dataclass
class _Entry:
    """A sender's place on the grid; slots count grid steps since the clock's zero."""

    sender: Sender
    punctuality: Punctuality
    due: int | None = None  # None while no tick is wanted
    earliest: int = 0  # a frame after the last tick
    errors: int = 0


class SendClock:
    """Ticks every registered sender once in 20 ms while it has something to send.

    Start it once, close it once. Registering and waking may be done from any thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.lateness = Latency()
        """Of each tick against its slot on the grid."""
        self.late = 0
        """Ticks that came more than a frame late."""
        self.skipped = 0
        """How often a sender was so late that its schedule was moved rather than caught up with."""
        self.errors = 0
        """Exceptions of senders."""
        self._now = now
        self._entries: dict[int, _Entry] = {}
        self._changed = threading.Condition()
        self._changes = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="send-clock", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and wait for its end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def register(self, sender: Sender) -> Punctuality:
        """Tick the sender from now on; return the counters of how well that goes."""
        punctuality = Punctuality()
        with self._changed:
            self._entries[id(sender)] = _Entry(sender, punctuality)
        self.wake()
        return punctuality

    def unregister(self, sender: Sender) -> None:
        """Tick the sender no more, but for one tick that may be under way."""
        with self._changed:
            self._entries.pop(id(sender), None)

    def wake(self) -> None:
        """Ask the senders anew when they want a tick, because one of them has something to send."""
        with self._changed:
            self._changes += 1
            self._changed.notify()

    def run_due(self, now: float) -> float | None:
        """Tick who is due; return when to come again, None if only a `wake` can give a reason to."""
        with self._changed:
            entries = list(self._entries.values())
        wakes = [self._serve(entry, now) for entry in entries]
        return min((at for at in wakes if at is not None), default=None)

    def _run(self) -> None:
        while True:
            with self._changed:
                changes = self._changes
            # Senders are asked outside the lock: they take locks of their own, whose holders may call `wake`.
            wake_at = self.run_due(self._now())
            with self._changed:
                if self._closed:
                    return
                if self._changes == changes:
                    self._changed.wait(None if wake_at is None else max(0.0, wake_at - self._now()))

    def _serve(self, entry: _Entry, now: float) -> float | None:
        """Tick one sender as often as is due; return when it is to be looked at again."""
        try:
            for _ in range(MAX_BURST):
                wanted = entry.sender.wake_at(now)
                if wanted is None or wanted > now:
                    entry.due = None
                    return wanted
                if entry.due is None:
                    entry.due = max(_slot(now), entry.earliest)
                if entry.due * GRID_S > now:
                    return entry.due * GRID_S
                self._tick(entry, entry.due, now)
        except Exception:  # whatever it is, it is that call's, and must not stop the others
            self._failed(entry)
            return self._postpone(entry, now)
        if entry.earliest * GRID_S <= now:
            self.skipped += 1
            return self._postpone(entry, now)
        return entry.earliest * GRID_S

    def _tick(self, entry: _Entry, slot: int, now: float) -> None:
        late_s = now - slot * GRID_S
        self.lateness.record(late_s)
        self.late += late_s > LATE_S
        entry.punctuality.note(late_s)
        entry.due = entry.earliest = slot + FRAME_SLOTS
        entry.sender.tick(now)

    def _failed(self, entry: _Entry) -> None:
        self.errors += 1
        entry.errors += 1
        if entry.errors % LOG_EVERY == 1:
            logger.exception("A sender failed (%d times so far); the others go on", entry.errors)

    def _postpone(self, entry: _Entry, now: float) -> float:
        """Give up what was missed and go on a frame from now."""
        entry.due = entry.earliest = _slot(now) + FRAME_SLOTS
        return entry.due * GRID_S


def _slot(at: float) -> int:
    """Return the first slot at or after a time; the hair less lets a slot's own time be itself."""
    return math.ceil(at / GRID_S - 1e-6)
