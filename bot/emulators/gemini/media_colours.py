"""Naming colours: each pixel gets one of a dozen names by its hue, saturation and brightness."""

import numpy as np
import numpy.typing as npt

from bot.emulators.gemini.media_facts import Colour

Rgb = npt.NDArray[np.uint8]
"""Shape (..., 3)."""

NAMES = (
    "black",
    "grey",
    "white",
    "red",
    "orange",
    "yellow",
    "green",
    "cyan",
    "blue",
    "purple",
    "pink",
    "brown",
)
_BLACK, _GREY, _WHITE, _RED, _ORANGE, _PINK, _BROWN = 0, 1, 2, 3, 4, 10, 11
_HUES = (  # upper end in degrees, and the colour below it; what is left, up to 360, is red again
    (15, _RED),
    (45, _ORANGE),
    (70, 5),
    (165, 6),
    (195, 7),
    (260, 8),
    (305, 9),
    (345, _PINK),
)
_DARK = 0.18  # of full brightness: below this every hue looks black
_PALE = 0.15  # saturation: below this every hue looks grey
_BRIGHT = 0.85  # a grey that is brighter looks white
_BROWNISH = 0.65  # a red or orange that is darker looks brown
_MENTIONED = 0.03  # share of the area; colours with less are not named


def dominant(pixels: Rgb, most: int = 4) -> tuple[Colour, ...]:
    """Return the colours with the largest shares, the largest first."""
    counts = np.bincount(_classes(pixels.reshape(-1, 3)), minlength=len(NAMES))
    shares = counts / max(1, int(counts.sum()))
    order = sorted(range(len(NAMES)), key=lambda index: (-shares[index], index))[:most]
    return tuple(Colour(NAMES[i], round(float(shares[i]), 3)) for i in order if shares[i] >= _MENTIONED)


def _classes(pixels: Rgb) -> npt.NDArray[np.intp]:
    """Return the index of the name of each pixel; `pixels` has shape (n, 3)."""
    values = pixels.astype(np.float64) / 255.0
    high, low = values.max(axis=1), values.min(axis=1)
    saturation = np.divide(high - low, high, out=np.zeros_like(high), where=high > 0.0)
    hue = _hues(values, high, high - low)
    classes = np.full(len(values), _RED, dtype=np.intp)
    classes[hue >= 345] = _RED
    for upper, index in reversed(_HUES):
        classes[hue < upper] = index
    warm = (classes == _ORANGE) | (classes == _RED)
    classes[warm & (high < _BROWNISH) & ((classes == _ORANGE) | (saturation < 0.6))] = _BROWN
    classes[saturation < _PALE] = _GREY
    classes[(saturation < _PALE) & (high > _BRIGHT)] = _WHITE
    classes[high < _DARK] = _BLACK
    return classes


def _hues(
    values: npt.NDArray[np.float64], high: npt.NDArray[np.float64], chroma: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return hues in degrees, 0 for greys (the hexagonal definition of HSV)."""
    red, green, blue = values.T
    safe = np.where(chroma > 0.0, chroma, 1.0)
    sixths = np.where(
        high == red,
        ((green - blue) / safe) % 6.0,
        np.where(high == green, (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )
    hues: npt.NDArray[np.float64] = np.where(chroma > 0.0, sixths * 60.0, 0.0)
    return hues
