"""Films that take long to decode: key frames have to do after some time, and then a sentence."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest
from film_rig import film
from PIL import Image

from bot.media import frames
from bot.media.errors import MediaError
from bot.media.frames import frames_through

SECONDS = [0.5, 1.5, 2.5, 3.5]
COLOURS = ("red", "lime", "blue", "yellow")


def keyed(folder: Path, *, every: int) -> Path:
    """Return a film of a colour a second, at 10 frames a second, with a key frame after `every` frames."""
    path = folder / "posted"
    with av.open(str(path), "w", format="mp4") as made:
        stream = made.add_stream("libx264", rate=10, options={"g": str(every), "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(10 * len(COLOURS)):
            frame = av.VideoFrame.from_image(Image.new("RGB", (320, 180), COLOURS[number // 10]))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


def through(path: Path, exact_s: float) -> list[tuple[int, ...]]:
    found = frames_through(path, "it", SECONDS, 320, threading.Event(), exact_s=exact_s)
    return [picture.resize((1, 1)).getpixel((0, 0)) for picture in found]  # type: ignore[misc]


def test_after_some_time_key_frames_have_to_do(tmp_path: Path) -> None:
    path = keyed(tmp_path, every=5)
    assert through(path, -1.0) == through(path, 20.0)
    assert len(set(through(path, 20.0))) == len(COLOURS)


def test_a_film_of_which_nothing_is_seen_in_time_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "posted"
    path.write_bytes(film(COLOURS))  # one key frame
    monkeypatch.setattr(frames, "_KEY_EVERY_S", 2.0)
    with pytest.raises(MediaError) as refused:
        through(path, -1.0)
    assert str(refused.value) == frames.SLOW.format(name="it")


def test_a_film_of_key_frames_alone_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keyed(tmp_path, every=1)
    assert len(through(path, -1.0)) == len(SECONDS)
    monkeypatch.setattr(frames, "_KEYS_S", 0.5)
    with pytest.raises(MediaError) as refused:
        through(path, -1.0)
    assert str(refused.value) == frames.SLOW.format(name="it")
