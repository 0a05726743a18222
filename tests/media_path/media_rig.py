"""The whole way of a request between a loopback Discord, whose file host is real, and a loopback Gemini.

A test module imports the fixture `rig`, whose Gemini is the emulator, and names it in `__all__`.
"""

import io
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types
from PIL import Image
from sqlalchemy import select

from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.events import Finished, MediaEvent, TextDelta
from bot.media.leases import RemoteFiles
from bot.media.request import MediaRequest
from bot.media.service import MediaService
from bot.media.sources import Source
from bot.media.tasks.ask import Ask
from bot.storage.answers import AnswerStore
from bot.storage.database import Database
from bot.storage.media import MediaStore, file_leases, usage

MEDIA = Path(__file__).parent.parent / "media"
CHANNEL, USER, GUILD = 11, 22, 33


def make_client(base_url: str, api_key: str = "key", *, vertex: bool = False) -> genai.Client:
    options = types.HttpOptions(base_url=base_url, api_version="v1beta", timeout=20_000)
    return genai.Client(api_key=api_key, http_options=options, vertexai=vertex)


@dataclass
class Rig:
    """A running service and what is around it."""

    service: MediaService
    discord: DiscordEmulator
    database: Database
    client: genai.Client
    folder: Path
    numbers: Any

    def post(self, filename: str, data: bytes, **changes: Any) -> Source:
        """Post a file on the loopback Discord."""
        cdn = self.discord.world.posts.cdn
        attachment = cdn.store(
            Upload(filename, data), attachment_id=next(self.numbers), channel_id=CHANNEL, ephemeral=False
        )
        made = Source(filename, cdn.url(attachment), len(data), attachment.content_type)
        return Source(**{**made.__dict__, **changes})

    def post_media(self, filename: str) -> Source:
        return self.post(filename, (MEDIA / filename).read_bytes())

    async def ask(self, *sources: Source, **changes: Any) -> list[MediaEvent]:
        return [event async for event in self.service.ask(request(*sources, **changes))]

    async def rows(self, table: Any) -> list[dict[str, Any]]:
        async with self.database.reading() as connection:
            return [dict(row) for row in (await connection.execute(select(table))).mappings()]

    async def leases(self) -> list[dict[str, Any]]:
        return await self.rows(file_leases)

    async def used(self) -> list[dict[str, Any]]:
        return await self.rows(usage)


def request(*sources: Source, **changes: Any) -> MediaRequest:
    asked = {"guild_id": GUILD, "user_id": USER, "sources": sources, "task": Ask("What is this?")}
    return MediaRequest(**{**asked, **changes})


def words(events: list[MediaEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def finished(events: list[MediaEvent]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


@asynccontextmanager
async def running_rig(
    discord: DiscordEmulator,
    base_url: str,
    folder: Path,
    api_key: str = "key",
    *,
    vertex: bool = False,
    **files: Any,
) -> AsyncIterator[Rig]:
    """Run a service; its remote files follow `files`."""
    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'earshot.db'}")
    client = make_client(base_url, api_key, vertex=vertex)
    store = MediaStore(database)
    service = MediaService(
        client=client,
        storage=store,
        answers=AnswerStore(database),
        proxy=discord.proxy_url,
        model="gemini-3.8-flash",
        fallback="gemini-3.5-flash-lite",
        files=RemoteFiles(client, store, **files),
    )
    await service.start()
    try:
        yield Rig(service, discord, database, client, folder, itertools.count(100))
    finally:
        await service.close()
        await client.aio.aclose()
        client.close()
        await database.close()


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Rig]:
    base_url, key = gemini_emulator.base_url, gemini_emulator.api_key
    async with running_rig(discord_emulator, base_url, tmp_path, key) as running:
        yield running


def noise(width: int, height: int) -> Image.Image:
    """Return a picture that does not compress, the same each time."""
    import numpy as np

    pixels = np.random.default_rng(7).integers(0, 255, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
