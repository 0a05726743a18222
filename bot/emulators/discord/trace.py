"""What went over the emulated wires, in order, for a test to read or a person to follow."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

CAPACITY = 500_000  # entries; about 80 minutes of one speaker heard by one bot, counted at both ends


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One thing that passed: a REST request, a gateway message, a datagram."""

    at: float
    """`time.monotonic()` seconds."""
    kind: str
    """A dotted path, such as "voice.in" or "udp.out"."""
    fields: dict[str, Any] = field(default_factory=dict)


class Trace:
    """A bounded record of what passed; the oldest entries go first, and `lost` counts them.

    Safe to use from several threads: a test may read while the emulator's loop writes.
    """

    def __init__(self, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: deque[TraceEntry] = deque(maxlen=capacity)
        self._clock = clock
        self._lock = threading.Lock()
        self._added = 0

    def add(self, kind: str, **fields: Any) -> None:
        """Record an entry with the time of now."""
        entry = TraceEntry(self._clock(), kind, fields)
        with self._lock:
            self._entries.append(entry)
            self._added += 1

    def of(self, kind_prefix: str = "") -> list[TraceEntry]:
        """Return the entries, oldest first, whose kind begins with the prefix ("" for all)."""
        with self._lock:
            entries = list(self._entries)
        return [entry for entry in entries if entry.kind.startswith(kind_prefix)]

    @property
    def lost(self) -> int:
        """How many entries were dropped since the last `clear` for want of room."""
        with self._lock:
            return self._added - len(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._added = 0

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)
