"""Backups: the database as it was in one moment, copied while the bot runs and writes."""

import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from bot.errors import EarshotError
from bot.storage.check import check_owner
from bot.storage.connector import BUSY_S, Connector
from bot.storage.errors import damaged, explain

PAGES = 256  # a step copies 1 MiB, then can be stopped
# What SQLite may leave beside a file that it was cut short with.
_BESIDE = ("-journal", "-wal", "-shm")


class BackupError(EarshotError):
    """There is no backup; the message says why and what to do."""


class _StoppedError(Exception):
    """Ends a copy between two steps, which nothing else can."""


async def back_up(source: Path, target: Path, copied: Callable[[int, int], None]) -> int:
    """Copy the database `source` to a new file, and return its size in bytes.

    Another process may write meanwhile. `copied(pages, of_pages)` is called in a thread as it goes on. The
    file has its name once it is whole, checked and on the disk; until then it is `<target>.part`.

    Raises BackupError or SetupError, one sentence; then, or when cancelled, nothing is left.
    """
    part = Path(f"{target}.part")
    _begin(source, target, part)
    try:
        async with _opened(part) as copy:
            await _copy(source, copy, copied)
            await _check(copy, source)
        return _finish(part, target)
    except BaseException as error:
        for each in (part, *(Path(f"{part}{end}") for end in _BESIDE)):
            each.unlink(missing_ok=True)
        if isinstance(error, sqlite3.Error):
            raise BackupError(explain(error, str(target))) from error
        raise


def _begin(source: Path, target: Path, part: Path) -> None:
    """Claim the name of the copy."""
    if not source.is_file():
        raise BackupError(f"There is no database {source} to back up: set DATABASE_URL to the bot's.")
    if not os.access(source, os.R_OK, effective_ids=True):
        raise BackupError(f"The database {source} can't be read: run this as the user that runs the bot.")
    _check_free(target)
    try:
        # For nobody else: it holds what people said.
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise BackupError(
            f"{part} is there already: another backup is being made, or one was cut short and can be removed."
        ) from None
    except OSError as error:
        raise BackupError(_refused(target, error)) from None


def _refused(target: Path, error: OSError) -> str:
    """Say why a file can't be made by the name that the person gave, and what to do."""
    if error.errno == errno.ENOENT:
        return f"{target} can't be made: there is no folder {target.parent}; make it, or name another."
    return f"{target} can't be made ({error.strerror}): name a file in a folder where you may write."


def _check_free(target: Path) -> None:
    if os.path.lexists(target):
        raise BackupError(f"{target} is there already, and is left as it is: name another file.")


async def _copy(source: Path, copy: aiosqlite.Connection, copied: Callable[[int, int], None]) -> None:
    """Copy one moment's state; raise sqlite3.Error where it is the copy that can't be written."""
    stopped = False

    def step(_status: int, remaining: int, pages: int) -> None:
        if stopped:
            raise _StoppedError
        copied(pages - remaining, pages)

    # Closing it waits for its thread, which uses the copy too: so it is the first to be closed.
    async with _opened(source) as live:
        try:
            # Each foreign write would begin the copy anew if there were no transaction around it.
            await live.execute_fetchall("BEGIN")
            await check_owner(live, str(source))
        except sqlite3.Error as error:
            raise BackupError(explain(error, str(source))) from error
        try:
            await live.backup(copy, pages=PAGES, progress=step)
        finally:
            stopped = True


async def _check(copy: aiosqlite.Connection, source: Path) -> None:
    """Hold that a copy is whole, since a damaged database makes a damaged one; leave one file of it."""
    try:
        whole = list(await copy.execute_fetchall("PRAGMA integrity_check(1)")) == [("ok",)]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        whole = False
    finally:
        await copy.interrupt()  # a thread that goes on with what nobody waits for
    if not whole:
        raise BackupError(damaged(str(source)))
    # Not copied is what the database is journalled by; the bot turns the write-ahead log on again.
    await copy.execute_fetchall("PRAGMA journal_mode = DELETE")


def _finish(part: Path, target: Path) -> int:
    """Give a copy its name, on the disk too; return its size in bytes."""
    _check_free(target)
    size = part.stat().st_size
    try:
        part.rename(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BackupError(f"{target} can't be written ({error.strerror}): name another file.") from None
    return size


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    connector = Connector(str(path), busy_s=BUSY_S)
    connection = await connector()
    try:
        yield connection
    finally:
        await connection.close()
        await connector.ended()
