"""The database: one engine, transactions that mean it, and every connection closed on every way out."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self

from sqlalchemy import Connection, Table, event, insert, update
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.errors import SetupError
from bot.storage.check import MARK, check
from bot.storage.connector import BUSY_S, Connector
from bot.storage.errors import StorageError, explain, refusal
from bot.storage.migrate import upgrade

logger = logging.getLogger(__name__)

# How long wiping waits for those who read: nobody writes meanwhile, and the next wiping does what is left.
WIPE_MS = 200
_WRITES = "earshot_writes"  # execution option: the transaction takes the write lock when it begins


class Database:
    """An open database at the newest revision; made by `open`, ended by `close`."""

    def __init__(self, url: str, *, busy_s: float = BUSY_S) -> None:
        self._name = make_url(url).database or ""
        self._busy_s = busy_s
        self.migrated = 0
        """How many steps of migration opening it took."""
        # SQLite's own wait for a writer is unfair, and ends: this process's writers take turns here, so that
        # only another program can make it end.
        self._writer = asyncio.Lock()
        self._connector = Connector(self._name, busy_s=busy_s)
        # An error would quote what was to be stored, and land in the log: words that people said.
        self._engine = create_async_engine(url, async_creator=self._connector, hide_parameters=True)
        event.listen(self._engine.sync_engine, "connect", _connected)
        event.listen(self._engine.sync_engine, "begin", _begin)

    @classmethod
    async def open(cls, url: str, *, busy_s: float = BUSY_S) -> Self:
        """Open the database: look at what is there, then migrate it, in one transaction that writes.

        Raises SetupError when it is damaged, another program's, locked, newer than this program, not a
        database, or not writable.
        """
        database = cls(url, busy_s=busy_s)
        try:
            await database._check()
            async with database._transaction(writes=True) as connection:
                database.migrated = await connection.run_sync(upgrade, database._name)
                # At the newest revision nothing was written so far, and only writing proves that it can be.
                await connection.exec_driver_sql(f"PRAGMA application_id = {MARK}")
        except (DBAPIError, sqlite3.Error) as error:
            await database.close()
            raise SetupError(explain(error, database._name)) from error
        except BaseException:  # a cancellation too: an open connection keeps the process alive
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close every connection, and with each its thread."""
        await self._engine.dispose()
        await self._connector.ended()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection that sees one consistent state; raise StorageError when reading fails."""
        try:
            async with self._transaction(writes=False) as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise StorageError(refusal(error, self._name, writing=False)) from error

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are kept all or, when StorageError is raised, not at all."""
        async with self._writer, self._writing() as connection:
            yield connection

    @asynccontextmanager
    async def deleting(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection as `writing` does, for what people delete: no file holds it afterwards."""
        async with self._writer:
            async with self._writing() as connection:
                yield connection
            await self._wipe()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._transaction(writes=True) as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise StorageError(refusal(error, self._name, writing=True)) from error

    async def _check(self) -> None:
        """Look at the file through a connection that changes nothing, not even how it is journalled."""
        connection = await self._connector()
        try:
            await check(connection, self._name)
        finally:
            await connection.close()

    async def _wipe(self) -> None:
        """Empty the write-ahead log, where deleted words stand as they were once written.

        Where that fails the words are deleted nonetheless; it is done again with the next deletion, by SQLite
        when the log has grown, and on closing.
        """
        try:
            async with self._engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                await driver.execute_fetchall(f"PRAGMA busy_timeout = {WIPE_MS}")
                try:
                    await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await driver.execute_fetchall(f"PRAGMA busy_timeout = {round(self._busy_s * 1000)}")
        except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
            logger.warning("What was deleted could not be wiped from the disk yet: %s", error)

    @asynccontextmanager
    async def _transaction(self, *, writes: bool) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            await connection.execution_options(**{_WRITES: writes})
            async with connection.begin():
                yield connection


async def upsert(
    connection: AsyncConnection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Set `values` in the row with `key`, or insert it; the same SQL in every database.

    Atomic within a writing transaction, which nobody else can be in at the same time.
    """
    where = [table.c[name] == value for name, value in key.items()]
    changed = await connection.execute(update(table).where(*where).values(**values))
    if changed.rowcount == 0:
        await connection.execute(insert(table).values(**key, **values))


def _connected(connection: DBAPIConnection, _record: object) -> None:
    """Set up a new SQLite connection."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")  # readers and a writer don't wait for each other
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # people delete what they said, not just the way to it
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin as what the transaction is: a reader that turns writer can fail in the middle, even in WAL.

    Left alone, the sqlite3 module would begin only before an INSERT and the like, and never before DDL.
    """
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
