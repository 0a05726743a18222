"""The demo as a user runs it: the bot is a process of its own, reached through its environment alone."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
RESULTS = {
    "conversation.wav",
    "heard-by-live.wav",
    "heard-by-person.wav",
    "timeline.png",
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


def test_the_demo_ends_well_and_leaves_its_results(tmp_path: Path) -> None:
    out = tmp_path / "out"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo", "--out", str(out)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in out.iterdir()} == RESULTS
    summary = json.loads((out / "summary.json").read_text())
    assert summary["heard"]
    for name in ("mouth_to_live_ms", "live_to_ear_ms", "barge_in_ms"):
        assert summary["measured_by_the_bot_ms"][name]["p99"] is not None
    call = samples(out / "conversation.wav")
    assert call.shape[1] == 2
    assert abs(call).max(axis=0).min() > 2000, "both are to be heard"
    assert abs(samples(out / "heard-by-live.wav")).max() > 2000
    assert (out / "transcript.md").read_text().count("Earshot:**") == 3
    with Image.open(out / "timeline.png") as picture:
        assert picture.size == (1800, 864)
    shown = (out / "shown.md").read_text()
    assert "600 x 400 pixels" in shown and "Video 1 lasts 5.28 s: 132 frames" in shown
    for name in ("find-found.png", "summarize-chapters.jpg"):
        assert f"![{name}]({name})" in shown
    boxes = json.loads((out / "find-boxes.json").read_text())
    with Image.open(out / "find-found.png") as picture:
        assert picture.size == (600, 400)
        assert colours(picture) - photo_colours(), "marks were drawn on it"
    assert boxes
    assert "Traceback" not in (out / "bot.log").read_text()
