"""Pictures and short videos made small for a model that looks at them while it talks.

It looks at no more than this, and what it sees is sent between the sounds of speech: so few bytes count more
than small print, for which there is a closer look. Runs in a thread, as all that decodes.
"""

import io
import itertools
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.media.errors import MediaError
from bot.media.frames import frames_through
from bot.media.lengths import clock
from bot.media.pictures import upright
from bot.media.recordings import BROKEN, probe, to_pcm
from bot.media.sniff import HEAD_BYTES, Kind, Sniffed, sniff

PICTURE_SIDE, FRAME_SIDE = 1024, 640  # pixels of the longer side
QUALITIES = (80, 65, 50)  # of JPEG; the first that fits
# Of a JPEG, which the event loop encodes and sends at once: this takes it 1 ms, and voice may wait for 5.
PICTURE_BYTES, FRAME_BYTES = 128 * 1024, 96 * 1024
SLACK_S = 0.5  # more than what was asked for: encoders end on a frame of their own choice

_SOUND = "{name} is a recording without pictures: use /transcribe on it."
_NEITHER = "{name} is neither a picture nor a video: use /ask to talk about other files."
_LONG = "{name} is {length} long, and in a call I watch up to {limit} s: use /summarize, or cut it."


@dataclass(frozen=True)
class Glance:
    """A picture, small."""

    jpeg: bytes


@dataclass(frozen=True)
class Film:
    """A short video, as pictures and sound."""

    frames: tuple[bytes, ...]
    """JPEG, one a second."""
    pcm: bytes
    """PCM16 little-endian, 16 kHz mono; empty where it has no sound."""
    deaf: bool
    """Whether it has a sound track that can't be played."""


def looked_at(path: Path, name: str, longest_s: int, stop: threading.Event) -> Glance | Film:
    """Return what is in a file, small; a video may be `longest_s` long.

    Raises MediaError, which calls the file `name`, where it can't be looked at; Stopped once `stop` is set.
    """
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    if found is not None and found.kind is Kind.PICTURE:
        return Glance(_jpeg(upright(path, found.container, PICTURE_SIDE, name, stop), PICTURE_BYTES))
    if found is not None and found.kind is Kind.RECORDING:
        return _film(path, found, name, longest_s, stop)
    raise MediaError(_NEITHER.format(name=name))


def _film(path: Path, found: Sniffed, name: str, longest_s: int, stop: threading.Event) -> Film:
    deaf = False
    try:
        recording = probe(path, found.container, name, stop)
    except MediaError as error:
        try:
            recording = probe(path, found.container, name, stop, sound=False)
        except MediaError:
            raise error from None
        deaf = True
    if recording.video is None:
        raise MediaError(_SOUND.format(name=name))
    if recording.duration_s > longest_s + SLACK_S:
        raise MediaError(_LONG.format(name=name, length=clock(recording.duration_s), limit=longest_s))
    frames = _frames(path, name, min(recording.duration_s, longest_s), stop)
    pcm = b"" if recording.audio is None else to_pcm(path, found.container, name, longest_s, stop)
    return Film(frames, pcm, deaf or (recording.audio is not None and not pcm))


def _frames(path: Path, name: str, duration_s: float, stop: threading.Event) -> tuple[bytes, ...]:
    """Return a picture of each second, from the middle of it: films begin in black."""
    ends = [min(second + 1.0, duration_s) for second in range(max(1, round(duration_s)))]
    middles = [(second + end) / 2 for second, end in enumerate(ends)]
    pictures = frames_through(path, name, middles, FRAME_SIDE, stop)
    frames = tuple(_jpeg(picture, FRAME_BYTES) for picture in pictures)
    if not frames:
        raise MediaError(BROKEN.format(name=name))
    return frames


def _jpeg(picture: Image.Image, most: int) -> bytes:
    """Return a picture as JPEG of at most so many bytes, at the cost of quality first and of size then."""
    for quality in itertools.chain(QUALITIES, itertools.repeat(QUALITIES[-1])):
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, exif=b"")
        if out.tell() <= most:
            break
        if quality == QUALITIES[-1]:
            picture = picture.reduce(2)
    return out.getvalue()
