"""Requests against the loopback Gemini: what it says is measured in the bytes that reached it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from loopback import eventually
from media_rig import MEDIA, Rig, encoded, finished, noise, running_rig, words
from PIL import Image

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.rest_faults import Fail, Refuse, RestFault, RestWhere, Stick
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.errors import MediaError


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Rig]:
    """Hold for each test that nothing is left at Google."""
    base_url, key = gemini_emulator.base_url, gemini_emulator.api_key
    async with running_rig(discord_emulator, base_url, tmp_path, key, ready_s=2.0) as running:
        yield running
    assert not gemini_emulator.files


async def test_a_photo(rig: Rig) -> None:
    said = words(await rig.ask(rig.post_media("photo-cat.png")))
    assert "451" in said and "300" in said


async def test_a_large_photo_is_scaled_and_uploaded(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    large = encoded(Image.open(MEDIA / "photo-coffee.png").convert("RGB").resize((4500, 3000)), "JPEG")
    said = words(await rig.ask(rig.post("cup.jpg", large)))
    assert "2250" in said and "1500" in said
    assert len(gemini_emulator.files) == 1


async def test_a_gif_arrives_as_something_that_gemini_takes(rig: Rig) -> None:
    gif = encoded(Image.new("RGB", (123, 77), "blue"), "GIF")
    said = words(await rig.ask(rig.post("blue.gif", gif)))
    assert "123" in said and "77" in said and "blue" in said.lower()


async def test_a_film(rig: Rig) -> None:
    events = await rig.ask(rig.post_media("video-bunny.mp4"))
    said = words(events)
    assert "1280" in said and "720" in said and re.search(r"\b5\.[23]", said)
    assert finished(events).usage.prompt_tokens > 5 * 263 * 0.9


async def test_speech(rig: Rig) -> None:
    assert re.search(r"\b6\.[01]", words(await rig.ask(rig.post_media("speech-austen-0920.wav"))))


async def test_faults_of_the_upload(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    faults = gemini_emulator.knobs.rest.faults
    faults.append(RestFault(RestWhere.UPLOADED, Fail()))
    with pytest.raises(MediaError, match="could not read"):
        await rig.ask(rig.post_media("video-bunny.mp4"))
    faults.clear()
    faults.append(RestFault(RestWhere.UPLOADED, Stick()))
    with pytest.raises(MediaError, match="did not get"):
        await rig.ask(rig.post_media("video-bunny.mp4"))
    await eventually(lambda: not gemini_emulator.files)


async def test_a_limit_with_a_delay(
    rig: Rig, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = RestFault(RestWhere.GENERATE, Refuse(429, retry_delay_s=0.2), times=2)
    gemini_emulator.knobs.rest.faults.append(fault)
    began = asyncio.get_running_loop().time()
    events = await rig.ask(rig.post("n.png", encoded(noise(90, 60), "PNG")))
    assert "90" in words(events)
    assert asyncio.get_running_loop().time() - began > 0.4
