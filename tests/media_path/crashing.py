"""A media service in a process of its own, with one request: to be killed in the middle of it."""

import asyncio
import sys
from pathlib import Path

from media_rig import make_client, request

from bot.media.service import MediaService
from bot.media.sources import Source
from bot.storage.answers import AnswerStore
from bot.storage.database import Database
from bot.storage.media import MediaStore


async def main(folder: str, base_url: str, proxy: str, filename: str, url: str, size: str) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{Path(folder) / 'earshot.db'}")
    service = MediaService(
        client=make_client(base_url),
        storage=MediaStore(database),
        answers=AnswerStore(database),
        proxy=proxy,
        model="gemini-3.8-flash",
        fallback=None,
    )
    await service.start()
    async for _ in service.ask(request(Source(filename, url, int(size), None), id="first")):
        pass


asyncio.run(main(*sys.argv[1:]))
