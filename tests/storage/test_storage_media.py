"""Leases on remote files, and what they leave."""

from pathlib import Path

from sqlalchemy import select

from bot.storage.database import Database
from bot.storage.media import LeasedFile, MediaStore, file_leases


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
        await store.uploaded("files/a", uri="https://a", mime_type="video/mp4", size=7, at=1.0)
        one, other = sorted(await store.leased(), key=lambda leased: leased.name)
        assert one == LeasedFile("files/a", "one", "00", 9.0, "https://a", "video/mp4", 7, 1.0)
        assert other == LeasedFile("files/b", "one", "11", 7.0, None, None, None, None)
        await store.forget("files/a")
        assert await store.leased() == [other]
    finally:
        await database.close()
