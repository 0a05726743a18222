"""Uploads that Gemini's own trouble hits, from a command to what people read."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from answer_bot import body, button, ended
from media_scene import FILM, Scene
from whole_scene import whole_scene

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.rest_faults import Expire, Refuse, RestEffect, RestFault, RestWhere
from bot.emulators.gemini.server import GeminiEmulator

LIFE_S = 4.0  # of a file at Google, in place of 48 h


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as running:
        yield running


@pytest.mark.parametrize(
    ("where", "effect"),
    [
        (RestWhere.UPLOAD_CHUNK, Refuse(500)),
        (RestWhere.UPLOAD_CHUNK, Refuse(503)),
        (RestWhere.UPLOAD_START, Refuse(503)),
    ],
    ids=["chunk-500", "chunk-503", "start-503"],
)
async def test_an_upload_that_goes_wrong_once_is_made_anew(
    scene: Scene, where: RestWhere, effect: RestEffect
) -> None:
    fault = RestFault(where, effect)
    scene.gemini.knobs.rest.faults.append(fault)
    message = await scene.answer("summarize", video=FILM)
    assert "1280 x 720 pixels" in body(message)
    assert fault.hits == 1


async def test_a_file_that_expired_since_the_last_answer_is_uploaded_anew(scene: Scene) -> None:
    scene.gemini.knobs.rest.faults.append(RestFault(RestWhere.UPLOADED, Expire(LIFE_S)))
    uploaded_after = time.monotonic()
    message = await scene.answer("summarize", video=FILM)
    assert "1280 x 720 pixels" in body(message)
    await asyncio.sleep(max(0.0, uploaded_after + 2 * LIFE_S - time.monotonic()))
    again = button(message, "Again")["custom_id"]
    asked = scene.world.click(scene.person.id, message.id, again)
    assert "1280 x 720 pixels" in body(await ended(asked))
    told = [request.status for request in scene.gemini.requests]
    assert told[0] == told[-1] == 200
    assert {403, 404} & set(told), "the file was there still, or was not used again"
