"""Consents, guild settings and the commands' digest, as they survive a restart."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage.commands import CommandSyncStore
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.storage.guilds import GuildSettings, GuildStore

GUILD, OTHER_GUILD, PERSON = 2**62 + 1, 2, 3
DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{path}", busy_s=0.05)
    yield opened
    await opened.close()


async def test_nobody_has_consented_at_first(database: Database) -> None:
    consents = await ConsentStore.load(database)
    assert not consents.consented(GUILD, PERSON)


async def test_a_consent_holds_in_its_guild_and_after_a_restart(database: Database) -> None:
    await (await ConsentStore.load(database)).give(GUILD, PERSON)
    consents = await ConsentStore.load(database)
    assert consents.consented(GUILD, PERSON)
    assert not consents.consented(OTHER_GUILD, PERSON)


async def test_a_withdrawn_consent_stays_withdrawn_and_can_be_given_again(database: Database) -> None:
    consents = await ConsentStore.load(database)
    await consents.give(GUILD, PERSON)
    await consents.withdraw(GUILD, PERSON)
    assert not (await ConsentStore.load(database)).consented(GUILD, PERSON)
    await consents.give(GUILD, PERSON)
    assert (await ConsentStore.load(database)).consented(GUILD, PERSON)


async def test_listeners_are_told_after_the_change_holds(database: Database) -> None:
    consents = await ConsentStore.load(database)
    told: list[tuple[int, int, bool]] = []
    consents.listen(lambda guild, person: told.append((guild, person, consents.consented(guild, person))))
    await consents.give(GUILD, PERSON)
    await consents.give(GUILD, PERSON)  # again: nothing changes
    storing = consents.withdraw(GUILD, PERSON)
    assert not consents.consented(GUILD, PERSON), "it holds before it is stored"
    await storing
    assert told == [(GUILD, PERSON, True), (GUILD, PERSON, False)]


async def test_while_nothing_can_be_stored(database: Database, path: Path) -> None:
    consents = await ConsentStore.load(database)
    await consents.give(GUILD, PERSON)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError):
            await consents.give(OTHER_GUILD, PERSON)
        with pytest.raises(StorageError):
            await consents.withdraw(GUILD, PERSON)
    assert not consents.consented(OTHER_GUILD, PERSON), "an unstored consent must not count"
    assert not consents.consented(GUILD, PERSON), "a withdrawal counts even if unstored"


async def test_a_consent_that_is_withdrawn_while_it_is_stored_never_holds(database: Database) -> None:
    consents = await ConsentStore.load(database)
    told: list[bool] = []
    consents.listen(lambda guild, person: told.append(consents.consented(guild, person)))
    giving = asyncio.create_task(consents.give(GUILD, PERSON))
    await asyncio.sleep(0)  # it waits for the disk
    storing = consents.withdraw(GUILD, PERSON)
    assert not await giving, "the person must not be told that they are heard"
    await storing
    assert True not in told
    assert not consents.consented(GUILD, PERSON)
    assert not (await ConsentStore.load(database)).consented(GUILD, PERSON)


async def test_a_consent_that_was_asked_for_before_a_withdrawal_does_not_hold(database: Database) -> None:
    consents = await ConsentStore.load(database)
    asked = consents.withdrawals(GUILD, PERSON)
    await consents.withdraw(GUILD, PERSON)
    assert not await consents.give(GUILD, PERSON, withdrawals=asked)
    assert not consents.consented(GUILD, PERSON)
    assert await consents.give(GUILD, PERSON, withdrawals=consents.withdrawals(GUILD, PERSON))
    assert consents.consented(GUILD, PERSON)


async def test_a_consent_given_while_a_withdrawal_waits_to_be_stored_holds(database: Database) -> None:
    consents = await ConsentStore.load(database)
    await consents.give(GUILD, PERSON)
    storing = consents.withdraw(GUILD, PERSON)
    assert await consents.give(GUILD, PERSON)
    await storing
    assert consents.consented(GUILD, PERSON)
    assert (await ConsentStore.load(database)).consented(GUILD, PERSON)


async def test_a_guild_has_the_operators_settings_until_it_sets_its_own(database: Database) -> None:
    guilds = await GuildStore.load(database, DEFAULTS)
    assert guilds.get(GUILD) == DEFAULTS
    await guilds.change(GUILD, voice="Puck", language="de-DE")
    await guilds.change(GUILD, turns="model")
    await guilds.change(GUILD)
    expected = GuildSettings(model="gemini-3.8-live", voice="Puck", turns="model", language="de-DE")
    assert guilds.get(GUILD) == expected
    assert (await GuildStore.load(database, DEFAULTS)).get(GUILD) == expected
    assert guilds.get(OTHER_GUILD) == DEFAULTS
    await guilds.change(GUILD, voice=None)
    assert guilds.get(GUILD).voice == "Kore"


async def test_the_commands_digest_is_kept_for_each_application(database: Database) -> None:
    store = CommandSyncStore(database)
    assert await store.digest(1) is None
    await store.remember(1, "a")
    await store.remember(1, "b")
    await store.remember(2, "c")
    assert (await store.digest(1), await store.digest(2)) == ("b", "c")
