"""`python -m bot backup FILE`, with a bot beside it that writes; and all that can come in its way."""

import asyncio
import io
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from bot_process import Bot, ended
from crash_writer import look
from every_write import GUILD, content, seed
from rich.console import Console

from bot.storage.backup import BackupError, back_up
from bot.storage.backup_command import progress_bar
from bot.storage.database import Database
from bot.storage.notes import NoteStore
from bot.storage.transcripts import TranscriptStore, Utterance

WRITER = Path(__file__).with_name("crash_writer.py")


@pytest.fixture
def bare(tmp_path: Path) -> Bot:
    """Give the program without a token or a key."""
    return Bot(tmp_path, {})


@pytest.fixture
async def database(bare: Bot) -> AsyncIterator[Database]:
    """Give the database of a bot that runs."""
    opened = await Database.open(f"sqlite+aiosqlite:///{bare.database}")
    await seed(opened)
    yield opened
    await opened.close()


@contextmanager
def writing(path: Path, batches: int) -> Iterator["subprocess.Popen[str]"]:
    """Have another process write to a database without a pause, once it has so many batches."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    writer = subprocess.Popen(
        [sys.executable, str(WRITER), str(path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    with writer:
        try:
            while writer.stdout.readline() != f"call {batches}\n":
                assert writer.poll() is None
            yield writer
        finally:
            writer.kill()


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def test_while_another_process_writes(bare: Bot) -> None:
    with writing(bare.database, 120) as writer:
        before = look(bare.database)
        result = await bare.run("backup", "copy.db")
        after = look(bare.database)
        assert writer.poll() is None
        assert writer.stdout
    assert (result.code, result.err) == (0, "")
    copy = bare.folder / "copy.db"
    size = copy.stat().st_size
    assert result.out == (
        f"Backed up earshot.db to copy.db: {size / 1e6:.1f} MB, checked.\n"
        "To restore it: stop the bot, move earshot.db away together with earshot.db-wal and earshot.db-shm "
        "where they are, copy copy.db to earshot.db, and start the bot again.\n"
    )
    assert size > 120 * 60_000, "of many steps"
    copied = look(copy)
    for kind in ("lines", "answer", "consent", "note", "schema"):
        assert before[kind] <= copied[kind] < after[kind], "one moment's state, between the two"
        assert copied[kind] == set(range(1, max(copied[kind]) + 1))
    newest = {kind: max(numbers) for kind, numbers in copied.items()}
    order = ["lines", "answer", "settings", "consent", "note", "schema", "call"]
    # They are written one after the other: of none is there more than of one before it, or two less.
    assert sorted(newest.values(), reverse=True) == [newest[kind] for kind in order]
    assert max(newest.values()) - min(newest.values()) <= 1


async def test_no_write_makes_it_begin_anew(bare: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.storage.backup.PAGES", 300)
    done: list[int] = []

    def copied(pages: int, _of: int) -> None:
        assert pages > max(done, default=0), "each step goes on where the last one ended"
        done.append(pages)
        before = newest()
        while newest() == before:  # until the other process has written
            time.sleep(0.001)

    def newest() -> object:
        with closing(sqlite3.connect(bare.database)) as plain:
            return plain.execute("SELECT max(at) FROM notes").fetchone()

    with writing(bare.database, 60):
        await back_up(bare.database, bare.folder / "copy.db", copied)
    assert len(done) > 3


async def test_what_is_restored_is_what_there_was(bare: Bot, database: Database) -> None:
    await NoteStore(database).add(GUILD, 1, "Ada", "Before.", 1.0)
    assert (await bare.run("backup", "copy.db")).code == 0
    there = content(bare.database)
    await NoteStore(database).add(GUILD, 1, "Ada", "After.", 2.0)
    await database.close()
    copy, restored = bare.folder / "copy.db", bare.folder / "restored.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600, "people's words, for their keeper alone"
    assert names(bare.folder) == {"earshot.db", "copy.db"}, "one file"
    assert content(copy) == there
    shutil.copy(copy, restored)
    opened = await Database.open(f"sqlite+aiosqlite:///{restored}")
    assert [note.text for note in await NoteStore(opened).find(GUILD, "before after")] == ["Before."]
    await NoteStore(opened).add(GUILD, 1, "Ada", "Later.", 3.0)
    await opened.close()


async def test_a_file_that_is_there_stays_as_it_is(bare: Bot, database: Database) -> None:
    (bare.folder / "copy.db").write_text("mine")
    result = await bare.run("backup", "copy.db")
    assert result.refused() == "copy.db is there already, and is left as it is: name another file."
    (bare.folder / "other.db.part").write_text("half")
    sentence = (await bare.run("backup", "other.db")).refused()
    assert sentence.startswith("other.db.part is there already: another backup is being made, or")
    assert (await bare.run("backup", "earshot.db")).refused().startswith("earshot.db is there already")
    assert (bare.folder / "copy.db").read_text() == "mine"
    assert (bare.folder / "other.db.part").read_text() == "half"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql+asyncpg://host/bot", "DATABASE_URL"),
        ("sqlite+aiosqlite:///nowhere.db", "There is no database nowhere.db to back up: set DATABASE_URL to"),
        ("sqlite+aiosqlite:///diary.db", "The database diary.db is not a SQLite database: move it away or"),
        ("sqlite+aiosqlite:///songs.db", "The database songs.db belongs to another program, and is left as"),
    ],
)
async def test_what_can_not_be_backed_up(bare: Bot, url: str, sentence: str) -> None:
    (bare.folder / "diary.db").write_bytes(b"Dear diary, " * 1000)
    with closing(sqlite3.connect(bare.folder / "songs.db")) as plain:
        plain.execute("CREATE TABLE songs (x)")
    there = names(bare.folder)
    bare.environment["DATABASE_URL"] = url
    assert (await bare.run("backup", "copy.db")).refused().startswith(sentence)
    assert names(bare.folder) == there, "nothing is made, nothing is left"


async def test_a_folder_that_is_not_there(bare: Bot, database: Database) -> None:
    sentence = (await bare.run("backup", "nowhere/copy.db")).refused()
    assert sentence == (
        "nowhere/copy.db can't be made: there is no folder nowhere; make it, or name another."
    )


async def test_a_folder_that_is_a_file(bare: Bot, database: Database) -> None:
    (bare.folder / "notes").write_text("mine")
    sentence = (await bare.run("backup", "notes/copy.db")).refused()
    assert sentence == (
        "notes/copy.db can't be made (Not a directory): name a file in a folder where you may write."
    )


async def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "earshot.db"
    opened = await Database.open(f"sqlite+aiosqlite:///{path}")
    said = [Utterance(float(n), 1, "Ada", "what was said " * 20) for n in range(2000)]
    await TranscriptStore(opened).add(1, "call", said)
    await opened.close()
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(bytes(4096))
    with pytest.raises(BackupError) as caught:
        await back_up(path, tmp_path / "copy.db", lambda *_: None)
    assert str(caught.value).startswith(f"The database {path} is damaged: move it away together with ")
    assert names(tmp_path) == {"earshot.db"}


async def test_a_backup_that_is_cancelled_leaves_nothing(bare: Bot) -> None:
    with writing(bare.database, 60):
        pass
    loop, target = asyncio.get_running_loop(), bare.folder / "copy.db"
    steps: list[tuple[int, int]] = []

    def copied(done: int, of: int) -> None:
        steps.append((done, of))
        if len(steps) == 2:
            loop.call_soon_threadsafe(backing.cancel)
            time.sleep(0.2)

    there = names(bare.folder)
    backing = asyncio.create_task(back_up(bare.database, target, copied))
    with pytest.raises(asyncio.CancelledError):
        await backing
    assert names(bare.folder) <= there
    assert len(steps) == 2, "it went no further"
    assert await back_up(bare.database, target, lambda *_: None) == target.stat().st_size
    assert 0 < steps[0][0] < steps[1][0] < steps[1][1], "it went on step by step"


async def test_a_signal_ends_it_with_a_code_that_says_so(bare: Bot) -> None:
    """A script must not take a backup for made that was cut short."""
    with closing(sqlite3.connect(bare.database, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")  # without a write-ahead log it keeps readers out, too
        process = await bare.start("backup", "copy.db")
        async with asyncio.timeout(30):
            while not (bare.folder / "copy.db.part").exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        result = await ended(process, 10)
    assert (result.code, result.out) == (2, "")
    assert result.err == "The backup was interrupted; nothing of it was kept.\n"
    assert names(bare.folder) == {"earshot.db"}


async def test_a_bar_shows_on_a_terminal_when_it_takes_long() -> None:
    def drawn(*, terminal: bool) -> tuple[Console, io.StringIO]:
        out = io.StringIO()
        return Console(file=out, force_terminal=terminal, width=80, legacy_windows=False), out

    console, out = drawn(terminal=True)
    with progress_bar(console, after_s=0.0) as copied:
        copied(250, 1000)
        await asyncio.sleep(0.3)
        assert "Copying" in out.getvalue()
        assert "1.0 MB of 4.1 MB" in out.getvalue()
        copied(1000, 1000)
        await asyncio.sleep(0.3)
    assert "Checking" in out.getvalue()
    for after_s, terminal in ((10.0, True), (0.0, False)):
        console, out = drawn(terminal=terminal)
        with progress_bar(console, after_s=after_s) as copied:
            copied(250, 1000)
            await asyncio.sleep(0.2)
        assert out.getvalue() == ""
