"""A disk that is full, or read-only, in a process of its own: `full_disk.py SCENE FOLDER`."""

import asyncio
import errno
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from every_write import GUILD, WRITES, content, seed

from bot.errors import SetupError
from bot.storage.backup import BackupError, back_up
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.storage.transcripts import TranscriptStore


def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


def fill(folder: Path) -> Path:
    """Write until nothing fits any more."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
    return ballast


def empty_log(path: Path) -> None:
    """Take away the room that the write-ahead log has already."""
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


async def refused(database: Database, name: str, sentence: str) -> None:
    try:
        await WRITES[name](database)
    except StorageError as error:
        assert sentence in str(error), error
    else:
        raise AssertionError(f"{name} was done")


async def full(path: Path) -> None:
    """Each write on a full disk is refused whole, and done when there is room."""
    for name, write in WRITES.items():
        database = await Database.open(url(path))
        await seed(database)
        empty_log(path)
        before = content(path)
        ballast = fill(path.parent)
        await refused(database, name, "the database earshot.db can't grow, since the disk is full.")
        assert content(path) == before, name
        await TranscriptStore(database).of_call(GUILD, "old")  # what is there can be read
        ballast.unlink()
        await write(database)
        assert content(path) != before, name
        await database.close()
        for file in path.parent.iterdir():
            file.unlink()
    database = await Database.open(url(path))
    ballast = fill(path.parent)
    target = path.parent / "backup.db"
    try:
        await back_up(path, target, lambda *_: None)
    except BackupError as error:
        assert f"{target} can't grow, since the disk is full: make room there." in str(error), error
    else:
        raise AssertionError("it was backed up onto a full disk")
    assert list(path.parent.glob("backup*")) == []
    ballast.unlink()
    await database.close()
    fill(path.parent)
    try:
        await Database.open(url(path))
    except SetupError as error:
        assert str(error) == f"The database {path} can't grow, since the disk is full: make room there.", (
            error
        )
    else:
        raise AssertionError("it started on a full disk")


async def limited(path: Path) -> None:
    """Each write into files at their limit of size, which is an error of the disk that is no full disk."""
    for name in ("TranscriptStore.add", "AnswerStore.keep", "GuildStore.change"):
        database = await Database.open(url(path))
        await seed(database)
        empty_log(path)
        before = content(path)
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most))  # the log takes four pages
        await refused(database, name, "the database earshot.db can't be read or written, since the disk")
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert content(path) == before, name
        await WRITES[name](database)
        assert content(path) != before, name
        await database.close()
        for file in path.parent.iterdir():
            file.unlink()


async def read_only(path: Path) -> None:
    """A file system that is mounted for reading alone, with and without what a killed bot leaves."""
    database = await Database.open(url(path))
    await seed(database)
    left = path.with_name("left.db")
    for end in ("", "-wal", "-shm"):
        shutil.copy(f"{path}{end}", f"{left}{end}")
    await database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(path.parent)], check=True)  # noqa: ASYNC221
    for each in (path, left):
        try:
            await Database.open(url(each))
        except SetupError as error:
            assert str(error).startswith(f"The database {each} can't be"), error
            assert "permission" in str(error) or "writable" in str(error), error
        else:
            raise AssertionError("it started without a chance to write")


SCENES = {"full": full, "limited": limited, "read-only": read_only}

asyncio.run(SCENES[sys.argv[1]](Path(sys.argv[2]) / "earshot.db"))
print("as it must be")
