"""Pictures made fit for the model: upright, no larger than it looks at, in a format that it reads.

Runs in a thread: Pillow lets go of the GIL while it decodes, scales and encodes. Every picture is encoded
anew, so no metadata (such as where it was taken) and nothing hidden behind the pixels leaves the bot.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pillow_heif import register_heif_opener

from bot.media.detail import Detail
from bot.media.errors import DISK_FULL, MediaError, UnfitError, is_disk_full

register_heif_opener()

# Pixels a side. 3,072 is what Gemini itself scales larger pictures down to; the others save bytes where the
# model was asked to look less closely anyway (one and four tiles of 768 pixels).
SIDE: dict[Detail | None, int] = {None: 3072, "high": 3072, "medium": 1536, "low": 768}
# JPEG can be decoded at a half, a quarter or an eighth, for a part of the time and memory. That is enough
# where nobody asked for high detail and this many pixels remain: a page can still be read, and a photo from a
# phone takes 50 ms of work, not 200.
ENOUGH = 2000
MAX_PIXELS = 64_000_000  # 192 MB decoded: more than a phone's picture, less than a decompression bomb
KEEP_EXACT_PIXELS = 2_000_000  # screenshots and drawings up to this stay lossless; larger ones get too heavy
QUALITY = 90  # of JPEG: no loss that the model, or a person at normal size, could see
TOO_BIG = "{name} has more than 64 megapixels: scale it down and post it again."
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


def fit_picture(path: Path, container: str, into: Path, detail: Detail | None, name: str) -> Picture:
    """Write the picture in `path`, whose format is Pillow's `container`, to `into` as JPEG or PNG.

    Of an animation it is the first frame. Raises MediaError, which calls the picture `name`.
    """
    with _opened(path, container, name) as opened:
        _shrink_decoding(opened, min(ENOUGH, SIDE[detail]) if detail != "high" else SIDE[detail])
        return _fit(opened, container, into, SIDE[detail], name)


def upright(path: Path, container: str, side: int, name: str) -> Image.Image:
    """Return the picture in `path` as people see it, RGB, no side longer than `side`; transparent is white.

    Of an animation it is the first frame. Raises MediaError, which calls the picture `name`.
    """
    with _opened(path, container, name) as opened:
        _shrink_decoding(opened, side)
        _load(opened, name)
        return _upright(opened, _within(opened.size, side), keep_alpha=False)


@contextmanager
def _opened(path: Path, container: str, name: str) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=[container]) as opened:
            yield opened
    except Image.DecompressionBombError as error:
        raise UnfitError(TOO_BIG.format(name=name)) from error
    except MemoryError as error:
        raise MediaError(NO_MEMORY.format(name=name)) from error
    except _BROKEN as error:
        if is_disk_full(error):
            raise MediaError(DISK_FULL) from error
        raise UnfitError(BROKEN.format(name=name)) from error


def _load(opened: Image.Image, name: str) -> None:
    if opened.width * opened.height > MAX_PIXELS:
        raise UnfitError(TOO_BIG.format(name=name))
    opened.load()


def _upright(opened: Image.Image, size: tuple[int, int], *, keep_alpha: bool) -> Image.Image:
    plain = _plain(opened, keep_alpha=keep_alpha)
    if size != plain.size:
        # A bilinear filter with its support widened by the scale loses nothing visible, in half of
        # bicubic's time.
        plain = plain.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    ImageOps.exif_transpose(plain, in_place=True)
    plain.info.clear()  # what the file said beside its pixels
    return plain


def _fit(opened: Image.Image, container: str, into: Path, side: int, name: str) -> Picture:
    _load(opened, name)
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
