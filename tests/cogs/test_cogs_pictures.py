"""/describe end to end: real pictures, through the media service, to a Gemini that measures them."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from answer_bot import body, button, ended, labels
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, COFFEE, MODEL, PAGE, Parts, Scene, media_scene
from PIL import Image

from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.pictures import Pictures


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


async def test_a_picture_is_described_from_its_bytes(scene: Scene) -> None:
    message = await scene.answer("describe", image1=CAT)
    assert "451 x 300 pixels" in body(message)
    assert f"-# {MODEL} · " in message.text
    assert labels(message) == ["Again", "Shorter", "Translate", "Ask more"]
    assert "photo-cat.png" in message.text
    with closing(sqlite3.connect(scene.path)) as plain:
        (row,) = plain.execute("SELECT guild_id, user_id, model, total_tokens FROM usage")
    assert row[:3] == (scene.world.guild.id, scene.person.id, MODEL)
    assert f"{row[3]:,} tokens" in message.text


async def test_several_pictures_are_one_request(scene: Scene) -> None:
    pictures = {"image1": CAT, "image2": COFFEE, "image3": PAGE}
    message = await scene.answer("describe", question="Which is largest?", **pictures)
    (request,) = scene.gemini.requests
    assert len(request.measured) == 3
    assert request.prompt == "Which is largest?"
    for number, size in enumerate(("451 x 300", "600 x 400", "384 x 191"), start=1):
        assert f"Picture {number} is" in body(message)
        assert size in body(message)


async def test_by_right_click_on_a_message(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "look at these", [COFFEE, PAGE])
    message = await ended(scene.world.run_on_message(scene.person.id, post.id, "Describe"))
    assert "600 x 400" in body(message)
    assert "384 x 191" in body(message)


async def test_by_right_click_what_is_no_picture_is_left_aside(scene: Scene) -> None:
    notes = Upload("notes.txt", b"Bread and butter.")
    post = scene.world.post(scene.person.id, scene.world.text.id, "look", [notes, COFFEE])
    message = await ended(scene.world.run_on_message(scene.person.id, post.id, "Describe"))
    assert "600 x 400" in body(message)
    post = scene.world.post(scene.person.id, scene.world.text.id, "read", [notes])
    message = await ended(scene.world.run_on_message(scene.person.id, post.id, "Describe"))
    assert "notes.txt is not a picture: ask about it with /ask." in message.text


async def test_in_direct_messages(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.person.id)
    asked = scene.world.run_command(scene.person.id, direct.id, "describe", {"image1": PAGE})
    assert "384 x 191" in body(await ended(asked))


async def test_what_discord_shows_of_a_phones_picture_is_what_is_described(scene: Scene) -> None:
    """A phone stores a picture lying down, with a note how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees
    stored = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(stored, "JPEG", exif=exif)
    message = await scene.answer("describe", image1=Upload("phone.jpg", stored.getvalue()))
    assert "200 x 300 pixels" in body(message)


async def test_again_and_shorter(scene: Scene) -> None:
    message = await scene.answer("describe", image1=CAT, question="What is it?")
    again = scene.world.click(scene.person.id, message.id, button(message, "Again")["custom_id"])
    assert "451 x 300 pixels" in body(await ended(again))
    shorter = scene.world.click(scene.person.id, message.id, button(message, "Shorter")["custom_id"])
    assert "You asked in" in body(await ended(shorter))
    assert "451 x 300 pixels" in scene.gemini.requests[-1].prompt, "the answer is what is shortened"
    assert scene.gemini.requests[-1].measured == ()


@pytest.mark.parametrize(
    "file",
    [
        Upload("empty.png", b""),
        Upload("broken.png", CAT.data[:2_000]),
        Upload("liar.png", b"\x7fELF" + b"\0" * 500),
    ],
    ids=lambda file: file.filename,
)
async def test_what_is_no_picture_gets_a_sentence(scene: Scene, file: Upload) -> None:
    message = await scene.answer("describe", image1=file)
    assert file.filename in message.text
    assert "went wrong in me" not in message.text
    assert labels(message) == [], "the same file would be refused again"
    assert scene.gemini.requests == []


async def test_cancel_stops_the_request(scene: Scene) -> None:
    scene.gemini.knobs.rest.chunk_s = 1.0
    asked = scene.asked("describe", image1=CAT)
    message = await asked.response()
    scene.world.click(scene.person.id, message.id, button(message, "Cancel")["custom_id"])
    assert "Stopped." in (await ended(asked)).text
    async with asyncio.timeout(10):
        while not (scene.gemini.requests and scene.gemini.requests[0].abandoned):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_first_words_come_within_300_ms(scene: Scene) -> None:
    scene.gemini.knobs.rest.think_s = 1.5
    scene.gemini.knobs.rest.chunk_s = 0.5
    asked = scene.asked("describe", image1=CAT)
    await asked.wait_for(lambda it: it.answer is not None and "Picture" in it.answer.text, 20)
    shown_at = asked.history[-1].at
    assert shown_at - scene.gemini.requests[0].chunks[0] < 0.3
    await ended(asked)
