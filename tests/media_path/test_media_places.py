"""/find and /compare on the loopback Gemini, which returns the regions that it sees in the bytes it got."""

import io
import json
from typing import Any

import numpy as np
import pytest
from media_rig import Rig, encoded, finished, rig
from PIL import Image, ImageDraw

from bot.emulators.gemini.rest_faults import RestFault, RestWhere, Spoil
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.drawing_colours import GREEN, VERMILLION, Rgb, colour_of
from bot.media.events import Made, MadeFile, MediaEvent, TextWhole
from bot.media.tasks.compare import AMBER, Compare
from bot.media.tasks.find import Find

__all__ = ["rig"]

RED, BLUE, BLACK = (60, 100, 180, 300), (360, 40, 540, 160), (400, 240, 500, 360)
NEAR = 8  # pixels: the loopback model looks at a copy of 128 pixels, blurred


def shapes(**given: tuple[int, int, int, int]) -> bytes:
    """Return a white picture of 600 x 400 with rectangles in these colours."""
    picture = Image.new("RGB", (600, 400), "white")
    for colour, (x0, y0, x1, y1) in given.items():
        ImageDraw.Draw(picture).rectangle((x0, y0, x1 - 1, y1 - 1), colour)
    return encoded(picture, "PNG")


def made(events: list[MediaEvent]) -> dict[str, MadeFile]:
    return {file.name: file for event in events if isinstance(event, Made) for file in event.files}


def last_text(events: list[MediaEvent]) -> str:
    return [event.text for event in events if isinstance(event, TextWhole)][-1]


def pixels_of(file: MadeFile) -> Any:
    return np.asarray(Image.open(io.BytesIO(file.data)).convert("RGB"))


def line_columns(pixels: Any, colour: Rgb) -> Any:
    """Return the columns in which a line of that colour goes down for 60 pixels or more."""
    return np.flatnonzero((pixels == colour).all(axis=2).sum(axis=0) >= 60)


async def test_boxes_stand_where_the_shapes_are(rig: Rig) -> None:
    events = await rig.ask(rig.post("shapes.png", shapes(red=RED, blue=BLUE)), task=Find("shapes"))
    assert finished(events).truncated is None
    assert "1. **red region 1**: left" in last_text(events)
    assert "2. **blue region 2**: top right" in last_text(events)
    files = made(events)
    things = json.loads(files["boxes.json"].data)["things"]
    assert [thing["box_px"] for thing in things] == [
        pytest.approx(RED, abs=NEAR), pytest.approx(BLUE, abs=NEAR),
    ]  # fmt: skip
    pixels = pixels_of(files["found.png"])
    assert pixels.shape == (400, 600, 3)
    for number, (x0, _, x1, _) in ((1, RED), (2, BLUE)):
        columns = line_columns(pixels, colour_of(number))
        assert columns[0] == pytest.approx(x0, abs=NEAR)
        assert columns[-1] == pytest.approx(x1, abs=NEAR)


async def test_a_box_in_space_is_seen_where_its_shape_is(rig: Rig) -> None:
    """Its front is a little before the centre, and so seen a little larger."""
    source = rig.post("shape.png", shapes(blue=(250, 150, 350, 250)))
    files = made(await rig.ask(source, task=Find("shapes", in_space=True)))
    (thing,) = json.loads(files["boxes.json"].data)["things"]
    corners = np.array(thing["corners_px"])
    assert corners.min(axis=0) == pytest.approx((250, 150), abs=2 * NEAR)
    assert corners.max(axis=0) == pytest.approx((350, 250), abs=2 * NEAR)
    columns = line_columns(pixels_of(files["found.png"]), colour_of(1))
    assert columns[0] == pytest.approx(corners.min(axis=0)[0], abs=3)


async def test_an_empty_picture_has_nothing(rig: Rig) -> None:
    events = await rig.ask(rig.post("blank.png", shapes()), task=Find("a cup"))
    assert last_text(events) == "Nothing like “a cup” can be seen in blank.png."
    assert made(events) == {}


async def test_what_breaks_the_schema_is_asked_for_again(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.faults = [RestFault(RestWhere.GENERATE, Spoil())]
    events = await rig.ask(rig.post("shapes.png", shapes(red=RED)), task=Find("shapes"))
    assert last_text(events) == "1. **red region 1**: left, 10 % of the picture"
    said = [event.text for event in events if isinstance(event, TextWhole)]
    assert not any("Nothing" in each for each in said), "an answer without things says nothing of them"
    assert "boxes.json" in made(events)
    assert len(gemini_emulator.requests) == 2


async def test_differences_are_marked_in_their_own_pictures(rig: Rig) -> None:
    before = rig.post("before.png", shapes(red=RED, black=BLACK))
    after = rig.post("after.png", shapes(blue=BLUE, purple=BLACK))
    events = await rig.ask(before, after, task=Compare())
    text = last_text(events)
    assert finished(events).truncated is None
    assert "### Added (+)\n1. **blue region added**" in text and "*(picture 2, top right)*" in text
    assert "2. **red region removed**" in text and "*(picture 1, left)*" in text
    assert "3. **black region changed to purple**" in text
    assert "*(picture 1, bottom right; picture 2, bottom right)*" in text
    pixels = pixels_of(made(events)["compared.png"])
    white = (pixels == (255, 255, 255)).all(axis=2)
    left, right = np.flatnonzero(white.sum(axis=0) > 150)[[0, -1]]
    removed, added, turned = (line_columns(pixels, colour) for colour in (VERMILLION, GREEN, AMBER))
    assert removed[[0, -1]] - left == pytest.approx((RED[0], RED[2]), abs=NEAR)
    assert added[[0, -1]] - (right - 599) == pytest.approx((BLUE[0], BLUE[2]), abs=NEAR)
    assert turned[0] - left == pytest.approx(BLACK[0], abs=NEAR)
    assert turned[-1] - (right - 599) == pytest.approx(BLACK[2], abs=NEAR)


async def test_the_same_picture_twice_has_no_difference(rig: Rig) -> None:
    same = shapes(red=RED)
    events = await rig.ask(rig.post("one.png", same), rig.post("two.png", same), task=Compare())
    assert "Picture 1 is a PNG of 600 x 400" in last_text(events)
    assert "###" not in last_text(events)
    assert made(events) == {}
