"""Pictures made fit for the model: upright, no larger than it looks at, in a format that it reads.

Runs in a thread: Pillow lets go of the GIL while it decodes, scales and encodes. Every picture is encoded
anew, so no metadata (such as where it was taken) and nothing hidden behind the pixels leaves the bot.
"""

import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

from bot.media.detail import Detail
from bot.media.errors import DISK_FULL, MediaError, UnfitError, is_disk_full
from bot.media.jpeg import is_heavy
from bot.media.recordings import Stopped

register_heif_opener()

# Pixels a side. 3,072 is what Gemini itself scales larger pictures down to; the others save bytes where the
# model was asked to look less closely anyway (one and four tiles of 768 pixels).
SIDE: dict[Detail | None, int] = {None: 3072, "high": 3072, "medium": 1536, "low": 768}
# JPEG can be decoded at a half, a quarter or an eighth, for a part of the time and memory. That is enough
# where nobody asked for high detail and this many pixels remain: a page can still be read, and a photo from a
# phone takes 50 ms of work, not 200.
ENOUGH = 2000
# 195 MB decoded: more than a phone's picture (what is sold as 64 megapixels has up to 64.4 million), less
# than a decompression bomb.
MAX_PIXELS = 65_000_000
KEEP_EXACT_PIXELS = 2_000_000  # screenshots and drawings up to this stay lossless; larger ones get too heavy
QUALITY = 90  # of JPEG: no loss that the model, or a person at normal size, could see
TOO_BIG = "{name} has more than 64 megapixels: scale it down and post it again."
TOO_HEAVY = (
    "{name} would take too much memory or time to open: scale it down, or save it anew as a PNG or a JPEG "
    "that is not progressive, and post that."
)
LONGEST_S = 20.0  # honest pictures take a few seconds, on a busy machine too
SLOW = "{name} could not be opened in {seconds:.0f} s: try again in a minute, or post a smaller copy."
NO_MEMORY = "The bot has too little memory for {name}: try again in a minute, or post a smaller copy."
BROKEN = "{name} is damaged or not really a picture: post another copy of it."

# Formats that hold drawings, screenshots and text: JPEG would smear their edges.
_EXACT = {"PNG", "GIF", "BMP", "WEBP", "TIFF"}
# What decoders raise for broken bytes: Pillow's own, and those of zlib, struct and the plugins.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    RuntimeError,
)


@dataclass(frozen=True)
class Picture:
    """A fitted picture."""

    mime_type: str
    width: int
    height: int


def fit_picture(
    path: Path, container: str, into: Path, detail: Detail | None, name: str, stop: threading.Event
) -> Picture:
    """Write the picture in `path`, whose format is Pillow's `container`, to `into` as JPEG or PNG.

    Of an animation it is the first frame. Raises MediaError, which calls the picture `name`; Stopped once
    `stop` is set.
    """
    with _opened(path, container, name, stop) as opened:
        _shrink_decoding(opened, min(ENOUGH, SIDE[detail]) if detail != "high" else SIDE[detail])
        return _fit(opened, container, into, SIDE[detail])


def upright(path: Path, container: str, side: int, name: str, stop: threading.Event) -> Image.Image:
    """Return the picture in `path` as people see it, RGB, no side longer than `side`; transparent is white.

    Of an animation it is the first frame. Raises as `fit_picture`.
    """
    with _opened(path, container, name, stop) as opened:
        _shrink_decoding(opened, side)
        return _upright(opened, _within(opened.size, side), keep_alpha=False)


class _Watched(io.BufferedReader):
    """A file that can be read as long as somebody waits for it, and no longer than LONGEST_S."""

    def __init__(self, path: Path, name: str, stop: threading.Event) -> None:
        super().__init__(io.FileIO(path))
        self._until = time.monotonic() + LONGEST_S
        self._name = name
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop.is_set():
            raise Stopped
        if time.monotonic() > self._until:
            raise MediaError(SLOW.format(name=self._name, seconds=LONGEST_S))
        return super().read(size)


@contextmanager
def _opened(path: Path, container: str, name: str, stop: threading.Event) -> Iterator[Image.Image]:
    """Open a picture that is neither too large nor too heavy; nothing of it is decoded yet."""
    try:
        if container == "JPEG" and is_heavy(path):
            raise UnfitError(TOO_HEAVY.format(name=name))
        with _Watched(path, name, stop) as file, Image.open(file, formats=[container]) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise UnfitError(TOO_BIG.format(name=name))
            yield opened
    except Image.DecompressionBombError as error:
        raise UnfitError(TOO_BIG.format(name=name)) from error
    except MemoryError as error:
        raise MediaError(NO_MEMORY.format(name=name)) from error
    except _BROKEN as error:
        if is_disk_full(error):
            raise MediaError(DISK_FULL) from error
        raise UnfitError(BROKEN.format(name=name)) from error


def _upright(opened: Image.Image, size: tuple[int, int], *, keep_alpha: bool) -> Image.Image:
    plain = _plain(opened, keep_alpha=keep_alpha)
    if size != plain.size:
        # A bilinear filter with its support widened by the scale loses nothing visible, in half of
        # bicubic's time.
        plain = plain.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    ImageOps.exif_transpose(plain, in_place=True)
    plain.info.clear()  # what the file said beside its pixels
    return plain


def _fit(opened: Image.Image, container: str, into: Path, side: int) -> Picture:
    size = _within(opened.size, side)
    exact = container in _EXACT and size[0] * size[1] <= KEEP_EXACT_PIXELS
    plain = _upright(opened, size, keep_alpha=exact)
    if exact:
        plain.save(into, "PNG", compress_level=1, exif=b"")
    else:
        plain.save(into, "JPEG", quality=QUALITY, exif=b"")
    return Picture("image/png" if exact else "image/jpeg", *plain.size)


def _shrink_decoding(opened: Image.Image, side: int) -> None:
    """Let a JPEG be decoded at a fraction that leaves its longer side at `side` or more; others stay."""
    longer = max(opened.size)
    if longer > side:
        # A panorama may be 2,000 times as wide as high: a side of 0 is no size to ask for.
        width, height = (max(1, each * side // longer) for each in opened.size)
        opened.draft("RGB", (width, height))


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return a size with the same proportions and no side longer than `side`."""
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _plain(picture: Image.Image, *, keep_alpha: bool) -> Image.Image:
    """Return the picture as RGB, or RGBA where it has transparency to keep; otherwise on white."""
    if picture.mode.startswith("I;16"):
        # Grey of 16 bits, as of scans: Pillow would make white of all but the darkest 256th.
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    clear = picture.convert("RGBA")
    if keep_alpha:
        return clear
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white
