"""Recordings with more in them than a picture and sound, in any order, are read to their end."""

import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from bot.media.frames import frames_at, frames_through
from bot.media.recordings import probe, to_voice

SOUND_HZ = 48_000
FRAMES_HZ = 10
LAST_S = 1.9  # of the last of 20 frames


def shade(number: int) -> int:
    return 10 + 10 * number


def grey(picture: Image.Image | None) -> int:
    assert picture is not None
    return picture.convert("L").tobytes()[5]


def film(path: Path, tracks: str, *, frames: int = 20) -> Path:
    """Write a film of tracks in this order: `v` of shades that grow, `a` of silence; `t` for timecodes."""
    with av.open(str(path), "w") as out:
        video, sound = None, None
        for track in tracks:
            if track == "v":
                video = out.add_stream("libx264", rate=FRAMES_HZ)
                video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
                if "t" in tracks:
                    video.metadata["timecode"] = "01:00:00:00"
            elif track == "a":
                sound = out.add_stream("aac", rate=SOUND_HZ)
        assert video is not None
        for number in range(frames):
            pixels = np.full((64, 64, 3), shade(number), np.uint8)
            picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            picture.pts = number
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if sound is not None:
            for frame in silence(frames / FRAMES_HZ):
                out.mux(sound.encode(frame))
            out.mux(sound.encode(None))
    return path


def silence(seconds: float) -> list[av.AudioFrame]:
    made = []
    for number in range(round(seconds * SOUND_HZ / 1024)):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_HZ, 1024 * number
        made.append(frame)
    return made


@pytest.mark.parametrize("name", ["va.mp4", "av.mp4", "vat.mov", "vt.mov"])
def test_the_last_picture_is_found_in_each_order_of_tracks(tmp_path: Path, name: str) -> None:
    path = film(tmp_path / name, name.partition(".")[0])
    for look in (frames_at, frames_through):
        (last,) = look(path, name, [LAST_S], 64, threading.Event())
        assert abs(grey(last) - shade(19)) <= 4


def test_a_film_of_one_picture_after_its_sound_is_none_that_is_damaged(tmp_path: Path) -> None:
    path = film(tmp_path / "short.mp4", "av", frames=1)
    found = probe(path, "mov,mp4,m4a,3gp,3g2,mj2", "short.mp4", threading.Event())
    assert found.video is not None


def test_a_recording_with_chapters_is_heard_to_its_end(tmp_path: Path) -> None:
    path, voice = tmp_path / "talk.m4a", tmp_path / "voice"
    with av.open(str(path), "w", format="ipod") as out:
        sound = out.add_stream("aac", rate=SOUND_HZ)
        second = Fraction(1, 1)
        out.set_chapters(
            [
                {"id": n, "start": n, "end": n + 1, "time_base": second, "metadata": {"title": str(n)}}
                for n in range(2)
            ]
        )
        for frame in silence(2.0):
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    to_voice(path, "mov,mp4,m4a,3gp,3g2,mj2", voice, "talk.m4a", 60.0, threading.Event())
    with av.open(str(voice)) as heard:
        seconds = sum(frame.samples / frame.sample_rate for frame in heard.decode(audio=0))
    assert abs(seconds - 2.0) < 0.1
