"""Comparing two pictures: what of the first is gone in the second, what is new in it, what looks different.

Both are compared in small copies. What hangs together and differs is a region; whether it is new, gone or
changed is told by what stands out from its surroundings: in the second alone, in the first alone, or in both.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from bot.emulators.gemini.media_colours import Rgb, dominant
from bot.emulators.gemini.media_facts import PictureFacts

_BLUR = 0.8  # pixels: grain and the blocks of a JPEG make no differences
_DIFFERENT = 45.0  # distance of two colours, of 441
_PLAIN = 40.0  # a region nearer to its surroundings than this does not stand out
_FAINT = 0.2  # nor does one that stands out so much less than in the other picture
_RING = 4  # pixels around a region that are its surroundings
_SMALLEST = 0.002  # share of the area; smaller regions are specks
_MOST = 12

Change: TypeAlias = Literal["addition", "removal", "change"]
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Difference:
    """A region in which two pictures differ; `box` is (y0, x0, y1, x1) in thousandths."""

    kind: Change
    box: tuple[int, int, int, int]
    before: str
    """Its colour in the first picture."""
    after: str
    share: float
    """Of the area, 0 to 1."""


def differences(first: PictureFacts, second: PictureFacts) -> tuple[Difference, ...]:
    """Return where the second picture is not as the first, the largest first, at most a dozen."""
    before = first.pixels
    after = _as_large_as(before, second.pixels)
    gap = np.sqrt(np.sum(np.square(_smooth(before) - _smooth(after)), axis=2))
    # Parts of one thing that are a pixel apart hang together.
    apart: Mask = ndimage.binary_closing(np.pad(gap > _DIFFERENT, 2), iterations=2)[2:-2, 2:-2]
    labels, _ = ndimage.label(apart)
    found = []
    for number, window in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels == number
        share = float(inside.mean())
        if share >= _SMALLEST:
            found.append(_difference(before, after, inside, apart, window, share))
    return tuple(sorted(found, key=lambda one: (-one.share, one.box))[:_MOST])


def _as_large_as(model: Rgb, pixels: Rgb) -> Rgb:
    height, width = model.shape[:2]
    if pixels.shape == model.shape:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)


def _smooth(pixels: Rgb) -> npt.NDArray[np.float64]:
    smooth: npt.NDArray[np.float64] = ndimage.gaussian_filter(pixels.astype(np.float64), (_BLUR, _BLUR, 0))
    return smooth


def _difference(
    before: Rgb, after: Rgb, inside: Mask, apart: Mask, window: tuple[slice, slice], share: float
) -> Difference:
    ring: Mask = ndimage.binary_dilation(inside, iterations=_RING) & ~ndimage.binary_dilation(apart)
    was, now = _contrast(before, inside, ring), _contrast(after, inside, ring)
    return Difference(
        kind=_kind(was, now),
        box=_box(window, inside.shape),
        before=_colour(before, inside),
        after=_colour(after, inside),
        share=round(share, 3),
    )


def _kind(was: float, now: float) -> Change:
    """Return what happened to something that stood out so much before, and so much now."""
    if was < max(_PLAIN, _FAINT * now) <= now:
        return "addition"
    return "removal" if now < max(_PLAIN, _FAINT * was) <= was else "change"


def _contrast(pixels: Rgb, inside: Mask, ring: Mask) -> float:
    """Return how far the colour of a region is from that around it; 0 if there is nothing around it."""
    if not ring.any():
        return 0.0
    gap = np.median(pixels[inside].astype(np.float64), axis=0) - np.median(pixels[ring], axis=0)
    return float(np.linalg.norm(gap))


def _colour(pixels: Rgb, inside: Mask) -> str:
    return dominant(pixels[inside], most=1)[0].name


def _box(window: tuple[slice, slice], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    (rows, columns), (height, width) = window, shape
    return (
        round(rows.start * 1000 / height),
        round(columns.start * 1000 / width),
        round(rows.stop * 1000 / height),
        round(columns.stop * 1000 / width),
    )
