"""Frames out of a video: those that a player shows at given times, upright and in their proportions.

Runs in a thread: PyAV lets go of the GIL while FFmpeg seeks, decodes and scales.
"""

import contextlib
import struct
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import av.error
from av.sidedata.sidedata import Type
from PIL import Image

from bot.media.errors import UnfitError
from bot.media.recordings import COVER, Stopped, opened
from bot.media.sniff import HEAD_BYTES, sniff

# An encoder that sets few key frames has hundreds decoded for each that is looked for. After so long the key
# frames themselves have to do: nobody waits for an exact picture that long.
EXACT_S = 20.0
_KEYS_S = 20.0  # more for these: a file can be made of nothing else, each 36 megapixels
# So long one stands for what follows it: encoders set one every 1 to 10 s, and older pictures would be wrong.
_KEY_EVERY_S = 15.0
SLOW = "{name} takes too long to be looked through: scale it down, or cut it, and show it again."
_CLOSE_S = 0.2  # where frames are looked for every second; the last one before it is not missed by much
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
    until = time.monotonic() + exact_s
    pictures: list[Image.Image | None] = []
    with opened(path, _container(path), name) as video:
        stream = _moving(video)
        if stream is None:
            return [None for _ in times_s]
        for at_s in times_s:
            frame = _frame_at(video, stream, at_s, until, stop)
            pictures.append(None if frame is None else _picture(frame, stream, longest))
    return pictures


def frames_through(
    path: Path,
    name: str,
    times_s: Sequence[float],
    longest: int,
    stop: threading.Event,
    *,
    exact_s: float = EXACT_S,
) -> Iterator[Image.Image]:
    """Yield the frame at each time as `frames_at` does, in one pass, for many times that lie close together.

    The times ascend. Where the video ends or breaks off earlier, the last frame stands for the rest. Raises
    as `frames_at`, and MediaError where key frames do not suffice after `exact_s`.
    """
    until = time.monotonic() + exact_s
    with opened(path, _container(path), name) as video:
        stream = _moving(video)
        if stream is None:
            return
        start = stream.start_time or 0
        wanted = [round(at_s / stream.time_base) + start for at_s in times_s]
        shown, given = None, 0
        for frame in _until_broken(_frames_near(video, stream, wanted, name, until, stop)):
            while shown is not None and given < len(wanted) and frame.pts > wanted[given]:
                yield _picture(shown, stream, longest)
                given += 1
            if given == len(wanted):
                return
            shown = frame
        if shown is not None:
            for _ in wanted[given:]:
                yield _picture(shown, stream, longest)


def _container(path: Path) -> str:
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    return found.container if found is not None else ""


def _moving(video: Any) -> Any:
    return next((each for each in video.streams.video if not each.disposition & COVER), None)


def _frames_near(
    video: Any, stream: Any, wanted: Sequence[int], name: str, until: float, stop: threading.Event
) -> Iterator[Any]:
    """Decode from the beginning; of frames far from all that are wanted, only those that others need.

    After `until` only key frames. Raises MediaError where these are too many or too few.
    """
    near, every = (round(each / stream.time_base) for each in (_CLOSE_S, _KEY_EVERY_S))
    key = stream.start_time or 0
    for packet in video.demux():  # other streams, too: however many packets these have, the time is looked at
        if stop.is_set():
            raise Stopped
        late_s = time.monotonic() - until
        if packet.stream.index != stream.index and late_s <= _KEYS_S:
            continue
        if packet.is_keyframe and packet.pts is not None:
            key = packet.pts
        if late_s > _KEYS_S or (late_s > 0.0 and packet.pts is not None and packet.pts - key > every):
            raise UnfitError(SLOW.format(name=name))
        if late_s > 0.0 and not packet.is_keyframe and packet.size:  # the last, empty one gets out what waits
            continue
        at = bisect_left(wanted, packet.pts) if packet.pts is not None else 0
        far = packet.pts is not None and at < len(wanted) and wanted[at] - packet.pts > near
        stream.codec_context.skip_frame = "NONREF" if far else "DEFAULT"
        yield from (frame for frame in packet.decode() if frame.pts is not None)


def _until_broken(frames: Iterator[Any]) -> Iterator[Any]:
    with contextlib.suppress(av.error.FFmpegError):
        yield from frames


def _frame_at(video: Any, stream: Any, at_s: float, until: float, stop: threading.Event) -> Any:
    """Return the last frame that begins at or before a time; the first after it where there is none."""
    wanted = round(at_s / stream.time_base) + (stream.start_time or 0)
    near = wanted - round(_NEAR_S / stream.time_base)
    found = None
    try:
        video.seek(wanted, stream=stream, backward=True)
        for packet in video.demux():
            if stop.is_set():
                raise Stopped
            if time.monotonic() > until + _KEYS_S:
                return found
            if packet.stream.index != stream.index:
                continue
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
