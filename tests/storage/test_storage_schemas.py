"""The schemas of guilds, as they survive a restart."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.storage.schemas import MOST, SchemaStore, TooManyError

GUILD, OTHER_GUILD, PERSON, OTHER_PERSON = 2**62 + 1, 2, 3, 4


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{path}", busy_s=0.05)
    yield opened
    await opened.close()


async def test_each_guild_has_its_own(database: Database) -> None:
    schemas = SchemaStore(database)
    assert await schemas.names(GUILD) == []
    assert not await schemas.add(GUILD, "b", '{"b": 1}', PERSON)
    assert not await schemas.add(GUILD, "a", '{"a": 1}', PERSON)
    assert not await schemas.add(OTHER_GUILD, "a", '{"a": 2}', PERSON)
    again = SchemaStore(database)
    assert await again.names(GUILD) == ["a", "b"]
    assert await again.find(GUILD, "a") == '{"a": 1}'
    assert await again.find(OTHER_GUILD, "b") is None


async def test_one_of_the_same_name_is_replaced(database: Database, path: Path) -> None:
    schemas = SchemaStore(database)
    await schemas.add(GUILD, "a", '{"a": 1}', PERSON)
    assert await schemas.add(GUILD, "a", '{"a": 2}', OTHER_PERSON)
    assert await schemas.find(GUILD, "a") == '{"a": 2}'
    with closing(sqlite3.connect(path)) as plain:
        rows = plain.execute("SELECT guild_id, name, added_by FROM guild_schemas").fetchall()
    assert rows == [(GUILD, "a", OTHER_PERSON)]


async def test_removing(database: Database) -> None:
    schemas = SchemaStore(database)
    await schemas.add(GUILD, "a", "{}", PERSON)
    assert not await schemas.remove(OTHER_GUILD, "a")
    assert await schemas.remove(GUILD, "a")
    assert not await schemas.remove(GUILD, "a")
    assert await schemas.names(GUILD) == []


async def test_there_is_an_end_to_their_number(database: Database) -> None:
    schemas = SchemaStore(database)
    for number in range(MOST):
        await schemas.add(GUILD, f"s{number}", "{}", PERSON)
    with pytest.raises(TooManyError):
        await schemas.add(GUILD, "more", "{}", PERSON)
    assert await schemas.add(GUILD, "s0", '{"new": 1}', PERSON), "what is there can be replaced"
    assert not await schemas.add(OTHER_GUILD, "more", "{}", PERSON)
    assert len(await schemas.names(GUILD)) == MOST


async def test_while_nothing_can_be_stored(database: Database, path: Path) -> None:
    schemas = SchemaStore(database)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError):
            await schemas.add(GUILD, "a", "{}", PERSON)
    assert await schemas.names(GUILD) == []
