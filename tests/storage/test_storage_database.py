"""The database on real files: migrations, transactions, faults, and nothing left behind."""

import asyncio
import functools
import importlib
import pkgutil
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, select

from bot import storage
from bot.errors import SetupError
from bot.storage.database import Database, upsert
from bot.storage.errors import StorageError
from bot.storage.migrate import MIGRATIONS
from bot.storage.tables import METADATA, command_sync

# aiosqlite warns of a connection that nobody closed when it is collected.
pytestmark = pytest.mark.filterwarnings("error::ResourceWarning")

NEWEST = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)]).get_current_head()
SHORT_S = 0.05  # a locked database is waited for, but not long in tests
PATIENT_S = 30.0  # where waiting is what is tested, on a machine that does other things too


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


class Observed(sqlite3.Connection):
    """A connection that knows whether it was closed, not just collected."""

    all: ClassVar[list["Observed"]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.closed = False
        self.all.append(self)

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture(autouse=True)
def no_connection_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold that every connection was closed, and that its thread has ended."""
    Observed.all = []
    monkeypatch.setattr("sqlite3.connect", functools.partial(sqlite3.connect, factory=Observed))
    before = set(threading.enumerate())
    yield
    assert [connection for connection in Observed.all if not connection.closed] == []
    left = [thread for thread in set(threading.enumerate()) - before if "asyncio" not in thread.name]
    for thread in left:
        thread.join(timeout=5)
        assert not thread.is_alive(), f"{thread.name} was left behind"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(url(path), busy_s=SHORT_S)
    yield opened
    await opened.close()


def url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


async def complaint(path: Path) -> str:
    with pytest.raises(SetupError) as caught:
        await Database.open(url(path), busy_s=SHORT_S)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_migrations_make_the_tables_that_the_code_uses(database: Database) -> None:
    def drift(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    for module in pkgutil.iter_modules(storage.__path__, "bot.storage."):
        if module.name != "bot.storage.env":  # runs only within Alembic; the others add their tables
            importlib.import_module(module.name)
    async with database.reading() as connection:
        assert await connection.run_sync(drift) == []


async def test_opening_again_changes_nothing(path: Path) -> None:
    for _ in range(2):
        database = await Database.open(url(path), busy_s=SHORT_S)
        async with database.writing() as connection:
            await upsert(connection, command_sync, {"application_id": 1}, {"digest": "d"})
        await database.close()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT * FROM command_sync").fetchall() == [(1, "d")]
        assert plain.execute("SELECT * FROM alembic_version").fetchall() == [(NEWEST,)]
        assert plain.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


async def test_a_database_at_the_newest_revision_needs_no_alembic(path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from bot.storage.database import Database\n"
        f"async def main(): await (await Database.open({url(path)!r})).close()\n"
        "asyncio.run(main())\n"
        "print('alembic' in sys.modules)\n"
    )
    for needed in ("True", "False"):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), cwd=MIGRATIONS.parent, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert out.decode().strip() == needed


def test_a_step_is_named_by_its_revision() -> None:
    steps = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    names = {Path(step.path).name.partition("_")[0]: step.revision for step in steps.walk_revisions()}
    assert all(name == revision for name, revision in names.items())
    assert max(names) == NEWEST


async def test_each_connection_holds_foreign_keys(database: Database) -> None:
    async with database.reading() as one, database.reading() as two:
        for connection in (one, two):
            assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar_one() == 1


async def test_a_failed_migration_leaves_nothing(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "100% migrations"
    folder.mkdir()
    for step in MIGRATIONS.glob("*.py"):
        (folder / step.name).write_text(step.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "9999_broken.py").write_text(
        f"from alembic import op\nrevision, down_revision = '9999', '{NEWEST}'\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (x)')\n    raise RuntimeError('power cut')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("bot.storage.migrate.MIGRATIONS", folder)
    with pytest.raises(RuntimeError, match="power cut"):
        await Database.open(url(path), busy_s=SHORT_S)
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == []


async def test_a_newer_database_is_left_alone(path: Path) -> None:
    await (await Database.open(url(path), busy_s=SHORT_S)).close()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '0999'")
        plain.commit()
    sentence = await complaint(path)
    assert "newer Earshot (revision 0999)" in sentence


@pytest.mark.parametrize("exists", [False, True])
async def test_a_locked_database(path: Path, *, exists: bool) -> None:
    if exists:
        await (await Database.open(url(path), busy_s=SHORT_S)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in await complaint(path)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 100)
    assert "is not a SQLite database" in asyncio.run(complaint(path))
    assert path.read_bytes() == b"Dear diary, " * 100


async def test_a_folder_that_is_not_there(path: Path) -> None:
    assert "its folder must exist" in await complaint(path / "below" / "earshot.db")


async def test_a_database_of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE TABLE consents (x)")
        plain.commit()
    assert "belongs to another program" in await complaint(path)


async def test_opening_can_be_cancelled(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for delay in (0.0, 0.001, 0.02):
            opening = asyncio.create_task(Database.open(url(path), busy_s=SHORT_S))
            await asyncio.sleep(delay)
            opening.cancel()
            with pytest.raises((asyncio.CancelledError, SetupError)):
                await opening


async def test_a_transaction_that_fails_keeps_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.writing() as connection:
            await connection.execute(insert(command_sync).values(application_id=1, digest="d"))
            raise RuntimeError
    async with database.reading() as connection:
        assert (await connection.execute(select(command_sync))).all() == []


async def test_a_cancelled_transaction_keeps_nothing_and_the_next_goes_on(database: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(command_sync).values(application_id=1, digest="d"))
            inside.set()
            await asyncio.sleep(3600)

    writing = asyncio.create_task(write())
    await inside.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    async with database.writing() as connection:
        assert (await connection.execute(select(command_sync))).all() == []


async def test_a_lock_while_running_is_a_sentence_and_survived(database: Database, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="is locked by another program"):
            async with database.writing():
                pytest.fail("entered without the write lock")
        async with database.reading() as connection:  # WAL: readers don't wait
            assert (await connection.execute(select(command_sync))).all() == []
    async with database.writing() as connection:
        await upsert(connection, command_sync, {"application_id": 1}, {"digest": "d"})


async def test_many_writers_take_turns(path: Path) -> None:
    database = await Database.open(url(path), busy_s=PATIENT_S)

    async def write(number: int) -> None:
        async with database.writing() as connection:
            await upsert(connection, command_sync, {"application_id": number % 3}, {"digest": str(number)})

    await asyncio.gather(*(write(number) for number in range(12)))
    async with database.reading() as connection:
        assert len((await connection.execute(select(command_sync))).all()) == 3
    await database.close()
