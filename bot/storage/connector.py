"""Opens SQLite connections, and waits for the end of the thread that each of them has.

aiosqlite stops a thread without waiting for it when connecting fails or is cancelled. Such a thread, if it
outlives the event loop, ends with a traceback on standard error, where only one sentence belongs.
"""

import asyncio
import threading

import aiosqlite

BUSY_S = 2.0  # how long another writer is waited for: less than half of the 5 s in which the process must end
LOOK_AGAIN_S = 0.005


async def _opened(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    return await connection


class Connector:
    """Makes connections to one database file for SQLAlchemy's pool."""

    def __init__(self, path: str, *, busy_s: float) -> None:
        self._path = path
        self._busy_s = busy_s
        self._threads: list[threading.Thread] = []

    async def __call__(self) -> aiosqlite.Connection:
        """Open a connection. Raises sqlite3.Error."""
        connection = aiosqlite.connect(self._path, timeout=self._busy_s)
        # A lock on a disk that has gone away must not keep the process: the deadline ends it then.
        connection._thread.daemon = True
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(connection._thread)
        opening = asyncio.create_task(_opened(connection), name="storage-open")
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            # Opening waits for no lock, so it is soon over; aiosqlite would never close what came of it.
            await asyncio.wait({opening})
            if not opening.cancelled() and opening.exception() is None:
                await connection.close()
            raise

    async def ended(self) -> None:
        """Wait until every thread has ended; call it when all connections are closed or given up."""
        while any(thread.is_alive() for thread in self._threads):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(LOOK_AGAIN_S)
