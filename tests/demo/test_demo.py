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
    "summary.json",
    "bot.log",
}


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        return pcm.reshape(-1, file.getnchannels())


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
    assert "Traceback" not in (out / "bot.log").read_text()
