"""/inspect on the loopback Gemini: defects where its eyes find regions, and the pages that it read."""

import io
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_rig import Rig, encoded, finished, rig
from PIL import Image, ImageDraw
from printed import printed

from bot.emulators.gemini.rest_faults import RestFault, RestWhere, Spoil
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.drawing_colours import VERMILLION
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, MediaEvent, TextWhole
from bot.media.fit import Fitted
from bot.media.sniff import Kind
from bot.media.tasks.inspect import Inspect

__all__ = ["rig"]

SPECIFICATION = printed("The case must be white.", "No marks are allowed.", "Weight: 120 g.")
MARK = (360, 40, 540, 160)
NEAR = 8  # pixels: the loopback model looks at a copy of 128 pixels, blurred
DEFECT = {
    "title": "Scratch",
    "severity": "major",
    "picture": 1,
    "box_2d": [100, 100, 200, 300],
    "video_time": None,
    "requirement": "No marks",
    "page": 2,
    "description": "A long scratch.",
}
VALUE: dict[str, Any] = {
    "defects": [
        {**DEFECT, "title": "Dust", "severity": "minor", "picture": None, "box_2d": None, "video_time": 65.5},
        DEFECT,
        {**DEFECT, "title": "Crack | *deep*", "severity": "critical", "requirement": None, "page": None},
    ],
    "deviations": [{"requirement": "Weight", "page": 3, "expected": "120 g", "found": "125 g"}],
    "summary": "It is broken.",
    "score": 12,
    "status": "fail",
    "recommendations": ["Replace it"],
}


def fitted(name: str, kind: Kind, mime_type: str, **known: Any) -> Fitted:
    return Fitted(None, name, mime_type, 1, "", kind, **known)


PICTURE = fitted("a.png", Kind.PICTURE, "image/png", width=600, height=400)
PDF = fitted("s.pdf", Kind.DOCUMENT, "application/pdf", pages=3)
VIDEO = fitted("v.mp4", Kind.RECORDING, "video/mp4", duration_s=90.0)


def product(*boxes: tuple[int, int, int, int]) -> bytes:
    """Return a white picture of 600 x 400 with blue marks."""
    picture = Image.new("RGB", (600, 400), "white")
    for x0, y0, x1, y1 in boxes:
        ImageDraw.Draw(picture).rectangle((x0, y0, x1 - 1, y1 - 1), "blue")
    return encoded(picture, "PNG")


def made(events: list[MediaEvent]) -> dict[str, MadeFile]:
    return {file.name: file for event in events if isinstance(event, Made) for file in event.files}


def last_text(events: list[MediaEvent]) -> str:
    return [event.text for event in events if isinstance(event, TextWhole)][-1]


