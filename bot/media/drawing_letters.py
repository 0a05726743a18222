"""Letters on pictures: in DejaVu Sans, which comes with matplotlib and has no Chinese, Japanese or Korean."""

import functools
import importlib.util
import unicodedata
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from bot.media.drawing_colours import Rgb

SMALLEST_PX = 9  # below that nobody reads a digit
ELLIPSIS = "…"
_JOINERS = "\u200c\u200d"  # invisible, and part of how words are written in Persian or Hindi
_NO_CHARACTER = "\U0010ffff"  # is none for ever, so that a font shows what it shows for all that it lacks
_PROBE_PX = 16  # any size will do to compare two glyphs
_RIGHT_TO_LEFT = {"R", "AL"}


class Letters:
    """A size of letters. For one thread: a font is a buffer that glyphs are made in."""

    def __init__(self, size_px: int) -> None:
        self.size_px = max(SMALLEST_PX, size_px)
        self._plain = ImageFont.truetype(_file("DejaVuSans.ttf"), self.size_px)
        self._bold = ImageFont.truetype(_file("DejaVuSans-Bold.ttf"), self.size_px)

    def width(self, text: str, *, bold: bool = False) -> int:
        """Return how wide a text is, in pixels."""
        return round(self._font(bold).getlength(text))

    def cut(self, text: str, width: int) -> str:
        """Return a text, or as much of it and an ellipsis as fits into a width."""
        if self.width(text) <= width:
            return text
        fits, too_many = 0, len(text)
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            wide = self.width(text[:middle].rstrip() + ELLIPSIS) > width
            fits, too_many = (fits, middle) if wide else (middle, too_many)
        return text[:fits].rstrip() + ELLIPSIS if fits else ""

    def write(
        self, picture: Image.Image, at: tuple[float, float], text: str, colour: Rgb, *, bold: bool = False
    ) -> None:
        """Write a text whose left edge, and the middle of whose height, is at a place."""
        ImageDraw.Draw(picture).text(at, text, colour, self._font(bold), anchor="lm")

    def _font(self, bold: bool) -> ImageFont.FreeTypeFont:
        return self._bold if bold else self._plain


def can_write(text: str) -> bool:
    """Say whether there is a glyph for each character, and what puts them in order where that takes more."""
    if not all(_has_glyph(each) for each in text):
        return False
    return _shapes() or not any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text)


def rounded(size: tuple[int, int], shade: int = 255) -> Image.Image:
    """Return a mask of a rectangle with smooth round corners, as is put behind letters."""
    scale = 4
    mask = Image.new("L", (size[0] * scale, size[1] * scale))
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=mask.height // 4, fill=shade)
    return mask.reduce(scale)


@functools.cache
def _shapes() -> bool:
    """Say whether Pillow can join Arabic letters and order what is written from right to left."""
    return bool(features.check("raqm"))


@functools.lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    if character in _JOINERS:
        return True
    return character.isprintable() and _glyph(character) != _missing()


@functools.cache
def _missing() -> tuple[tuple[int, int], bytes]:
    return _glyph(_NO_CHARACTER)


def _glyph(character: str) -> tuple[tuple[int, int], bytes]:
    font = ImageFont.truetype(_file("DejaVuSans.ttf"), _PROBE_PX, layout_engine=ImageFont.Layout.BASIC)
    mask = font.getmask(character)
    return mask.size, bytes(mask)


@functools.cache
def _file(name: str) -> str:
    """Return where a font of matplotlib's is; matplotlib itself, which is large, is not imported for it."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise RuntimeError("matplotlib, a dependency of the program, is not installed")
    return str(Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / name)
