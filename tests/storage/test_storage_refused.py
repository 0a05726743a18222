"""Writes that can't be done just now: refused with a sentence, nothing half written, done when tried anew."""

import ast
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from every_write import DEFAULTS, GUILD, LONG, WRITES, content, seed

from bot import storage
from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.transcript import TranscriptWriter
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.storage.guilds import GuildStore
from bot.storage.transcripts import TranscriptStore, Utterance

FULL = r"can't be stored just now: the database earshot\.db can't grow, since the disk is full\. Try again"
LOCKED = r"can't be stored just now: the database earshot\.db is locked by another program\. Try again"
FULL_DISK = Path(__file__).with_name("full_disk.py")
UNSHARE = shutil.which("unshare")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{path}", busy_s=0.02)
    await seed(opened)
    yield opened
    await opened.close()


async def limit_pages(database: Database, further: int) -> None:
    """Let the database grow by so many pages at most: SQLite's own stand-in for a disk of that size."""
    async with database.reading() as connection:  # one connection serves a test that asks for one at a time
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
        await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + further}")


def test_every_write_is_listed() -> None:
    """Whatever opens a writing transaction is in the list that the other tests go through."""
    found = set()
    for source in Path(storage.__path__[0]).glob("*.py"):
        for outer in ast.parse(source.read_text(encoding="utf-8")).body:
            if isinstance(outer, ast.ClassDef) and outer.name.endswith("Store"):
                found |= {
                    f"{outer.name}.{method.name}"
                    for method in outer.body
                    if isinstance(method, ast.AsyncFunctionDef)
                    and {".writing()", ".deleting()"} & set(map(_ending, ast.walk(method)))
                }
    assert found == set(WRITES)


def _ending(node: ast.AST) -> str:
    return (
        f".{node.func.attr}()" if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
    )


@pytest.mark.parametrize("name", WRITES)
async def test_while_another_program_holds_the_lock(database: Database, path: Path, name: str) -> None:
    before = content(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=LOCKED):
            await WRITES[name](database)
    assert content(path) == before
    await WRITES[name](database)
    assert content(path) != before


async def test_a_lock_of_another_process(database: Database, path: Path) -> None:
    lock = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
    lock += "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()"
    other = subprocess.Popen(  # noqa: ASYNC220 - nothing goes on meanwhile
        [sys.executable, "-c", lock, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout and other.stdin
    with other:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(StorageError, match=LOCKED):
            await WRITES["TranscriptStore.add"](database)
        other.stdin.close()
    await WRITES["TranscriptStore.add"](database)
    assert len(await TranscriptStore(database).of_call(GUILD, "call")) == 10


@pytest.mark.parametrize(
    "name", ["AnswerStore.keep", "GuildStore.change", "SchemaStore.add", "TranscriptStore.add"]
)
async def test_a_database_that_may_not_grow(database: Database, path: Path, name: str) -> None:
    before = content(path)
    await limit_pages(database, 3)  # some of it fits, which must not stay
    with pytest.raises(StorageError, match=FULL):
        await WRITES[name](database)
    assert content(path) == before
    await limit_pages(database, 10_000)
    await WRITES[name](database)
    assert content(path) != before


async def test_lines_of_a_transcript_wait_for_room(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = TranscriptStore(database)

    async def write(lines: Sequence[CaptionLine]) -> None:
        await store.add(GUILD, "call", [Utterance(each.at, 1, each.name, each.text) for each in lines])

    writer = TranscriptWriter(write, lambda: True)
    writer.add(line(n) for n in range(5))
    await limit_pages(database, 1)
    with caplog.at_level(logging.WARNING):
        await writer.flush()
    assert "is tried again: That can't be stored just now: the database earshot.db can't grow" in caplog.text
    assert LONG not in caplog.text
    writer.add([line(5)])
    await writer.flush()
    assert await store.of_call(GUILD, "call") == []
    await limit_pages(database, 10_000)
    await writer.flush()
    await writer.flush()
    assert [each.at for each in await store.of_call(GUILD, "call")] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def line(number: int) -> CaptionLine:
    return CaptionLine(number, float(number), Kind.PERSON, 1, "Ada", f"{number} {LONG}", final=True)


async def test_settings_and_consents_that_are_not_stored_do_not_hold(database: Database) -> None:
    guilds = await GuildStore.load(database, DEFAULTS)
    consents = await ConsentStore.load(database)
    for number in range(300):  # until the table's last page is full
        await consents.give(GUILD, number)
    await limit_pages(database, 0)
    with pytest.raises(StorageError, match=FULL):
        await guilds.change(GUILD, instruction=LONG)
    with pytest.raises(StorageError, match=FULL):
        for number in range(300, 900):
            await consents.give(GUILD, number)
    assert guilds.get(GUILD) == DEFAULTS
    assert consents.consented(GUILD, number - 1)
    assert not consents.consented(GUILD, number), "nobody is heard whose consent was not stored"


async def test_when_too_many_read_at_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database._engine.pool, "_timeout", 0.05)
    async with AsyncExitStack() as stack:
        for _ in range(15):  # SQLAlchemy's five connections, and ten more
            await stack.enter_async_context(database.reading())
        with pytest.raises(
            StorageError, match=r"^That can't be read just now: the database earshot\.db can't"
        ):
            await TranscriptStore(database).guilds()
    assert await TranscriptStore(database).guilds() == {GUILD}


async def test_an_error_does_not_quote_what_people_said(database: Database) -> None:
    said = [Utterance(float(n), 1, None if n else "Ada", LONG) for n in range(3)]  # type: ignore[arg-type]
    with pytest.raises(StorageError) as caught:
        await TranscriptStore(database).add(GUILD, "call", said)
    whole = "".join(traceback.format_exception(caught.value))
    assert "NOT NULL constraint failed" in whole
    assert "said again" not in whole


def child(folder: Path, scene: str, *before: str) -> None:
    """Run a scene in a process of its own, which tells by its exit code whether all was as it must be."""
    root = Path(__file__).parents[2]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}"}
    ran = subprocess.run(
        [*before, sys.executable, str(FULL_DISK), scene, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout) == (0, "as it must be\n"), ran.stderr


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    child(tmp_path, "limited")


@pytest.mark.parametrize("scene", ["full", "read-only"])
def test_a_real_file_system(tmp_path: Path, scene: str) -> None:
    """A file system of 2 MiB of its own, that is filled, or mounted for reading alone."""
    mount = 'mount -t tmpfs -o size=2m none "$0" && exec "$@"'
    if not UNSHARE or subprocess.run([UNSHARE, "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this system gives nobody mounts of their own")
    child(tmp_path, scene, UNSHARE, "-rm", "sh", "-c", mount, str(tmp_path))
