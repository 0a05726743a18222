"""What a failing database means to people: SQLite's result codes as sentences.

Codes: https://www.sqlite.org/rescode.html (the low byte is the primary code).
"""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import EarshotError

_FULL = ("can't grow, since the disk is full", "make room there")
_LOCKED = ("is locked by another program", "close whatever else has it open")
_READ_ONLY = ("can't be written", "give this user write permission on it and its folder")
# What is wrong, and what whoever runs the program can do.
_CAUSES = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: (
        "can't be opened",
        "its folder must exist and be writable, and so must the file if it is there",
    ),
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _READ_ONLY,
    sqlite3.SQLITE_NOTADB: ("is not a SQLite database", "move it away or set DATABASE_URL to another file"),
    sqlite3.SQLITE_FULL: _FULL,
    # The index of the write-ahead log can't be made: so it shows on a disk that was full before.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_IOERR: ("can't be read or written, since the disk reports an error", "look at the disk"),
}


class StorageError(EarshotError):
    """Something could not be stored or read just now; nothing of it was stored in part."""


def explain(error: SQLAlchemyError | sqlite3.Error, name: str) -> str:
    """Return one sentence on what is wrong with the database `name`, and what its operator can do."""
    code = _code(error)
    if code == sqlite3.SQLITE_CORRUPT:
        return damaged(name)
    if code not in _CAUSES:
        return f"The database {name} {_what(error)}."
    what, remedy = _CAUSES[code]
    return f"The database {name} {what}: {remedy}."


def damaged(name: str) -> str:
    """Return the sentence on a database that is not whole."""
    # A write-ahead log that belongs to one file would spoil the other that is put in its place.
    return (
        f"The database {name} is damaged: move it away together with {name}-wal and {name}-shm, and put a "
        "backup that `python -m bot backup` made in its place."
    )


def refusal(error: SQLAlchemyError, name: str, *, writing: bool) -> str:
    """Return one sentence for who wanted something stored or read while the bot runs.

    The operator's folders are not for everyone, so only the file is named.
    """
    what = "is damaged" if _code(error) == sqlite3.SQLITE_CORRUPT else _what(error)
    refused = "can't be stored" if writing else "can't be read"
    return (
        f"That {refused} just now: the database {Path(name).name} {what}. Try again, and tell my operator if "
        "it stays so."
    )


def _what(error: SQLAlchemyError | sqlite3.Error) -> str:
    code = _code(error)
    if code in _CAUSES:
        return _CAUSES[code][0]
    return f"can't be used ({_cause(error)})"


def _code(error: SQLAlchemyError | sqlite3.Error) -> int | None:
    code = getattr(_cause(error), "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    return code if code in _CAUSES else code & 0xFF


def _cause(error: SQLAlchemyError | sqlite3.Error) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error
