"""Leases on remote files, and what they leave."""

from pathlib import Path

from sqlalchemy import select

from bot.storage.database import Database
from bot.storage.media import MediaStore, file_leases


async def test_a_file_stays_known_until_it_is_forgotten(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    store = MediaStore(database)
    try:
        await store.lease("files/a", "one", "00", 5.0)
        await store.lease("files/a", "two", "00", 6.0)
        await store.lease("files/b", "one", "11", 7.0)
        await store.extend("files/a", "one", 9.0)
        await store.release("files/a", "two")
        async with database.reading() as connection:
            rows = (await connection.execute(select(file_leases).order_by(file_leases.c.name))).all()
        assert [tuple(row) for row in rows] == [("files/a", "one", "00", 9.0), ("files/b", "one", "11", 7.0)]
        assert await store.leased() == {"files/a", "files/b"}
        await store.forget("files/a")
        assert await store.leased() == {"files/b"}
    finally:
        await database.close()
