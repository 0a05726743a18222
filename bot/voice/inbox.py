"""The bridge from the socket's thread to the event loop: datagrams with the time of their arrival.

The time is taken on the socket's thread, so that a busy loop doesn't look like a jittery network.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

logger = logging.getLogger(__name__)

# 10 s of 8 speakers. A loop that was blocked for longer had better forget the oldest speech.
CAPACITY = 4096
LOG_EVERY = 500  # of one call's mistakes at 50 a second: one line in 10 s
# Datagrams, about 1.5 ms of decoding, before the loop may do something else; twice that when a hole is due.
BATCH = 32


class Inbox:
    """Hands datagrams over: `deliver(datagram, at)` runs on the loop, `after()` after each batch of them.

    `failed()` follows where `deliver` raises.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        deliver: Callable[[bytes, float], None],
        after: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self.overflowed = 0
        """Datagrams forgotten because the loop was blocked."""
        self.errors = 0
        """Datagrams whose handling failed, by a mistake of ours."""
        self._loop = loop
        self._deliver = deliver
        self._after = after
        self._failed = failed
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._scheduled = False  # set where a datagram comes, cleared on the loop before it looks
        self._closed = False

    def put(self, data: bytes) -> None:
        """Take a datagram, on any thread; an empty one is what a socket gives while it is shut."""
        if not data or self._closed:
            return
        self._waiting.append((data, time.monotonic()))
        if len(self._waiting) > CAPACITY:
            self._waiting.popleft()
            self.overflowed += 1
        if not self._scheduled:
            self._scheduled = True
            try:
                self._loop.call_soon_threadsafe(self._drain)
            except RuntimeError:  # the loop was closed: the program is ending
                self._closed = True

    def deliver_now(self) -> None:
        """Deliver what waits, a batch at most; call it on the loop's thread."""
        if self._waiting and not self._closed:
            self._drain()

    def reached(self, now: float) -> float:
        """Return up to which time all that arrived has been delivered: before `now` where the loop lags."""
        try:
            return min(now, self._waiting[0][1])
        except IndexError:
            return now

    def close(self) -> None:
        """Deliver nothing any more."""
        self._closed = True
        self._waiting.clear()

    def _drain(self) -> None:
        self._scheduled = False
        for _ in range(BATCH):
            try:
                data, at = self._waiting.popleft()
            except IndexError:
                break
            try:
                self._deliver(data, at)
            except Exception:  # this callback's outermost edge: one datagram must not cost the next ones
                self.errors += 1
                if self.errors % LOG_EVERY == 1:
                    logger.exception("Hearing failed (%d times so far)", self.errors)
                self._failed()
        self._after()
        if self._waiting and not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._drain)
