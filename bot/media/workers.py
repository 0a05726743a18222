"""Threads for work that would hold the event loop: so many at once, and told to stop when nobody waits."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """Runs each piece of work in a thread of its own.

    The threads are daemons: one that hangs in a system call can't keep the process from ending, as one of an
    executor could. Starting one costs about 0.1 ms, nothing beside the work.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._free = asyncio.Semaphore(count)

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """Return what `work` returns, or raise what it raises.

        `work` gets an event that is set when the caller was cancelled; it ought to return soon after. The
        thread is gone when this ends, so that what it works on can be removed.
        """
        async with self._free:
            stop = threading.Event()
            done = asyncio.get_running_loop().create_future()
            threading.Thread(target=_work, args=(work, stop, done), name=self._name, daemon=True).start()
            try:
                return await asyncio.shield(done)
            except asyncio.CancelledError:
                stop.set()
                await asyncio.wait({done})
                if not done.cancelled():
                    done.exception()  # what a stopped thread raises is of no interest
                raise


def _work(work: Callable[[threading.Event], T], stop: threading.Event, done: asyncio.Future[T]) -> None:
    """Run in the thread, and tell the loop how it went."""
    loop = done.get_loop()
    try:
        result = work(stop)
    except BaseException as error:  # the thread's edge: whoever waits gets it
        problem = error
        _tell(loop, lambda: done.set_exception(problem))
    else:
        _tell(loop, lambda: done.set_result(result))


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more
