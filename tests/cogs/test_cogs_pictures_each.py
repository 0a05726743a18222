"""/describe with `each` end to end: a table of pictures that were asked about one by one; and no picture."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from answer_bot import body
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, COFFEE, FILM, PAGE, Parts, Scene, media_scene

from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.pictures import Pictures

BROKEN = Upload("broken.png", CAT.data[:2_000])


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    pictures = Pictures(parts.answers)
    return [pictures], pictures.menus


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as running:
        yield running


async def test_each_picture_is_told_as_a_row(scene: Scene) -> None:
    message = await scene.answer("describe", image1=CAT, image2=BROKEN, image3=PAGE, each=True)
    first, second, third = body(message).split("\n- ")
    assert first.startswith("- 1") and "File: photo-cat.png" in first and "451 x 300" in first
    assert second.startswith("2") and "broken.png is damaged or not really a picture" in second
    assert third.startswith("3") and "File: scan-page.png" in third and "384 x 191" in third
    assert [len(request.measured) for request in scene.gemini.requests] == [1, 1]


async def test_without_each_they_are_one_question(scene: Scene) -> None:
    await scene.answer("describe", image1=CAT, image2=COFFEE)
    assert [len(request.measured) for request in scene.gemini.requests] == [2]


async def test_one_picture_is_described_at_length(scene: Scene) -> None:
    message = await scene.answer("describe", image1=CAT, each=True)
    assert "451 x 300" in body(message)
    assert "one short paragraph" not in scene.gemini.requests[0].prompt


async def test_a_film_is_not_described(scene: Scene) -> None:
    message = await scene.answer("describe", image1=FILM)
    assert "video-bunny.mp4 is not a picture: ask about it with /ask." in message.text
    assert scene.gemini.requests == []


async def test_a_message_without_a_picture(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "no picture here", [])
    asked = scene.world.run_on_message(scene.person.id, post.id, "Describe")
    await asked.wait_for(lambda it: it.answer is not None and "attached" in it.answer.text)
    assert asked.answer is not None
    assert asked.answer.text == "Nothing is attached to that message: use Describe on one with a picture."
    assert scene.gemini.requests == []
