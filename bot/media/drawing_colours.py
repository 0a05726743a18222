"""Colours for what is drawn on pictures: told apart by the colour-blind too, and seen on any background."""

Rgb = tuple[int, int, int]

BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)

# Okabe and Ito, "Color Universal Design" (2008), without its black; neighbours differ most.
ORANGE: Rgb = (230, 159, 0)
SKY: Rgb = (86, 180, 233)
GREEN: Rgb = (0, 158, 115)
YELLOW: Rgb = (240, 228, 66)
BLUE: Rgb = (0, 114, 178)
VERMILLION: Rgb = (213, 94, 0)
PURPLE: Rgb = (204, 121, 167)
_ROUND = (ORANGE, BLUE, YELLOW, VERMILLION, SKY, GREEN, PURPLE)


def colour_of(number: int) -> Rgb:
    """Return the colour of the mark with a number, from 1; they come round again after seven."""
    return _ROUND[(number - 1) % len(_ROUND)]


def ink(colour: Rgb) -> Rgb:
    """Return black or white, whichever can be read better on a colour (WCAG 2.2, contrast ratio)."""
    # Where (1.05 / (L + 0.05)) and ((L + 0.05) / 0.05) are equal.
    return BLACK if _luminance(colour) > 0.179 else WHITE


def casing(colour: Rgb) -> Rgb:
    """Return the colour beside a line: where one of the two is lost in the background, the other is seen."""
    return BLACK if _luminance(colour) > 0.35 else WHITE


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(each) for each in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: int) -> float:
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
