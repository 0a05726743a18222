"""/find and /compare end to end: pictures with shapes at known places, and what people see of the answers."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answer_bot import body, labels
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, FILM, Parts, Scene, media_scene
from PIL import Image, ImageDraw

from bot.emulators.discord.model import Attachment, Message, Upload, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.drawing_colours import GREEN, VERMILLION, Rgb, colour_of
from bot.media.tasks.compare import AMBER
from cogs.places import Places

RED, BLUE, BLACK = (60, 100, 180, 300), (360, 40, 540, 160), (400, 240, 500, 360)
NEAR = 8  # pixels: the loopback model looks at a copy of 128 pixels, blurred


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    return [Places(parts.answers)], []


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as running:
        yield running


def shapes(name: str, **given: tuple[int, int, int, int]) -> Upload:
    """Return a white picture of 600 x 400 with rectangles in these colours."""
    picture = Image.new("RGB", (600, 400), "white")
    for colour, (x0, y0, x1, y1) in given.items():
        ImageDraw.Draw(picture).rectangle((x0, y0, x1 - 1, y1 - 1), colour)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Upload(name, out.getvalue())


def attached(message: Message, name: str) -> Attachment:
    return next(file for file in message.attachments if file.filename == name)


def pixels_of(file: Attachment) -> Any:
    return np.asarray(Image.open(io.BytesIO(file.data)).convert("RGB"))


def line_columns(pixels: Any, colour: Rgb) -> Any:
    """Return the columns in which a line of that colour goes down for 60 pixels or more."""
    return np.flatnonzero((pixels == colour).all(axis=2).sum(axis=0) >= 60)


def gallery(message: Message) -> dict[str, str]:
    """Return the alt texts of the pictures that are shown, by their names."""
    items = [item for part in walk(message.components) for item in part.get("items", ())]
    return {item["media"]["url"].split("?")[0].rsplit("/", 1)[-1]: item["description"] for item in items}


async def test_what_was_found_is_drawn_and_listed(scene: Scene) -> None:
    message = await scene.answer("find", image=shapes("shapes.png", red=RED, blue=BLUE), what="the shapes")
    assert "1. **red region 1**: left" in body(message)
    assert "2. **blue region 2**: top right" in body(message)
    assert "the shapes" in message.text and "shapes.png" in message.text
    things = json.loads(attached(message, "boxes.json").data)["things"]
    for thing, at in zip(things, (RED, BLUE), strict=True):
        assert thing["box_px"] == pytest.approx(at, abs=NEAR)
    pixels = pixels_of(attached(message, "found.png"))
    assert pixels.shape == (400, 600, 3)
    for number, (x0, _, x1, _) in ((1, RED), (2, BLUE)):
        columns = line_columns(pixels, colour_of(number))
        assert columns[0] == pytest.approx(x0, abs=NEAR)
        assert columns[-1] == pytest.approx(x1, abs=NEAR)
    assert "1 red region 1, left" in gallery(message)["found.png"]


async def test_a_phones_picture_is_drawn_on_as_it_is_seen(scene: Scene) -> None:
    """Stored lying down, with a note how to turn it: the boxes are those of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise
    stored = io.BytesIO()
    lying = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(lying).rectangle((0, 20, 99, 79), "blue")  # upright, that is at the top right
    lying.save(stored, "JPEG", exif=exif, quality=95)
    message = await scene.answer("find", image=Upload("phone.jpg", stored.getvalue()), what="the blue one")
    (thing,) = json.loads(attached(message, "boxes.json").data)["things"]
    assert thing["box_px"] == pytest.approx((120, 0, 180, 100), abs=NEAR)
    assert pixels_of(attached(message, "found.jpg")).shape == (400, 200, 3)


async def test_boxes_in_space(scene: Scene) -> None:
    upload = shapes("shape.png", blue=(250, 150, 350, 250))
    message = await scene.answer("find", image=upload, what="the cube", **{"3d": True})
    assert "m away" in body(message)
    (thing,) = json.loads(attached(message, "boxes.json").data)["things"]
    corners = np.array(thing["corners_px"])
    assert corners.mean(axis=0) == pytest.approx((300, 200), abs=NEAR)
    columns = line_columns(pixels_of(attached(message, "found.png")), colour_of(1))
    assert columns[0] == pytest.approx(corners.min(axis=0)[0], abs=3)


async def test_nothing_is_found(scene: Scene) -> None:
    message = await scene.answer("find", image=shapes("blank.png"), what="a *cup*")
    assert "Nothing like “a" in body(message) and "blank.png" in body(message)
    assert not gallery(message)


async def test_differences_are_marked_side_by_side(scene: Scene) -> None:
    before, after = shapes("before.png", red=RED, black=BLACK), shapes("after.png", blue=BLUE, purple=BLACK)
    message = await scene.answer("compare", image1=before, image2=after, question="Which shapes moved?")
    assert "1. **blue region added**" in body(message)
    assert "2. **red region removed**" in body(message)
    assert "3. **black region changed to purple**" in body(message)
    assert "Which shapes moved?" in scene.gemini.requests[-1].prompt
    assert "added, 1: blue region added (picture 2, top right)" in gallery(message)["compared.png"]
    pixels = pixels_of(attached(message, "compared.png"))
    white = (pixels == (255, 255, 255)).all(axis=2)
    left, right = np.flatnonzero(white.sum(axis=0) > 150)[[0, -1]]
    removed, added, turned = (line_columns(pixels, colour) for colour in (VERMILLION, GREEN, AMBER))
    assert removed[[0, -1]] - left == pytest.approx((RED[0], RED[2]), abs=NEAR)
    assert added[[0, -1]] - (right - 599) == pytest.approx((BLUE[0], BLUE[2]), abs=NEAR)
    assert turned[0] - left == pytest.approx(BLACK[0], abs=NEAR)
    assert turned[-1] - (right - 599) == pytest.approx(BLACK[2], abs=NEAR)


async def test_four_pictures_are_one_request(scene: Scene) -> None:
    given = {f"image{n}": shapes(f"{n}.png", red=RED) for n in range(1, 4)}
    message = await scene.answer("compare", **given, image4=shapes("4.png", red=RED, blue=BLUE))
    (request,) = scene.gemini.requests
    assert len(request.measured) == 4
    assert "1. **blue region added**" in body(message)
    assert "picture 4, top right" in body(message)


@pytest.mark.parametrize("command", ["find", "compare"])
async def test_what_is_no_picture_gets_a_sentence(scene: Scene, command: str) -> None:
    given = {"image": FILM, "what": "a bunny"} if command == "find" else {"image1": CAT, "image2": FILM}
    message = await scene.answer(command, **given)
    assert "video-bunny.mp4 is not a picture" in message.text
    assert labels(message) == [], "the same file would be refused again"
    assert scene.gemini.requests == []
