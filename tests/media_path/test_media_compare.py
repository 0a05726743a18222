"""/compare: what is asked of the model, and what is made of the differences that it tells."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image
from pydantic_core import from_json

from bot.media.drawing_colours import GREEN, VERMILLION, Rgb
from bot.media.drawing_output import ALT_LENGTH
from bot.media.errors import MediaError
from bot.media.events import MadeFile
from bot.media.fit import Fitted, Fitter
from bot.media.tasks.compare import AMBER, Compare
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json
from bot.text.pages import paged

KIT = Path(__file__).parents[1] / "media"


def place(picture: int, *box: int) -> dict[str, Any]:
    return {"picture": picture, "box_2d": list(box)}


DESK = {
    "summary": "A lamp was put on the desk.",
    "differences": [
        {
            "kind": "change",
            "title": "Chair",
            "description": "It is turned to the left.",
            "places": [place(1, 600, 100, 900, 300), place(2, 600, 100, 900, 300)],
        },
        {
            "kind": "addition",
            "title": "Lamp",
            "description": "It stands at the right.",
            "severity": "major",
            "places": [place(2, 100, 700, 400, 900)],
        },
        {
            "kind": "removal",
            "title": "Cup",
            "description": "It is gone.",
            "severity": "minor",
            "places": [place(1, 100, 100, 300, 300)],
        },
    ],
}


async def picture(folder: Path, name: str, size: tuple[int, int] = (600, 400)) -> Fitted:
    path = folder / name
    Image.new("RGB", size, "white").save(path, "PNG")
    return await Fitter().fit(path, f"{name}.png", None)


@pytest.fixture
async def desks(tmp_path: Path) -> list[Fitted]:
    return [await picture(tmp_path, "before"), await picture(tmp_path, "after")]


def made(value: Any, files: list[Fitted]) -> tuple[MadeFile, ...]:
    return Compare().make(value, files, threading.Event())


def test_the_schema_is_one_and_takes_what_is_asked_for() -> None:
    Draft202012Validator.check_schema(Compare().schema)
    Draft202012Validator(Compare().schema).validate(DESK)


def test_it_can_be_kept() -> None:
    task = Compare("What about the lamp?")
    assert task_of(json.loads(json.dumps(to_json(task)))) == task


def test_the_prompt_says_how_many_and_what_about(desks: list[Fitted]) -> None:
    assert "these 2 pictures" in Compare().prompt(desks)
    assert "What about the lamp?" in Compare("What about the lamp?").prompt(desks)


def test_differences_are_told_by_kind(desks: list[Fitted]) -> None:
    assert Compare().render(DESK, desks) == (
        "A lamp was put on the desk.\n\n"
        "### Added (+)\n"
        "1. **Lamp** (major): It stands at the right. *(picture 2, top right)*\n\n"
        "### Removed (−)\n"  # noqa: RUF001
        "2. **Cup** (minor): It is gone. *(picture 1, top left)*\n\n"
        "### Changed (~)\n"
        "3. **Chair**: It is turned to the left. *(picture 1, bottom left; picture 2, bottom left)*"
    )


def test_the_numbers_are_the_same_on_discord(desks: list[Fitted]) -> None:
    (page,) = paged(Compare().render(DESK, desks))
    assert "2. **Cup**" in page
    assert "3. **Chair**" in page


def test_the_same_pictures_get_the_summary_alone(desks: list[Fitted]) -> None:
    value = {"summary": "There is no difference.", "differences": []}
    assert Compare().render(value, desks) == "There is no difference."
    assert made(value, desks) == ()


def test_a_growing_answer_can_be_shown(desks: list[Fitted]) -> None:
    written = json.dumps(DESK)
    shown = set()
    for end in range(1, len(written)):
        value = from_json(written[:end], allow_partial="trailing-strings")
        shown.add(Compare().render(value, desks))
    assert "A lamp was put" in shown


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["summary", "differences", "kind", "title", "places", "picture", "box_2d"]), v
            )
        ),
    )
)
def test_any_json_can_be_shown_and_judged(value: Any) -> None:
    assert isinstance(Compare().render(value, []), str)
    assert isinstance(Compare().problems(value, []), list)


def test_places_are_marked_in_the_colour_of_their_kind(desks: list[Fitted]) -> None:
    """Two pictures of 600 x 400 come side by side at their own size: the sheet says where by its colours."""
    (file,) = made(DESK, desks)
    assert file.name == "compared.png"
    sheet = np.asarray(Image.open(io.BytesIO(file.data)))
    tops = np.flatnonzero((sheet == 255).all(axis=2).any(axis=1))
    columns = np.flatnonzero((sheet == 255).all(axis=2).sum(axis=0) > 200)
    left, bottom = columns[0], tops[-1] + 1
    right = columns[-1] + 1 - 600
    first, second = (sheet[bottom - 400 : bottom, x : x + 600] for x in (left, right))
    assert extent(first, VERMILLION) == pytest.approx((60, 40, 180, 120), abs=3)
    assert extent(first, AMBER) == pytest.approx((60, 240, 180, 360), abs=3)
    assert extent(second, AMBER) == pytest.approx((60, 240, 180, 360), abs=3)
    assert extent(second, GREEN) == pytest.approx((420, 40, 540, 160), abs=3)
    assert not is_colour(first, GREEN).any()
    assert not is_colour(second, VERMILLION).any()


def is_colour(pixels: Any, colour: Rgb) -> Any:
    return (pixels == colour).all(axis=2)


def extent(pixels: Any, colour: Rgb) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 of a frame: of the rows and columns that have a line, not a chip."""
    found = is_colour(pixels, colour)
    rows, columns = np.flatnonzero(found.sum(axis=1) > 60), np.flatnonzero(found.sum(axis=0) > 60)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_alt_text_tells_the_differences(desks: list[Fitted]) -> None:
    (file,) = made(DESK, desks)
    assert file.description == (
        "2 pictures side by side, with their differences marked. added, 1: Lamp (picture 2, top right); "
        "removed, 2: Cup (picture 1, top left); "
        "changed, 3: Chair (picture 1, bottom left; picture 2, bottom left)."
    )
    long = {"differences": [{**each, "title": "t" * 600} for each in DESK["differences"]]}  # type: ignore[dict-item]
    assert len(made(long, desks)[0].description) == ALT_LENGTH


