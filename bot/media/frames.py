"""Frames out of a video: those that a player shows at given times, upright and in their proportions.

Runs in a thread: PyAV lets go of the GIL while FFmpeg seeks, decodes and scales.
"""

import struct
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import av.error
from av.sidedata.sidedata import Type
from PIL import Image

from bot.media.recordings import COVER, Stopped, opened
from bot.media.sniff import HEAD_BYTES, sniff

# An encoder that sets few key frames has hundreds decoded for each that is looked for. After so long the key
# frames themselves have to do: nobody waits for an exact picture that long.
EXACT_S = 20.0
_NEAR_S = 1.0  # from here on every frame is decoded; before, only those that others are made from

# How the 2x2 part of a display matrix turns or mirrors (x, y) as stored, by its signs, y pointing down.
# ISO/IEC 14496-12, 6.2.2; FFmpeg, libavutil/display.h.
_TURNS = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


def frames_at(
    path: Path,
    name: str,
    times_s: Sequence[float],
    longest: int,
    stop: threading.Event,
    *,
    exact_s: float = EXACT_S,
) -> list[Image.Image | None]:
    """Return the frame at each time, RGB, its longer side at most `longest` pixels; None where there is none.

    `exact_s` is how long exact frames are looked for. Raises MediaError, which calls the file `name`, where
    it can't be opened; Stopped once `stop` is set.
    """
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    until = time.monotonic() + exact_s
    pictures: list[Image.Image | None] = []
    with opened(path, found.container if found is not None else "", name) as video:
        stream = next((each for each in video.streams.video if not each.disposition & COVER), None)
        if stream is None:
            return [None for _ in times_s]
        for at_s in times_s:
            frame = _frame_at(video, stream, at_s, until, stop)
            pictures.append(None if frame is None else _picture(frame, stream, longest))
    return pictures


def _frame_at(video: Any, stream: Any, at_s: float, until: float, stop: threading.Event) -> Any:
    """Return the last frame that begins at or before a time; the first after it where there is none."""
    wanted = round(at_s / stream.time_base) + (stream.start_time or 0)
    near = wanted - round(_NEAR_S / stream.time_base)
    found = None
    try:
        video.seek(wanted, stream=stream, backward=True)
        for packet in video.demux(stream):
            if stop.is_set():
                raise Stopped
            far = packet.pts is not None and packet.pts < near
            stream.codec_context.skip_frame = "NONREF" if far else "DEFAULT"
            for frame in packet.decode():
                if frame.pts is None:
                    continue
                if found is not None and frame.pts > wanted:
                    return found
                found = frame
                if frame.pts >= wanted or time.monotonic() > until:
                    return found
    except av.error.FFmpegError:
        return found  # what is broken from here on: players show the last frame before it, too
    return found


def _picture(frame: Any, stream: Any, longest: int) -> Image.Image:
    """Return a frame as people see it, in a size that is scaled to while it is still in its planes."""
    wide = float(stream.sample_aspect_ratio or 1)  # pixels of old formats are not square
    width, height = frame.width * max(1.0, wide), frame.height / min(1.0, wide)
    scale = min(1.0, longest / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture: Image.Image = frame.to_image(width=size[0], height=size[1], interpolation="AREA")
    turn = _turn(frame)
    return picture if turn is None else picture.transpose(turn)


def _turn(frame: Any) -> Image.Transpose | None:
    """Return how a frame is turned to be seen upright, by what the file says of it."""
    for each in frame.side_data:
        if each.type is Type.DISPLAYMATRIX:
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(each))
            signs = tuple(round(value / 65536) for value in (a, b, c, d))
            return _TURNS.get(signs)
    return None
