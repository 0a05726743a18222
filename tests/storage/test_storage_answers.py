"""Answers that are kept for a day."""

from pathlib import Path

from bot.storage.answers import AnswerFile, AnswerStore
from bot.storage.database import Database

FILE = AnswerFile("https://cdn/1", "a.png", "image/png", "00", b"\x89PNG")


async def test_kept_found_replaced_and_forgotten(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    store = AnswerStore(database)

    async def keep(answer_id: str, text: str, guild_id: int | None = 1, until: float = 100.0) -> None:
        await store.keep(
            answer_id, guild_id=guild_id, user_id=2, until=until, request="{}", text=text, files=[FILE]
        )

    try:
        await keep("a", "first")
        await keep("a", "second")
        assert await store.find("a", 99.0) == ("{}", "second")
        assert await store.files("a", 99.0) == [FILE]
        assert await store.find("a", 100.0) is None and await store.files("a", 100.0) == []
        await keep("b", "direct", guild_id=None)
        await keep("c", "old", until=50.0)
        await store.forget_old(60.0)
        assert await store.find("c", 0.0) is None and await store.files("c", 0.0) == []
        assert await store.forget(3, 1) == [] and await store.forget(2, None) == ["b"]
        assert await store.forget(2, 1) == ["a"]
        assert await store.files("a", 0.0) == []
    finally:
        await database.close()
