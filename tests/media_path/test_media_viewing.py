"""Files fetched from the loopback Discord and made small: how many at once, and nothing left of them."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loopback import eventually
from PIL import Image
from sound_film import sound_film

from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.media.errors import MediaError
from bot.media.glance import Film, Glance
from bot.media.sources import Source
from bot.media.viewing import WAITING, Viewing


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(out, "PNG")
    return out.getvalue()


def posted(discord: DiscordEmulator, data: bytes, number: int = 9) -> Source:
    cdn = discord.world.posts.cdn
    attachment = cdn.store(Upload("a.bin", data), attachment_id=number, channel_id=8, ephemeral=True)
    return Source("a.bin", cdn.url(attachment), len(data), None)


@pytest.fixture
async def viewing(
    discord_emulator: DiscordEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Viewing]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Viewing(discord_emulator.proxy_url, longest_s=60, max_bytes=1 << 20)
    await made.start()
    yield made
    await made.close()
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


def left(folder: Path) -> list[Path]:
    return list(folder.glob("earshot-media-*/*"))


async def test_what_it_looked_at_is_not_kept(
    viewing: Viewing, discord_emulator: DiscordEmulator, tmp_path: Path
) -> None:
    found = await viewing.look(posted(discord_emulator, picture("red")))
    assert isinstance(found, Glance)
    with Image.open(io.BytesIO(found.jpeg)) as seen:
        assert (seen.format, seen.size) == ("JPEG", (300, 200))
    found = await viewing.look(posted(discord_emulator, sound_film(["red", "blue"], None)))
    assert isinstance(found, Film) and len(found.frames) == 2
    for bad, sentence in ((picture("red")[:100], "a.bin is damaged"), (bytes(1 << 21), "larger than 1 MiB")):
        with pytest.raises(MediaError, match=sentence):
            await viewing.look(posted(discord_emulator, bad))
    with pytest.raises(MediaError, match="not a file on Discord"):
        await viewing.look(Source("a.bin", "https://example.com/a.bin", 9, None))
    assert left(tmp_path) == []


async def test_only_so_many_wait(viewing: Viewing, discord_emulator: DiscordEmulator) -> None:
    sources = [posted(discord_emulator, picture("red"), number) for number in range(WAITING + 3)]
    found = await asyncio.gather(*map(viewing.look, sources), return_exceptions=True)
    refused = [each for each in found if isinstance(each, MediaError)]
    assert {str(each) for each in refused} == {
        f"I am looking at {WAITING} files already: show me a.bin again in a moment."
    }
    assert len(refused) == 3 and len([each for each in found if isinstance(each, Glance)]) == WAITING
    assert isinstance(await viewing.look(sources[0]), Glance), "there is room again"


async def test_who_goes_away_leaves_nothing(
    viewing: Viewing, discord_emulator: DiscordEmulator, tmp_path: Path
) -> None:
    looking = asyncio.create_task(viewing.look(posted(discord_emulator, sound_film(["red"] * 60, None))))
    await eventually(lambda: bool(left(tmp_path)))
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    await eventually(lambda: not left(tmp_path))
    assert looking.cancelled()


async def test_what_is_looked_at_when_it_closes_is_told(
    viewing: Viewing, discord_emulator: DiscordEmulator, tmp_path: Path
) -> None:
    looking = asyncio.create_task(viewing.look(posted(discord_emulator, sound_film(["red"] * 60, None))))
    await eventually(lambda: bool(left(tmp_path)))
    await viewing.close()
    with pytest.raises(MediaError, match="The bot is shutting down"):
        await looking
