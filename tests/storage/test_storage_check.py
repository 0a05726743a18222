"""What is looked at when a database is opened: whose it is, whether it is whole, and can be written."""

import asyncio
import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from bot_process import Bot
from every_write import seed

from bot.errors import SetupError
from bot.storage.backup import BackupError, back_up
from bot.storage.check import check
from bot.storage.connector import Connector
from bot.storage.database import Database
from bot.storage.transcripts import TranscriptStore, Utterance

PAGE = 4096
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


def make(path: Path, utterances: int = 0, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Make a database with something in it, and close it."""

    async def making() -> None:
        database = await Database.open(f"sqlite+aiosqlite:///{path}")
        await seed(database)
        said = [Utterance(float(n), 1, "Ada", "what was said " * 20) for n in range(utterances)]
        await TranscriptStore(database).add(1, "call", said)
        meanwhile()
        await database.close()

    asyncio.run(making())


def opens(path: Path) -> None:
    """Open a database, and close it."""

    async def opening() -> None:
        await (await Database.open(f"sqlite+aiosqlite:///{path}", busy_s=0.05)).close()

    asyncio.run(opening())


def refusal(path: Path) -> str:
    with pytest.raises(SetupError) as caught:
        opens(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("where", ["a table", "an index's page", "the first page's tables"])
def test_a_damaged_database(path: Path, where: str) -> None:
    make(path, utterances=2000)
    with path.open("r+b") as file:
        if where == "the first page's tables":
            file.seek(PAGE - 200)
            file.write(bytes(range(200)))
        else:
            with closing(sqlite3.connect(path)) as plain:
                name = "utterances" if where == "a table" else "ix_utterances_guild_id_at"
                pages = [
                    root
                    for (root,) in plain.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,))
                ]
            file.seek((pages[0] - 1) * PAGE)
            file.write(b"\x07" * 100)
    damaged = path.read_bytes()
    assert refusal(path) == (
        f"The database {path} is damaged: move it away together with {path}-wal and {path}-shm, and put a "
        "backup that `python -m bot backup` made in its place."
    )
    assert path.read_bytes() == damaged


def test_a_page_deep_in_a_large_table(path: Path) -> None:
    make(path, utterances=2000)
    whole = path.read_bytes()
    for page in range(len(whole) // PAGE // 2, len(whole) // PAGE // 2 + 5):
        path.write_bytes(whole[: page * PAGE] + bytes(PAGE) + whole[(page + 1) * PAGE :])
        assert "is damaged" in refusal(path)
    path.write_bytes(whole)
    opens(path)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE songs (x)", "INSERT INTO songs VALUES (1)"],
        ["CREATE TABLE alembic_version (version_num)", "CREATE TABLE songs (x)"],
        ["CREATE VIEW one AS SELECT 1"],
        ["PRAGMA application_id = 252006674"],
    ],
)
def test_a_database_of_another_program_stays_as_it_is(path: Path, statements: list[str]) -> None:
    with closing(sqlite3.connect(path)) as plain:
        for statement in statements:
            plain.execute(statement)
        plain.commit()
    before = path.read_bytes()
    assert refusal(path) == (
        f"The database {path} belongs to another program, and is left as it is: name another file in "
        "DATABASE_URL."
    )
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_our_own_from_before_it_was_marked(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA application_id = 0")
    opens(path)
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA application_id").fetchone()[0].to_bytes(4, "big") == b"Ears"


def test_an_empty_file_becomes_ours(path: Path) -> None:
    path.touch()
    make(path)


async def test_the_program_says_one_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "earshot.db")) as plain:
        plain.execute("CREATE TABLE songs (x)")
    sentence = (await Bot(tmp_path, {}).run("migrate")).refused()
    assert sentence.startswith("The database earshot.db belongs to another program")


@contextmanager
def without_root() -> Iterator[None]:
    """Be a user whom permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user may reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="earshot-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
@pytest.mark.parametrize(
    ("file_mode", "folder_mode"),
    [(0o444, 0o777), (0o666, 0o555), (0o444, 0o555)],
    ids=["file", "folder", "both"],
)
def test_what_may_not_be_written(open_folder: Path, file_mode: int, folder_mode: int, killed: bool) -> None:
    path = open_folder / "earshot.db"

    def kill() -> None:  # as SIGKILL leaves it, with its log beside it
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{path}{end}", f"{open_folder / 'killed.db'}{end}")

    make(path, meanwhile=kill)
    path = open_folder / "killed.db" if killed else path
    for file in open_folder.iterdir():
        file.chmod(file_mode)
    open_folder.chmod(folder_mode)
    before = path.read_bytes()
    with without_root():
        if killed and file_mode == 0o666:  # SQLite needs no other file then
            opens(path)
            return
        sentence = refusal(path)
    assert sentence.startswith(f"The database {path} can't be "), sentence
    assert sentence.endswith(
        ("write permission on it and its folder.", "and so must the file if it is there.")
    )
    assert path.read_bytes() == before


async def test_a_backup_of_what_may_not_be_read_says_whose_fault_it_is(open_folder: Path) -> None:
    path = open_folder / "earshot.db"
    await (await Database.open(f"sqlite+aiosqlite:///{path}")).close()
    path.chmod(0o000)
    with without_root(), pytest.raises(BackupError) as refused:
        await back_up(path, open_folder / "copy.db", lambda _copied, _of: None)
    assert str(refused.value) == (
        f"The database {path} can't be read: run this as the user that runs the bot."
    )
    assert not (open_folder / "copy.db.part").exists()


async def test_a_large_database_is_looked_through_as_long_as_there_is_time(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{path}")
    said = [Utterance(float(n), 1, "Ada", "Hello") for n in range(20_000)]
    await TranscriptStore(database).add(1, "call", said)
    await database.close()
    connection = await Connector(str(path), busy_s=1.0)()
    steps: list[None] = []

    def slow() -> None:
        steps.append(None)
        time.sleep(0.01)

    try:
        await connection.set_progress_handler(slow, 500)
        with caplog.at_level(logging.WARNING):
            await check(connection, "earshot.db", within_s=0.1)
        assert "too large to be looked through in 0.1 s" in caplog.text
        assert "`python -m bot backup` checks all of it" in caplog.text
        ((rows,),) = await connection.execute_fetchall("SELECT max(id) FROM utterances")
        assert rows >= 20_000
        looked = len(steps)
        caplog.clear()
        await check(connection, "earshot.db", within_s=60.0)
        assert caplog.text == ""
        assert len(steps) - looked > 3 * looked, "its thread looked no further"
    finally:
        await connection.close()
