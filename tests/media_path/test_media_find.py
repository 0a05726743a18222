"""/find: what is asked of the model, and what is made of its boxes."""

import io
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image, ImageDraw
from pydantic_core import from_json

from bot.media.drawing import MOST_MARKS
from bot.media.drawing_colours import colour_of
from bot.media.drawing_output import ALT_LENGTH
from bot.media.errors import MediaError
from bot.media.events import MadeFile
from bot.media.fit import Fitted, Fitter
from bot.media.tasks.find import Find
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json

KIT = Path(__file__).parents[1] / "media"
CUPS = {
    "things": [
        {"label": "red cup", "box_2d": [250, 100, 750, 300]},
        {"label": "blue cup", "box_2d": [100, 600, 400, 900]},
    ],
    "missing": ["spoon"],
}


@pytest.fixture
async def cups(tmp_path: Path) -> Fitted:
    """A red rectangle at (60, 100) to (180, 300), and a blue one at (360, 40) to (540, 160)."""
    picture = Image.new("RGB", (600, 400), "white")
    canvas = ImageDraw.Draw(picture)
    canvas.rectangle((60, 100, 179, 299), "red")
    canvas.rectangle((360, 40, 539, 159), "blue")
    path = tmp_path / "0"
    picture.save(path, "PNG")
    return await Fitter().fit(path, "cups.png", None)


def made(task: Find, value: Any, file: Fitted) -> dict[str, MadeFile]:
    return {each.name: each for each in task.make(value, [file], threading.Event())}


def test_the_schema_is_one_and_takes_what_is_asked_for() -> None:
    for task in (Find("cups"), Find("cups", in_space=True)):
        Draft202012Validator.check_schema(task.schema)
    Draft202012Validator(Find("cups").schema).validate(CUPS)
    assert not Draft202012Validator(Find("cups", in_space=True).schema).is_valid(CUPS)


def test_it_can_be_kept() -> None:
    task = Find("cups", in_space=True)
    assert task_of(json.loads(json.dumps(to_json(task)))) == task


def test_the_prompt_has_the_persons_words_and_its_own_convention(cups: Fitted) -> None:
    assert "the oldest cup" in Find("the oldest cup").prompt([cups])
    assert "[y0, x0, y1, x1]" in Find("cups").prompt([cups])
    assert "roll, pitch, yaw" in Find("cups", in_space=True).prompt([cups])
    assert "box_2d" not in Find("cups", in_space=True).prompt([cups])


def test_what_was_found_is_listed(cups: Fitted) -> None:
    assert Find("cups").render(CUPS, [cups]) == (
        "1. **red cup**: left, 10 % of the picture\n"
        "2. **blue cup**: top right, 9 % of the picture\n"
        "\n"
        "Not found: spoon."
    )


def test_nothing_found_is_a_sentence(cups: Fitted) -> None:
    task = Find("a  unicorn")
    value = {"things": [], "missing": ["a unicorn"]}
    assert task.render(value, [cups]) == "Nothing like “a unicorn” can be seen in cups.png."
    assert made(task, value, cups) == {}


def test_a_growing_answer_says_nothing_that_it_takes_back(cups: Fitted) -> None:
    written = json.dumps(CUPS)
    for end in range(len(written)):
        try:
            value = from_json(written[:end], allow_partial="trailing-strings")
        except ValueError:
            continue
        assert "Nothing" not in Find("cups").render(value, [cups])


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(st.sampled_from(["things", "label", "box_2d", "box_3d", "missing"]), v)
        ),
    )
)
def test_any_json_can_be_shown_and_judged(value: Any) -> None:
    for task in (Find("cups"), Find("cups", in_space=True)):
        assert isinstance(task.render(value, []), str)
        assert isinstance(task.problems(value, []), list)


def test_boxes_are_drawn_where_the_things_are(cups: Fitted) -> None:
    picture = made(Find("cups"), CUPS, cups)["found.png"]
    drawn = Image.open(io.BytesIO(picture.data)).convert("RGB")
    assert drawn.size == (600, 400)
    for number, (x0, y0, x1, y1) in ((1, (60, 100, 180, 300)), (2, (360, 40, 540, 160))):
        for at in ((x0, y1 - 20), (x1 - 1, y1 - 20), (x1 - 20, y0), (x1 - 20, y1 - 1)):
            assert drawn.getpixel(at) == colour_of(number)
    assert drawn.getpixel((120, 200)) == (255, 0, 0)
    assert drawn.getpixel((450, 100)) == (0, 0, 255)
    assert drawn.getpixel((300, 350)) == (255, 255, 255)


def test_alt_text_names_what_was_found_and_where(cups: Fitted) -> None:
    picture = made(Find("cups"), CUPS, cups)["found.png"]
    assert picture.description == (
        "cups.png with boxes around what was found: "
        "1 red cup, left, 10 % of the picture; 2 blue cup, top right, 9 % of the picture."
    )
    long = {"things": [{"label": "cup " * 50, "box_2d": [0, 0, 9, 9]}] * 30, "missing": []}
    assert len(made(Find("cups"), long, cups)["found.png"].description) == ALT_LENGTH