async def test_defects_are_marked_where_they_are(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    sources = (
        rig.post("front.png", product()),
        rig.post("back.png", product(MARK)),
        rig.post("spec.pdf", SPECIFICATION),
        rig.post_media("video-bunny.mp4"),
    )
    events = await rig.ask(*sources, task=Inspect())
    request = gemini_emulator.requests[0]
    assert (
        "picture 1, picture 2, the specification, which has 3 pages, the video, which lasts 5."
        in request.prompt
    )
    files = made(events)
    value = json.loads(files["inspection.json"].data)
    assert [each["picture"] for each in value["defects"]] == [2]
    assert "No marks are allowed." in value["summary"], "the specification has been read"
    text = last_text(events)
    assert text.startswith("## ❌ Fail · 0 / 100")
    assert (
        "1. **Critical: blue region 1** (picture 2, top right): A blue region on 9.0% of picture 2." in text
    )
    assert set(files) == {"defects-2.png", "inspection.json"}
    pixels = np.asarray(Image.open(io.BytesIO(files["defects-2.png"].data)).convert("RGB"))
    columns = np.flatnonzero((pixels == VERMILLION).all(axis=2).sum(axis=0) >= 60)
    assert abs(columns[0] - MARK[0]) <= NEAR and abs(columns[-1] - MARK[2]) <= NEAR
    assert "picture 2, top right" in files["defects-2.png"].description
    assert finished(events).truncated is None


async def test_a_spoilt_answer_is_asked_for_once_more(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.faults.append(RestFault(RestWhere.GENERATE, Spoil()))
    sources = (rig.post("a.png", product(MARK)), rig.post("spec.pdf", SPECIFICATION))
    events = await rig.ask(*sources, task=Inspect())
    assert "'defects' is a required property" in gemini_emulator.requests[1].prompt
    assert "picture 1, top right" in last_text(events)
    assert finished(events).truncated is None


def test_the_verdict_comes_first_and_the_gravest_defect() -> None:
    shown = Inspect().render(VALUE, ())
    assert shown.split("\n") == [
        "## ❌ Fail · 12 / 100",
        "",
        "It is broken.",
        "",
        "### Defects",
        "1. **Critical: Crack \\| \\*deep\\*** (picture 1, top left): A long scratch.",
        "2. **Major: Scratch** (picture 1, top left): A long scratch. *Required on page 2: No marks*",
        "3. **Minor: Dust** (video at 1:05): A long scratch. *Required on page 2: No marks*",
        "",
        "### Deviations",
        "",
        "| Requirement | Page | Expected | Found |",
        "| --- | ---: | --- | --- |",
        "| Weight | 3 | 120 g | 125 g |",
        "",
        "### Recommendations",
        "- Replace it",
    ]
    assert Inspect().render({"status": "pass", "score": 100, "defects": []}, ()) == "## ✅ Pass · 100 / 100"


def test_every_state_of_a_growing_value_is_shown() -> None:
    from pydantic_core import from_json

    whole = json.dumps(VALUE)
    for end in range(1, len(whole) + 1):
        Inspect().render(from_json(whole[:end], allow_partial="trailing-strings"), ())


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"status": "unclear", "score": 99}, None),
        (
            {"status": "pass", "defects": [DEFECT]},
            "status is pass, and score is 12: a pass has 70 at least",
        ),
        ({"status": "pass", "score": 80}, "status is pass, and there is a critical defect: then it is fail"),
        ({"score": 95}, "status is fail, and score is 95: a fail has less than 90"),
        ({"deviations": [{"page": 4}]}, "deviations[0].page is none of 1 to 3"),
        ({"defects": [{**DEFECT, "page": 0}]}, "defects[0].page is none of 1 to 3"),
        ({"defects": [{**DEFECT, "picture": 2}]}, "defects[0].picture is none of 1 to 1"),
        (
            {"defects": [{**DEFECT, "box_2d": [1, 2, 3, 1001]}]},
            "defects[0].box_2d has a number outside 0 to 1000",
        ),
        (
            {"defects": [{**DEFECT, "picture": None}]},
            "defects[0].box_2d is in no picture: give the picture's number, or null for both",
        ),
        ({"defects": [{**DEFECT, "video_time": 90.5}]}, "defects[0].video_time is none of 0 to 90.0 seconds"),
    ],
)
def test_what_can_not_be(changes: dict[str, Any], problem: str | None) -> None:
    found = Inspect().problems({**VALUE, **changes}, (PICTURE, PDF, VIDEO))
    assert found == ([] if problem is None else [problem])


def test_a_time_without_a_video_can_not_be() -> None:
    (found,) = Inspect().problems(VALUE, (PICTURE, PDF))
    assert found == "defects[0].video_time is set, and there is no video"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            (PICTURE, fitted("spec.txt", Kind.TEXT, "text/plain")),
            "spec.txt is no PDF, and /inspect reads the",
        ),
        ((PICTURE, PICTURE), "one PDF as the specification, and got none"),
        ((PICTURE, PDF, PDF), "one PDF as the specification, and got 2"),
        ((PDF, VIDEO), "1 to 5 pictures, and got none"),
        ((*[PICTURE] * 6, PDF), "1 to 5 pictures, and got 6"),
        ((PICTURE, PDF, VIDEO, VIDEO), "one video, and got 2"),
        ((PICTURE, PDF, fitted("s.ogg", Kind.RECORDING, "audio/ogg")), "s.ogg can't be inspected"),
    ],
)
def test_what_can_not_be_inspected(files: tuple[Fitted, ...], sentence: str) -> None:
    with pytest.raises(MediaError, match=sentence):
        Inspect().check(files)
    Inspect().check((PICTURE, PDF, VIDEO))


def test_nothing_is_drawn_after_a_stop(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(product(MARK))
    picture = Fitted(tmp_path / "a.png", "a.png", "image/png", 1, "", Kind.PICTURE, width=600, height=400)
    stop = threading.Event()
    names = [file.name for file in Inspect().make(VALUE, (picture, PDF), stop)]
    assert names == ["defects-1.png", "inspection.json"]
    stop.set()
    assert Inspect().make(VALUE, (picture, PDF), stop) == ()
