"""What a database file must be before it is used: this program's own, and whole."""

import asyncio
import logging

import aiosqlite

from bot.errors import SetupError
from bot.storage.errors import damaged

logger = logging.getLogger(__name__)

# In the file's header, so that it is known as ours: "Ears" (https://www.sqlite.org/pragma.html).
MARK = 0x45617273
# A gigabyte takes about a second where the system has it in memory, and else as long as reading it from the
# disk. A start waits no longer than this: people wait for a call that goes on after a crash.
WITHIN_S = 4.0

_OURS = {"alembic_version", "consents"}  # in every revision
_TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'"


async def check(connection: aiosqlite.Connection, name: str, *, within_s: float = WITHIN_S) -> None:
    """Look at the database `name` without changing it; raise SetupError where it is foreign or damaged.

    What can't be looked through in time is used as it is, with a warning. The connection's own thread does
    the work; raises sqlite3.Error.
    """
    try:
        await check_owner(connection, name)
        async with asyncio.timeout(within_s):
            # All pages are read, and one mistake is enough; integrity_check would also hold each index
            # against its table, which takes ten times as long.
            rows = await connection.execute_fetchall("PRAGMA quick_check(1)")
    except TimeoutError:
        logger.warning(
            "The database %s is too large to be looked through in %g s, so part of it was not checked; "
            "`python -m bot backup` checks all of it",
            name,
            within_s,
        )
    else:
        if list(rows) != [("ok",)]:
            raise SetupError(damaged(name))
    finally:
        await connection.interrupt()  # the thread goes on with what nobody waits for


async def check_owner(connection: aiosqlite.Connection, name: str) -> None:
    """Raise SetupError where another program made the database; one without tables may become ours."""
    ((mark,),) = await connection.execute_fetchall("PRAGMA application_id")
    tables = {table for (table,) in await connection.execute_fetchall(_TABLES)}
    if mark not in (0, MARK) or (tables and not tables >= _OURS):
        raise SetupError(
            f"The database {name} belongs to another program, and is left as it is: name another file in "
            "DATABASE_URL."
        )
