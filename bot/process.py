"""What ends the process: SIGINT and SIGTERM, and a deadline for whatever hangs then.

Python's own handling would raise KeyboardInterrupt anywhere, and kill at SIGTERM. Here a signal sets an event
on the loop; before there is a loop, nothing is open yet and the process ends on the spot.
"""

import asyncio
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

# A process that was asked to end does so within 5 s. Python waits for ever for a thread that, for one, asks a
# dead name server; so the rest is cut off a little before.
GRACE_S = 4.5
SWITCH_S = 0.0005


class Ending:
    """The process's way out; made once, in the main thread."""

    def __init__(self) -> None:
        self.interrupted = 0  # the code with which a signal ends the process
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        # SimpleQueue.put may be called in a signal handler: it is re-entrant.
        # A thread that wants the GIL waits this long for one that computes: at 5 ms, Python's own choice, the
        # send clock is 15 ms late in one tick of a hundred beside a busy loop, and 5 ms so.
        sys.setswitchinterval(SWITCH_S)
        self._codes: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._cut_off, name="process-deadline", daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signalled)

    def attach(self) -> asyncio.Event:
        """Return an event of the running loop that a signal sets."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        return self._stop

    def arm(self, code: int) -> None:
        """Let the process end with `code` in GRACE_S at the latest; the first call counts."""
        self._codes.put(code)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        if self._loop is None or self._stop is None or self._loop.is_closed():
            os._exit(self.interrupted)
        self.arm(self.interrupted)
        self._loop.call_soon_threadsafe(self._stop.set)

    def _cut_off(self) -> None:
        code = self._codes.get()
        time.sleep(GRACE_S)
        logger.error("Not everything ended within %s s; the process ends without it", GRACE_S)
        os._exit(code)


async def until(stop: asyncio.Event, work: Coroutine[Any, Any, T], *, name: str) -> T | None:
    """Run `work` to its end and return its result; when `stop` is set, cancel it and return None.

    Either way it has cleaned up when this returns.
    """
    working = asyncio.create_task(work, name=name)
    stopping = asyncio.create_task(stop.wait(), name=f"{name}-stop")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.wait({working, stopping})
    return None if working.cancelled() else working.result()
