"""What a failing database means to people: SQLite's result codes as sentences.

Codes: https://www.sqlite.org/rescode.html (the low byte is the primary code).
"""

import sqlite3

from sqlalchemy.exc import DBAPIError

from bot.errors import EarshotError

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "is locked by another program: close whatever else has it open",
    sqlite3.SQLITE_LOCKED: "is locked by another program: close whatever else has it open",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: its folder must exist and be writable",
    sqlite3.SQLITE_READONLY: "can't be written: give this user write permission on it and its folder",
    sqlite3.SQLITE_PERM: "can't be written: give this user write permission on it and its folder",
    sqlite3.SQLITE_NOTADB: "is not a SQLite database: move it away or set DATABASE_URL to another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore it from a backup or move it away",
    sqlite3.SQLITE_FULL: "can't grow: the disk is full",
    sqlite3.SQLITE_IOERR: "can't be read or written: the disk reports an error",
}


class StorageError(EarshotError):
    """Something could not be stored or read just now; nothing of it was stored in part."""


def explain(error: DBAPIError, name: str) -> str:
    """Return one sentence on what is wrong with the database `name`, and what to do."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    what = _SENTENCES.get(code & 0xFF) if isinstance(code, int) else None
    what = what or f"can't be used ({error.orig})"
    return f"The database {name} {what}."
