"""Films made for tests: a colour a second, turned, stretched, cut; and sheets taken apart again."""

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

KIT = Path(__file__).parents[1] / "media"
BUNNY = KIT / "video-bunny.mp4"
PAPER = (30, 31, 34)

Pixels = npt.NDArray[np.int16]


def film(
    seconds: Sequence[str | Image.Image],
    *,
    size: tuple[int, int] = (320, 180),
    stretched: Fraction | None = None,
) -> bytes:
    """Return an MP4 of 10 frames a second: a second for each colour or picture, and one key frame."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as file:
        stream: Any = file.add_stream(
            "libx264", rate=10, options={"g": "1000", "bf": "3", "sc_threshold": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if stretched is not None:
            stream.codec_context.sample_aspect_ratio = stretched
        for number, seen in enumerate(seconds):
            picture = Image.new("RGB", size, seen) if isinstance(seen, str) else seen
            for tenth in range(10):
                frame = av.VideoFrame.from_image(picture)
                frame.pts, frame.time_base = number * 10 + tenth, Fraction(1, 10)
                file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def turned(mp4: bytes, matrix: tuple[int, int, int, int]) -> bytes:
    """Return a film with another display matrix (ISO/IEC 14496-12, 8.3.2)."""
    a, b, c, d = (value << 16 for value in matrix)
    at = mp4.index(b"tkhd")
    at += 4 + 4 + (32 if mp4[at + 4] else 20) + 16
    return mp4[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + mp4[at + 36 :]


def decoded(source: Path) -> list[tuple[float, Image.Image]]:
    """Return all frames of a film, with their times."""
    with av.open(str(source)) as file:
        return [(float(frame.time or 0.0), frame.to_image()) for frame in file.decode(video=0)]


def shown_at(frames: list[tuple[float, Image.Image]], at_s: float) -> Image.Image:
    """Return what a player shows at a time."""
    return [picture for time, picture in frames if time <= at_s][-1]


def pixels(picture: Image.Image, size: tuple[int, int] = (64, 36)) -> Pixels:
    """Return a small copy."""
    small = picture.convert("RGB").resize(size, Image.Resampling.BOX)
    return np.asarray(small).astype(np.int16)


def differ(one: Image.Image, other: Image.Image) -> float:
    """Return by how much two pictures differ, as the mean over their pixels: 0 to 255."""
    return float(np.abs(pixels(one) - pixels(other)).mean())


def taken_apart(sheet: Image.Image) -> list[Image.Image]:
    """Return the pictures of a sheet in their order: what lies between the lines of paper."""
    inked = np.abs(np.asarray(sheet.convert("RGB")).astype(int) - PAPER).max(axis=2) > 40
    found = []
    for top, bottom in _runs(inked.mean(axis=1) > 0.12):
        for left, right in _runs(inked[top:bottom].mean(axis=0) > 0.05):
            found.append(sheet.crop((left, top, right, bottom)))
    return found


def _runs(full: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], full.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a > 30]
