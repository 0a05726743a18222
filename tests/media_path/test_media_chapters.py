"""Chapters: their schema, what is wrong with them, and the sheet of their frames."""

import io
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from film_rig import BUNNY, KIT, decoded, differ, film, shown_at, taken_apart
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from media_rig import Rig, rig
from PIL import Image
from pydantic_core import from_json
from summarize_rig import ADDRESS, MINUTE, ONLINE, THREE, chapter, fitted, made, whole

from bot.media.drawing_output import ALT_LENGTH
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import MOST, Chapters
from bot.media.tasks.youtube import YouTube

__all__ = ["rig"]


def test_the_schemas_are_some_and_take_what_is_asked_for() -> None:
    for task in (Chapters(), YouTube(), Captions()):
        assert task.schema is not None
        Draft202012Validator.check_schema(task.schema)
    check = Draft202012Validator(Chapters().schema)
    check.validate(THREE)
    assert not check.is_valid({"summary": "", "chapters": []})


def test_too_many_chapters_are_a_problem_told_in_words() -> None:
    """Gemini refuses a schema with a long list of objects in it, so nothing says so there."""
    many = [chapter(at, at + 1) for at in range(MOST + 1)]
    assert "maxItems" not in json.dumps([Chapters().schema, YouTube().schema])
    assert Chapters().problems({"chapters": many}, [MINUTE])[0] == (
        f"there are {MOST + 1} chapters, and {MOST} is the most: join some"
    )


def test_chapters_are_listed() -> None:
    assert Chapters().render(THREE, [MINUTE]) == (
        "A rabbit wakes up.\n\n"
        "- `0:00` **Waking**: It happens.\n"
        "- `0:20` **The meadow**: It happens.\n"
        "- `0:41` **Credits**"
    )


def test_times_of_a_film_on_youtube_lead_there_and_there_are_no_pictures() -> None:
    task = Chapters(address=ADDRESS)
    shown = task.render(THREE, [ONLINE])
    assert f"- [0:41]({ADDRESS}&t=41s) **Credits**" in shown
    assert shown.endswith("so there are no pictures of its chapters.*")
    assert task.make(THREE, [ONLINE], threading.Event()) == ()


@pytest.mark.parametrize(
    ("chapters", "told"),
    [
        ([chapter(0, 20), chapter(15, 60)], "chapters[1] (15 to 60 s) begins before 20 s"),
        ([chapter(0, 60), chapter(60, 75)], "chapters[1] (60 to 75 s) is not within the recording"),
        ([chapter(0, 60, title=" ")], "chapters[0].title is empty"),
        ([chapter(0, 10), chapter(50, 60)], "the chapters cover 20 s of the 60 s from 0 to 60 s"),
        ([chapter(0, 0.6), chapter(0.6, 1.0)], "the chapters cover 1 s of the 60 s"),
    ],
)
def test_chapters_are_held_against_the_film(chapters: list[dict[str, Any]], told: str) -> None:
    (problem,) = Chapters().problems({"summary": "", "chapters": chapters}, [MINUTE])
    assert problem.startswith(told)


def test_small_slips_are_none() -> None:
    value = {"summary": "", "chapters": [chapter(0, 20.4), chapter(20, 40), chapter(42, 60.9)]}
    assert Chapters().problems(THREE, [MINUTE]) == []
    assert Chapters().problems(value, [MINUTE]) == []
    assert Chapters().problems({"summary": "", "chapters": [chapter(0, 9_999)]}, [ONLINE]) == []


def test_chapters_of_a_part_lie_in_it() -> None:
    task = Chapters("0:20-0:40")
    assert task.problems({"chapters": [chapter(20, 30), chapter(30, 40)]}, [MINUTE]) == []
    (problem,) = task.problems({"chapters": [chapter(0, 20)]}, [MINUTE])
    assert "from 20 to 40 s" in problem


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["chapters", "cues", "start", "end", "title", "text", "summary", "description", "tags"]
            ),
            inner,
        )
    ),
)


@given(JSON)
def test_any_json_can_be_shown_and_judged(value: Any) -> None:
    for task in (Chapters(), YouTube("0:10-0:20"), Captions()):
        for files in ([], [MINUTE], [ONLINE]):
            assert isinstance(task.render(value, files), str)
            assert isinstance(task.problems(value, files), list)


def test_a_growing_answer_says_nothing_that_it_takes_back() -> None:
    written = json.dumps(THREE)
    before = 0
    for end in range(len(written)):
        try:
            shown = Chapters().render(from_json(written[:end], allow_partial="trailing-strings"), [MINUTE])
        except ValueError:
            continue
        assert len(shown) >= before
        before = len(shown)


async def test_the_sheet_shows_the_frames_at_those_times(tmp_path: Path) -> None:
    colours = ("red", "lime", "blue", "yellow", "magenta", "cyan")
    file = await fitted(tmp_path, film(colours))
    chapters = [chapter(second, second + 1, f"Second {second}") for second in (5, 1, 3)]
    (sheet,) = Chapters().make({"chapters": chapters}, [file], threading.Event())
    shown = taken_apart(Image.open(io.BytesIO(sheet.data)))
    wanted = [Image.new("RGB", (320, 180), colours[second]) for second in (1, 3, 5)]
    assert len(shown) == 3
    for picture, colour in zip(shown, wanted, strict=True):
        middle = picture.crop((0, 0, picture.width, picture.height // 2))
        assert differ(middle, colour) < 20
    assert sheet.name == "chapters.jpg"
    assert sheet.description == (
        "What film.mp4 shows at the beginning of each chapter: 0:01 Second 1; 0:03 Second 3; 0:05 Second 5."
    )


async def test_there_is_no_sheet_of_sound_and_alt_text_has_an_end(tmp_path: Path) -> None:
    speech = await fitted(tmp_path, (KIT / "speech-austen-0920.wav").read_bytes(), "speech.wav")
    assert Chapters().make(THREE, [speech], threading.Event()) == ()
    long = {"chapters": [chapter(0, 1, "A very long title indeed " * 4)] * 99}
    file = await fitted(tmp_path, film(["red"]))
    (sheet,) = Chapters().make(long, [file], threading.Event())
    assert len(sheet.description) == ALT_LENGTH
    assert len(taken_apart(Image.open(io.BytesIO(sheet.data)))) == MOST


async def test_chapters_of_the_film_end_to_end(rig: Rig) -> None:
    """The model's times are those of the scenes that it measured; the sheet is of the frames there."""
    events = await rig.ask(rig.post_media("video-bunny.mp4"), task=Chapters())
    times = [
        int(minutes) * 60 + int(seconds) for minutes, seconds in re.findall(r"- `(\d+):(\d+)`", whole(events))
    ]
    assert times == [0, 1, 3], "thirds of 5.3 s, as there are no cuts in it"
    assert "1280 x 720" in whole(events)
    sheet = Image.open(io.BytesIO(made(events)["chapters.jpg"].data))
    real = decoded(BUNNY)
    shown = taken_apart(sheet)
    assert len(shown) == 3
    starts = [0.0, 5.28 / 3, 5.28 * 2 / 3]
    for index, picture in enumerate(shown):
        away = [differ(picture, shown_at(real, other)) for other in starts]
        assert away[index] == min(away) < 6, away
        assert sorted(away)[1] > 1.5 * away[index]
