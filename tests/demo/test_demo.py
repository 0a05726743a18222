"""The demo as a user runs it: the bot is a process of its own, reached through its environment alone."""

import json
import os
import re
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
RESULTS = {
    "conversation.wav",
    "heard-by-live.wav",
    "heard-by-person.wav",
    "timeline.png",
    "room.png",
    "room.wav",
    "look-photo.jpg",
    "transcript.md",
    "shown.md",
    "find-found.png",
    "find-boxes.json",
    "summarize-chapters.jpg",
    "summary.json",
    "bot.log",
}


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return pcm.reshape(-1, file.getnchannels())


def photo_colours() -> set[tuple[int, ...]]:
    with Image.open(ROOT / "tests" / "media" / "photo-coffee.png") as photo:
        return colours(photo)


def colours(picture: Image.Image) -> set[tuple[int, ...]]:
    pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    return {tuple(map(int, pixel)) for pixel in np.unique(pixels, axis=0)}


def of_room(summary: dict[str, Any], check: str) -> str:
    return next(str(each["value"]) for each in summary["checks"] if each["name"] == f"room: {check}")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the demo, and return the folder of its results and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--out", str(out)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=360,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_the_demo_ends_well_and_leaves_its_results(ran: tuple[Path, str]) -> None:
    out, _ = ran
    assert {path.name for path in out.iterdir()} == RESULTS
    summary = json.loads((out / "summary.json").read_text())
    assert summary["heard"]
    for name in ("mouth_to_live_ms", "live_to_ear_ms", "barge_in_ms"):
        assert summary["measured_by_the_bot_ms"][name]["p99"] is not None
        assert summary["measured_by_the_bot_ms"][name]["samples"] > 0
    for name in ("conversation.wav", "room.wav"):
        call = samples(out / name)
        assert call.shape[1] == 2
        assert abs(call).max(axis=0).min() > 2000, "both sides are to be heard"
    assert abs(samples(out / "heard-by-live.wav")).max() > 2000
    talk, room = (out / "transcript.md").read_text().split("# A room with Earshot")
    assert talk.count("Earshot:**") == 4, "the notice, and an answer to each sentence"
    assert talk.count("*(notice that it is an AI)*") == room.count("*(notice that it is an AI)*") == 1
    with Image.open(out / "timeline.png") as picture:
        assert picture.size == (1800, 864)
    assert "Traceback" not in (out / "bot.log").read_text()


def test_what_is_shown_is_told_with_pictures(ran: tuple[Path, str]) -> None:
    out, _ = ran
    shown = (out / "shown.md").read_text()
    assert "600 x 400 pixels" in shown and "Video 1 lasts 5.28 s: 132 frames" in shown
    for name in ("find-found.png", "summarize-chapters.jpg", "look-photo.jpg"):
        assert f"![{name}]({name})" in shown
    boxes = json.loads((out / "find-boxes.json").read_text())
    with Image.open(out / "find-found.png") as picture:
        assert picture.size == (600, 400)
        assert colours(picture) - photo_colours(), "marks were drawn on it"
    assert boxes


def test_the_room_has_each_under_their_name_a_picture_and_a_tool(ran: tuple[Path, str]) -> None:
    out, _ = ran
    summary = json.loads((out / "summary.json").read_text())
    assert of_room(summary, "sentences under the right name") == "5 of 5"
    assert of_room(summary, "Dan's packets that were opened").startswith("0 of ")
    said = summary["room"]["utterances"]
    assert [each["name"] for each in said] == ["Ada", "Ben", "Cara", "Ada", "Ben"]
    waited = [each["waited_for_the_floor_s"] for each in said]
    assert min(waited[1:4]) > 1.0 > max(waited[0], waited[4]), "who talks into another's turn waits"
    (use,) = summary["room"]["tools"]
    assert use["name"] == "look_closely"
    assert "451 x 300 pixels" in use["response"]["result"]
    assert "-# Earshot looked at photo-cat.png (from Ada)" in summary["room"]["captions"]
    with Image.open(out / "look-photo.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (451, 300))
    with Image.open(out / "room.png") as picture:
        assert picture.size == (1800, 1224)


def test_the_times_that_are_told_are_those_of_the_picture(ran: tuple[Path, str]) -> None:
    out, printed = ran
    told = [int(ms) for ms in re.findall(r"begins to answer (\d+) ms", printed)]
    summary = json.loads((out / "summary.json").read_text())
    drawn = [each["answered_after_ms"] for each in summary["utterances"]]
    assert len(told) == 5
    assert all(abs(one - other) <= 1 for one, other in zip(told, drawn, strict=False))
