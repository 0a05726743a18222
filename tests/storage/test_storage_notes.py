"""Notes of a guild: kept, found by their words, forgotten."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import EarshotError
from bot.storage.database import Database
from bot.storage.notes import LENGTH, MOST, Note, NoteError, NoteStore

GUILD, OTHER, ADA, BEN = 2**62 + 1, 2, 3, 4


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[NoteStore]:
    opened = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    yield NoteStore(opened)
    await opened.close()


async def texts(store: NoteStore, words: str, guild: int = GUILD) -> list[str]:
    return [note.text for note in await store.find(guild, words)]


async def test_a_note_is_found_in_its_guild_alone(store: NoteStore) -> None:
    number = await store.add(GUILD, ADA, "Ada", "  The door's code is 1234.\n", 5.0)
    assert await store.find(GUILD, "code") == [Note(number, ADA, "Ada", "The door's code is 1234.", 5.0)]
    assert await store.find(OTHER, "code") == []
    assert not await store.forget(OTHER, number)
    assert await store.forget(GUILD, number)
    assert not await store.forget(GUILD, number)
    assert await store.find(GUILD, "") == []


async def test_the_most_words_come_first_then_the_newest(store: NoteStore) -> None:
    for at, text in enumerate(("Pizza on Friday", "pizza with Ben on Friday", "Friday is off", "Buy milk")):
        await store.add(GUILD, ADA, "Ada", text, float(at))
    assert await texts(store, "when is PIZZA with ben, on Friday?") == [
        "pizza with Ben on Friday",
        "Pizza on Friday",
        "Friday is off",
    ]
    assert await texts(store, "friday") == ["Friday is off", "pizza with Ben on Friday", "Pizza on Friday"]
    assert await texts(store, "  ?! ") == (await texts(store, ""))
    assert (await texts(store, ""))[0] == "Buy milk"
    assert [note.text for note in await store.find(GUILD, "", most=1)] == ["Buy milk"]
    assert await texts(store, "aubergine") == []


async def test_words_of_any_language_and_the_name_of_who_told(store: NoteStore) -> None:
    await store.add(GUILD, ADA, "Ada", "Die Straße ist gesperrt", 1.0)
    await store.add(GUILD, BEN, "Ben", "誕生日は5月です", 2.0)
    await store.add(GUILD, BEN, "Ben", "\uff21\uff22\uff23", 3.0)  # as a Japanese keyboard writes ABC
    assert await texts(store, "STRASSE") == ["Die Straße ist gesperrt"]
    assert await texts(store, "誕生日") == ["誕生日は5月です"]
    assert await texts(store, "abc") == ["\uff21\uff22\uff23"]
    assert await texts(store, "what did Ben say") == ["\uff21\uff22\uff23", "誕生日は5月です"]


async def test_what_can_not_be_kept_is_said(store: NoteStore) -> None:
    with pytest.raises(NoteError, match=r"^That note is empty: say what I am to remember\.$"):
        await store.add(GUILD, ADA, "Ada", " \n ", 1.0)
    await store.add(GUILD, ADA, "Ada", "x" * LENGTH, 1.0)
    with pytest.raises(EarshotError, match=r"^That note has 501 characters, and 500 fit: make it shorter\.$"):
        await store.add(GUILD, ADA, "Ada", "x" * (LENGTH + 1), 1.0)
    for at in range(MOST - 1):
        number = await store.add(GUILD, ADA, "Ada", "y", float(at))
    with pytest.raises(NoteError, match=r"^I keep 200 notes here, and no more fit: /notes forget makes room"):
        await store.add(GUILD, ADA, "Ada", "one too many", 1.0)
    await store.forget(GUILD, number)
    assert await store.add(GUILD, ADA, "Ada", "z", 1.0) > number, "no number is given twice"
    await store.add(OTHER, ADA, "Ada", "elsewhere", 1.0)


async def test_looking_through_the_most_that_there_can_be_is_quick(store: NoteStore) -> None:
    for at in range(MOST):
        await store.add(GUILD, ADA, "Ada", "ö " * (LENGTH // 2), float(at))
    words = " ".join(f"word{n}" for n in range(10_000))
    began = time.process_time()
    assert await store.find(GUILD, words) == []
    assert time.process_time() - began < 0.25, "10,000 words were looked for"
