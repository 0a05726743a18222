"""Which calls run, as it is known after a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.database import Database
from bot.storage.running import RunningCall, RunningStore

ONE, OTHER, THIRD = 2**62 + 1, 2, 3


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    await opened.close()


async def test_a_call_from_its_beginning_to_its_end(database: Database) -> None:
    store = RunningStore(database)
    await store.began(ONE, 10, 20, 100.0)
    await store.began(OTHER, 11, None, 101.0)
    assert await RunningStore(database).since(99.0) == [
        RunningCall(OTHER, 11, None, 101.0),
        RunningCall(ONE, 10, 20, 100.0),
    ]
    await store.alive([ONE, THIRD], 160.0)
    assert await store.since(101.0) == [RunningCall(ONE, 10, 20, 160.0)], "after then, and no call of THIRD's"
    await store.ended(ONE)
    await store.alive(iter([ONE]), 170.0)
    await store.returned(ONE, 1, 170.0)
    assert await store.since(0.0) == [RunningCall(OTHER, 11, None, 101.0)], "what has ended stays ended"


async def test_a_guild_has_one_call(database: Database) -> None:
    store = RunningStore(database)
    await store.began(ONE, 10, 20, 100.0)
    await store.began(ONE, 11, None, 200.0)
    assert await store.since(0.0) == [RunningCall(ONE, 11, None, 200.0)]


async def test_how_often_it_was_come_back_to_outlives_the_return_and_not_the_call(database: Database) -> None:
    store = RunningStore(database)
    await store.began(ONE, 10, 20, 100.0)
    await store.returned(ONE, 2, 110.0)
    await store.began(ONE, 11, 20, 130.0)
    assert await store.since(0.0) == [RunningCall(ONE, 11, 20, 130.0, 2, 110.0)]
    await store.ended(ONE)
    await store.began(ONE, 11, 20, 140.0)
    assert await store.since(0.0) == [RunningCall(ONE, 11, 20, 140.0, 0, None)]


async def test_many_calls_are_seen_at_once(database: Database) -> None:
    store = RunningStore(database)
    for guild in range(1, 40):
        await store.began(guild, guild, None, 1.0)
    await store.alive(range(1, 40_000), 2.0)
    assert {call.guild_id for call in await store.since(1.0)} == set(range(1, 40))
    await store.alive([], 3.0)
    assert await store.since(2.0) == []
