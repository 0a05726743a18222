"""Objections: remembered whatever a guild is set to, and what is kept of a person."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage.answers import AnswerStore
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.errors import StorageError
from bot.storage.kept import Kept, KeptStore
from bot.storage.notes import NoteStore
from bot.storage.transcripts import TranscriptStore, Utterance

ASKS, NOTIFIES, STRANGE, PERSON, OTHER = 2**62 + 1, 2, 3, 4, 5


def policy(guild_id: int) -> str:
    return {ASKS: "ask", NOTIFIES: "notice"}.get(guild_id, "a policy of a newer version")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{path}", busy_s=0.05)
    yield opened
    await opened.close()


async def test_only_where_notice_is_given_silence_is_consent(database: Database) -> None:
    consents = await ConsentStore.load(database, policy)
    assert consents.consented(NOTIFIES, PERSON)
    assert not consents.consented(ASKS, PERSON)
    assert not consents.consented(STRANGE, PERSON), "a policy that is not known asks"
    assert not (await ConsentStore.load(database)).consented(NOTIFIES, PERSON), "as does none"


async def test_an_objection_of_one_who_never_agreed_holds_after_a_restart(database: Database) -> None:
    consents = await ConsentStore.load(database, policy)
    told: list[bool] = []
    consents.listen(lambda guild, person: told.append(consents.consented(guild, person)))
    storing = consents.withdraw(NOTIFIES, PERSON)
    assert not consents.consented(NOTIFIES, PERSON), "it holds before it is stored"
    await storing
    again = await ConsentStore.load(database, policy)
    assert again.objected(NOTIFIES, PERSON)
    assert not again.consented(NOTIFIES, PERSON)
    assert again.consented(NOTIFIES, OTHER)
    assert told == [False]
    kept = await KeptStore(database).of(NOTIFIES, PERSON, 0)
    assert kept.given_at is None
    assert kept.withdrawn_at is not None


async def test_a_withdrawal_is_an_objection_when_the_policy_changes(database: Database) -> None:
    asking = await ConsentStore.load(database)
    await asking.give(NOTIFIES, PERSON)
    await asking.withdraw(NOTIFIES, PERSON)
    assert not (await ConsentStore.load(database, policy)).consented(NOTIFIES, PERSON)


async def test_agreeing_ends_an_objection_and_outlives_the_policy(database: Database) -> None:
    consents = await ConsentStore.load(database, policy)
    await consents.withdraw(NOTIFIES, PERSON)
    assert await consents.give(NOTIFIES, PERSON)
    assert not consents.objected(NOTIFIES, PERSON)
    assert (await ConsentStore.load(database)).consented(NOTIFIES, PERSON), "it was really given"


async def test_where_notice_is_given_agreeing_is_stored_too(database: Database) -> None:
    consents = await ConsentStore.load(database, policy)
    assert consents.consented(NOTIFIES, PERSON)
    assert await consents.give(NOTIFIES, PERSON)
    assert (await ConsentStore.load(database)).consented(NOTIFIES, PERSON)


async def test_an_objection_that_can_not_be_stored_holds_all_the_same(database: Database, path: Path) -> None:
    consents = await ConsentStore.load(database, policy)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError):
            await consents.withdraw(NOTIFIES, PERSON)
        with pytest.raises(StorageError):
            await consents.give(NOTIFIES, PERSON)
    assert not consents.consented(NOTIFIES, PERSON)


async def test_the_first_objection_is_the_one_that_is_remembered(database: Database) -> None:
    consents = await ConsentStore.load(database, policy)
    await consents.withdraw(NOTIFIES, PERSON)
    first = await KeptStore(database).of(NOTIFIES, PERSON, 0)
    await consents.withdraw(NOTIFIES, PERSON)
    assert await KeptStore(database).of(NOTIFIES, PERSON, 0) == first


async def test_what_is_kept_of_a_person_is_counted_in_that_guild_alone(database: Database) -> None:
    said = [Utterance(1.0, PERSON, "Ada", "Hello"), Utterance(2.0, None, "Earshot", "Hello Ada")]
    await TranscriptStore(database).add(ASKS, "call", [*said, Utterance(3.0, PERSON, "Ada", "Bye")])
    await TranscriptStore(database).add(NOTIFIES, "call", said)
    for answer_id, until in (("a", 50.0), ("b", 150.0)):
        await AnswerStore(database).keep(
            answer_id, guild_id=ASKS, user_id=PERSON, until=until, request="{}", text="x", files=[]
        )
    for guild, person in ((ASKS, PERSON), (NOTIFIES, PERSON)):
        await NoteStore(database).add(guild, person, "Ada", "Milk.", 1.0)
    store = KeptStore(database)
    assert await store.of(ASKS, PERSON, now=100.0) == Kept(None, None, utterances=2, answers=1, notes=1)
    assert await store.of(ASKS, OTHER, now=100.0) == Kept(None, None, utterances=0, answers=0, notes=0)
