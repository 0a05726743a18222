"""What opening a JPEG takes, by its markers alone: before anything of it is decoded.

ITU-T T.81, annex B. libjpeg decodes a picture that comes in several scans (each progressive one does) only
when the last has arrived: until then it keeps all coefficients, whatever the scale that was asked for, and
each scan goes over them once more, even where its own bytes are few.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

COEFFICIENT_BYTES = 195_000_000  # as much as the largest picture takes decoded: 65 megapixels in 4:2:0
MOST_SCANS = 100  # programs make a dozen at most; of the largest picture each takes 15 ms
MOST_SEGMENTS = 1000  # an hour of edits leaves some dozens; Pillow keeps each
MOST_STRAY_BYTES = 4096  # between two segments before the picture; Pillow passes over them one by one
_PIECE_BYTES = 256 * 1024  # searched through at once: the GIL is held for 1 ms

# A marker; those without a segment that may stand in the middle of a scan are none here.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xCA)
_END, _SCAN = 0xD9, 0xDA
# libjpeg gives up at these; Pillow, which is first, goes on right behind them, up to the first scan.
_BARE = frozenset({0xC8, 0xD8, _END, *range(0xF0, 0xFE)})


@dataclass(frozen=True)
class Segment:
    """A marker, and the bytes that belong to it."""

    marker: int
    body: bytes


def is_heavy(path: Path) -> bool:
    """Say whether a JPEG takes more memory or time to decode than an honest picture of 64 megapixels.

    Raises ValueError where no picture begins in it.
    """
    frame, scans = None, 0
    with path.open("rb") as file:
        for number, segment in enumerate(_segments(file)):
            if number == MOST_SEGMENTS:
                return True
            if segment.marker in _FRAMES:
                frame = segment
            if segment.marker != _SCAN:
                continue
            if frame is None or len(frame.body) < 6 or not segment.body:
                break
            scans += 1
            if scans == 1 and frame.marker not in _PROGRESSIVE and segment.body[0] == frame.body[5]:
                return False  # all of it is in this scan, and is decoded as it comes
            if scans > MOST_SCANS or _coefficient_bytes(frame.body) > COEFFICIENT_BYTES:
                return True
    if not scans:
        raise ValueError("no picture begins")
    return False


def _coefficient_bytes(frame: bytes) -> int:
    """Return what 64 coefficients of 16 bits for each block of each component take."""
    height, width = int.from_bytes(frame[1:3]), int.from_bytes(frame[3:5])
    sampling = [(each >> 4, each & 15) for each in frame[7::3]]
    across, down = (max((each[axis] for each in sampling), default=0) or 1 for axis in (0, 1))
    units = math.ceil(width / (8 * across)) * math.ceil(height / (8 * down))
    return units * sum(h * v for h, v in sampling) * 128


def _segments(file: BinaryIO) -> Iterator[Segment]:
    """Yield the segments up to the picture's end, or to where it is none."""
    file.seek(2)
    in_picture = False
    while (marker := _next_marker(file, math.inf if in_picture else MOST_STRAY_BYTES)) is not None:
        if marker in _BARE:
            if in_picture:
                return
            yield Segment(marker, b"")
            continue
        length = int.from_bytes(file.read(2))
        yield Segment(marker, file.read(max(0, length - 2)))
        in_picture = in_picture or marker == _SCAN


def _next_marker(file: BinaryIO, most: float) -> int | None:
    """Return the next marker after at most so many other bytes, and leave the file behind it."""
    began = file.tell()
    while (at := file.tell()) - began <= most and len(piece := file.read(_PIECE_BYTES)) > 1:
        if found := _MARKER.search(piece):
            file.seek(at + found.end())
            return piece[found.start() + 1] if at + found.start() - began <= most else None
        if len(piece) == _PIECE_BYTES:
            file.seek(-1, 1)  # the last may be the first half of one
    return None