async def test_pictures_of_any_sizes_come_on_one_sheet(tmp_path: Path) -> None:
    sizes = [(3072, 2000), (32, 32), (2000, 100), (100, 1800)]
    files = [await picture(tmp_path, str(number), size) for number, size in enumerate(sizes)]
    value = {
        "differences": [
            {"kind": "change", "title": "t", "places": [place(n, 0, 0, 500, 500)]} for n in (1, 2, 3, 4)
        ]
    }
    (file,) = made(value, files)
    assert Image.open(io.BytesIO(file.data)).format == ("PNG" if file.name == "compared.png" else "JPEG")


def test_what_does_not_fit_is_told_to_the_model(desks: list[Fitted]) -> None:
    value = {
        "summary": "",
        "differences": [
            {"kind": "change", "title": "", "description": "", "places": [place(3, 0, 0, 10, 10)]},
            {"kind": "change", "title": "t", "description": "", "places": [place(0, 10, 10, 10, 20)]},
        ],
    }
    said = Compare().problems(value, desks)
    assert [each.split(" ")[0] for each in said] == [
        "differences[0].title",
        "differences[0].places[0].picture",
        "differences[1].places[0].picture",
        "differences[1].places[0].box_2d",
    ]
    assert made(value, desks) == (), "what can't be is not marked"


def test_nothing_is_made_when_stopped(desks: list[Fitted]) -> None:
    stop = threading.Event()
    stop.set()
    assert Compare().make(DESK, desks, stop) == ()


async def test_two_to_four_pictures_are_compared(desks: list[Fitted], tmp_path: Path) -> None:
    Compare().check(desks)
    Compare().check(desks * 2)
    with pytest.raises(MediaError, match="takes 2 to 4 pictures, and got one picture"):
        Compare().check(desks[:1])
    with pytest.raises(MediaError, match="got 5 pictures"):
        Compare().check([*desks, *desks, desks[0]])
    film = tmp_path / "film"
    film.write_bytes((KIT / "video-bunny.mp4").read_bytes())
    with pytest.raises(MediaError, match=r"film\.mp4 is not a picture: compare PNG"):
        Compare().check([desks[0], await Fitter().fit(film, "film.mp4", None)])