def test_boxes_are_given_as_json(cups: Fitted) -> None:
    boxes = json.loads(made(Find("cups"), CUPS, cups)["boxes.json"].data)
    assert boxes == {
        "picture": {"name": "cups.png", "width": 600, "height": 400},
        "things": [
            {"number": 1, "label": "red cup", "box_2d": [250, 100, 750, 300], "box_px": [60, 100, 180, 300]},
            {"number": 2, "label": "blue cup", "box_2d": [100, 600, 400, 900], "box_px": [360, 40, 540, 160]},
        ],
    }


def test_boxes_in_space(cups: Fitted) -> None:
    task = Find("cups", in_space=True)
    value = {"things": [{"label": "crate", "box_3d": [0, 2, 0, 1, 2, 0.5, 0, 0, 0]}], "missing": []}
    assert task.problems(value, [cups]) == []
    assert task.render(value, [cups]) == "1. **crate**: 2 m away, 1 m wide, 2 m deep and 0.5 m high"
    files = made(task, value, cups)
    drawn = np.asarray(Image.open(io.BytesIO(files["found.png"].data)).convert("RGB"))
    assert (drawn[200, 40] == colour_of(1)).all(), "the near left edge is at 300 - 0.5 * 519.6"
    (thing,) = json.loads(files["boxes.json"].data)["things"]
    assert thing["box_3d"] == [0, 2, 0, 1, 2, 0.5, 0, 0, 0]
    assert thing["corners_px"][0] == [40.2, 329.9], "the lower near left corner"
    assert thing["corners_px"][7] == [386.6, 156.7], "the upper far right corner"


def test_what_does_not_fit_is_told_to_the_model(cups: Fitted) -> None:
    value = {
        "things": [
            {"label": " ", "box_2d": [250, 100, 750, 300]},
            {"label": "upside down", "box_2d": [750, 100, 250, 300]},
            {"label": "outside", "box_2d": [0, 0, 400, 1400]},
        ],
        "missing": [],
    }
    said = Find("cups").problems(value, [cups])
    assert [each.split(" ")[0] for each in said] == [
        "things[0].label", "things[1].box_2d", "things[2].box_2d",
    ]  # fmt: skip
    flat = {"things": [{"label": "flat", "box_3d": [0, 2, 0, 1, 2, 0, 0, 0, 0]}], "missing": []}
    assert "size" in Find("cups", in_space=True).problems(flat, [cups])[0]


def test_what_still_does_not_fit_is_put_right_or_left_out(cups: Fitted) -> None:
    value = {
        "things": [
            {"label": "upside down", "box_2d": [750, 300, 250, 100]},
            {"label": "nowhere", "box_2d": [1]},
            {"label": "a\ud800", "box_2d": [0, 900, 100, 2000]},
        ]
    }
    files = made(Find("cups"), value, cups)
    boxes = [each["box_px"] for each in json.loads(files["boxes.json"].data)["things"]]
    assert boxes == [[60, 100, 180, 300], None, [540, 0, 600, 40]]


def test_more_than_can_be_marked(cups: Fitted) -> None:
    many = {
        "things": [{"label": f"dot {n}", "box_2d": [n, n, n + 20, n + 20]} for n in range(70)],
        "missing": [],
    }
    text = Find("dots").render(many, [cups])
    assert f"{MOST_MARKS}. **dot {MOST_MARKS - 1}**" in text
    assert text.endswith("And 10 more, which are in boxes.json.")
    assert len(json.loads(made(Find("dots"), many, cups)["boxes.json"].data)["things"]) == 70


def test_nothing_is_made_when_stopped(cups: Fitted) -> None:
    stop = threading.Event()
    stop.set()
    assert Find("cups").make(CUPS, [cups], stop) == ()


async def test_a_photo_stays_a_photo(tmp_path: Path) -> None:
    """Larger than what is kept exact: it comes as JPEG, scaled, and the boxes are in those pixels."""
    photo = Image.open(KIT / "photo-coffee.png").convert("RGB").resize((4000, 3000))
    path = tmp_path / "0"
    photo.save(path, "JPEG")
    file = await Fitter().fit(path, "photo.jpg", None)
    files = made(Find("cups"), CUPS, file)
    assert Image.open(io.BytesIO(files["found.jpg"].data)).size == (file.width, file.height)
    boxes = json.loads(files["boxes.json"].data)
    assert boxes["picture"] == {"name": "photo.jpg", "width": file.width, "height": file.height}


async def test_only_one_picture_is_looked_into(cups: Fitted, tmp_path: Path) -> None:
    task = Find("cups")
    task.check([cups])
    with pytest.raises(MediaError, match=r"speech-austen-0880\.wav is not a picture: use /find on a PNG"):
        speech = shutil.copy(KIT / "speech-austen-0880.wav", tmp_path)
        task.check([await Fitter().fit(Path(speech), "speech-austen-0880.wav", None)])
    with pytest.raises(MediaError, match="these are 2: post one"):
        task.check([cups, cups])
