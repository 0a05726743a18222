"""Pictures compared by the loopback Gemini: what was added, removed and changed, found in their pixels."""

import io
import json
from typing import Any

import pytest
from gemini_rest_rig import KIT, ask, client_of, part
from PIL import Image, ImageDraw, ImageEnhance

from bot.emulators.gemini.media_compare import differences
from bot.emulators.gemini.media_facts import PictureFacts
from bot.emulators.gemini.media_picture import look
from bot.emulators.gemini.rest_findings import Findings
from bot.emulators.gemini.rest_schema import fill
from bot.emulators.gemini.server import GeminiEmulator

SIZE = (500, 400)
Box = tuple[int, int, int, int]
LEFT, RIGHT, LOW = (50, 60, 150, 160), (300, 60, 420, 160), (220, 250, 330, 350)  # x0, y0, x1, y1


def drawn(*boxes: tuple[Box, str], ground: str = "white", size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("RGB", SIZE, ground)
    for box, colour in boxes:
        ImageDraw.Draw(image).rectangle(box, fill=colour)
    return image.resize(size)


def packed(image: Image.Image, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, quality=70)
    return buffer.getvalue()


def seen(image: Image.Image, form: str = "PNG") -> PictureFacts:
    return look(packed(image, form))


def thousandths(box: Box) -> list[int]:
    x0, y0, x1, y1 = box
    return [1000 * y0 // 400, 1000 * x0 // 500, 1000 * y1 // 400, 1000 * x1 // 500]


BEFORE = drawn((LEFT, "red"), (RIGHT, "green"))
AFTER = drawn((RIGHT, "blue"), (LOW, "black"))


def test_what_is_new_gone_and_otherwise() -> None:
    found = {one.kind: one for one in differences(seen(BEFORE), seen(AFTER))}
    assert set(found) == {"addition", "removal", "change"}
    assert list(found["addition"].box) == pytest.approx(thousandths(LOW), abs=20)
    assert list(found["removal"].box) == pytest.approx(thousandths(LEFT), abs=20)
    assert list(found["change"].box) == pytest.approx(thousandths(RIGHT), abs=20)
    assert (found["addition"].before, found["addition"].after) == ("white", "black")
    assert (found["removal"].before, found["removal"].after) == ("red", "white")
    assert (found["change"].before, found["change"].after) == ("green", "blue")
    assert found["addition"].share == pytest.approx(111 * 101 / 200_000, rel=0.2)


def test_the_other_way_round_new_is_gone() -> None:
    found = {one.kind: one for one in differences(seen(AFTER), seen(BEFORE))}
    assert list(found["removal"].box) == pytest.approx(thousandths(LOW), abs=20)
    assert list(found["addition"].box) == pytest.approx(thousandths(LEFT), abs=20)


def test_what_only_the_file_changes_is_no_difference() -> None:
    photo = Image.open(KIT / "photo-coffee.png").convert("RGB")
    smaller = photo.resize((photo.width * 2 // 3, photo.height * 2 // 3))
    brighter = ImageEnhance.Brightness(photo).enhance(1.05)
    for other in (photo, smaller, brighter):
        assert differences(seen(photo), seen(other, "JPEG")) == ()


def test_something_put_into_a_photo() -> None:
    photo = Image.open(KIT / "photo-coffee.png").convert("RGB")
    changed = photo.copy()
    ImageDraw.Draw(changed).ellipse((30, 30, 110, 110), fill="blue")
    (found,) = differences(seen(photo), seen(changed, "JPEG"))
    assert (found.kind, found.after) == ("addition", "blue")
    assert list(found.box) == pytest.approx([75, 50, 275, 183], abs=25)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "summary": {"type": "string"},
        "differences": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string", "enum": ["addition", "removal", "change"]},
                    "title": {"type": "string"},
                    "severity": {"type": "string", "enum": ["minor", "major"]},
                    "places": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "picture": {"type": "integer"},
                                "box_2d": {"type": "array", "items": {"type": "integer"}},
                            },
                            "required": ["picture", "box_2d"],
                        },
                    },
                },
                "required": ["kind", "title", "places"],
            },
        },
    },
    "required": ["summary", "differences"],
}


async def test_a_schema_is_filled_with_kinds_and_places(gemini_emulator: GeminiEmulator) -> None:
    pictures = [part(packed(one), "image/png") for one in (BEFORE, AFTER)]
    async with client_of(gemini_emulator) as client:
        config: dict[str, Any] = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}
        response = await ask(client, *pictures, "Compare", **config)
        same = await ask(client, pictures[0], pictures[0], "Compare", **config)
    value = json.loads(response.text or "")
    found = {one["kind"]: one for one in value["differences"]}
    assert [one["picture"] for one in found["addition"]["places"]] == [2]
    assert [one["picture"] for one in found["removal"]["places"]] == [1]
    assert [one["picture"] for one in found["change"]["places"]] == [1, 2]
    assert found["addition"]["places"][0]["box_2d"] == pytest.approx(thousandths(LOW), abs=20)
    assert found["change"]["title"] == "green region changed to blue"
    assert "A red region in picture 1 is not in picture 2." in value["summary"]
    assert json.loads(same.text or "")["differences"] == []


def filled(properties: dict[str, Any], *images: Image.Image) -> Any:
    facts = tuple(seen(image) for image in images)
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return fill(schema, Findings(facts, "Compare", ("Measured.",)))


def rows(**members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": members, "required": list(members)}}


BOX = {"type": "array", "items": {"type": "integer"}}
STRING = {"type": "string"}


def test_other_words_for_the_same() -> None:
    kinds = {"type": "string", "enum": ["ADDED", "REMOVED", "MODIFIED"]}
    value = filled(
        {"items": rows(change_type=kinds, box_2d=BOX, image={"type": "string"})}, BEFORE, drawn((LEFT, "red"))
    )
    (item,) = value["items"]
    assert (item["change_type"], item["box_2d"]) == ("REMOVED", pytest.approx(thousandths(RIGHT), abs=20))


def test_an_array_for_each_kind() -> None:
    item = rows(picture={"type": "integer"}, box_2d=BOX, description=STRING)
    value = filled({"additions": item, "removals": item, "identical": {"type": "boolean"}}, BEFORE, AFTER)
    assert [one["picture"] for one in value["additions"]] == [2]
    assert [one["picture"] for one in value["removals"]] == [1]
    assert "is not in picture 2" in value["removals"][0]["description"]
    assert value["identical"] is False


def test_each_is_compared_with_the_first() -> None:
    third = drawn((LEFT, "red"), (RIGHT, "green"), (LOW, "black"))
    value = filled({"differences": rows(picture={"type": "integer"}, title=STRING)}, BEFORE, BEFORE, third)
    assert value == {"differences": [{"picture": 3, "title": "black region added"}]}


def test_one_picture_differs_from_nothing() -> None:
    assert filled({"differences": rows(title=STRING)}, BEFORE) == {"differences": []}
