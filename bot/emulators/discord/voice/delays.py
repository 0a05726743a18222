"""Does things later, in time: the network's delays, which must not grow when the event loop is late.

A listener waits for a datagram that another has overtaken for some tens of ms. Were such a datagram sent by a
timer of the loop, which people and models share in tests, it would come too late whenever that is busy.
"""

import heapq
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable

_log = logging.getLogger(__name__)

LATE_S = 0.01  # listeners wait for 40 ms and more; what a test delays leaves them that much at least
WAITING = 10_000  # datagrams on their way at once; at more the next ones are lost


class Delays:
    """A thread; close it. What it does must be safe on another thread."""

    def __init__(self) -> None:
        self.late: Counter[int] = Counter()
        """How often something for a listener was done so late that they may take it for lost, by user id.

        The machine is busy then.
        """
        self._due: list[tuple[float, int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()  # what is due at the same time is done in order
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="emulated delays", daemon=True)
        self._thread.start()

    def later(self, delay_s: float, listener_id: int, act: Callable[[], None]) -> None:
        """Do this for a listener so many seconds from now, unless it is closed by then."""
        at = time.monotonic() + delay_s
        with self._changed:
            if self._closed or len(self._due) >= WAITING:
                return
            heapq.heappush(self._due, (at, next(self._numbers), listener_id, act))
            self._changed.notify()

    def close(self) -> None:
        """Do nothing of what waits, and end the thread."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while (act := self._next()) is not None:
            try:
                act()
            except Exception:  # the thread's edge: one datagram must not cost the next ones
                _log.exception("What was to be done later failed")

    def _next(self) -> Callable[[], None] | None:
        """Wait for what is due, and return it; None at the end."""
        with self._changed:
            while not self._closed:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0.0:
                    _, _, listener_id, act = heapq.heappop(self._due)
                    self.late[listener_id] += wait_s < -LATE_S
                    return act
                self._changed.wait(wait_s)
        return None
