"""Boxes as the model writes them: [y0, x0, y1, x1] in thousandths of the picture, from its top left."""

import math
from dataclasses import dataclass
from typing import Any

GRID = 1000
_SCHEMA_NOTE = "[y0, x0, y1, x1]: the top, left, bottom and right edge, in thousandths of the picture."

BOX_2D: dict[str, Any] = {
    "type": "array",
    "items": {"type": "integer"},
    "minItems": 4,
    "maxItems": 4,
    "description": _SCHEMA_NOTE,
}
"""The JSON Schema of a box."""

Pixels = tuple[int, int, int, int]
"""x0, y0, x1, y1 as Pillow counts: x1 and y1 are no longer inside."""


@dataclass(frozen=True)
class Box:
    """A box in thousandths, in order and within the picture."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def share(self) -> float:
        """Of the picture's area, 0 to 1."""
        return (self.x1 - self.x0) * (self.y1 - self.y0) / GRID**2

    def pixels(self, size: tuple[int, int]) -> Pixels:
        """Return the box in a picture of that size, at least one pixel wide and high."""
        x0, x1 = _stretch(self.x0, self.x1, size[0])
        y0, y1 = _stretch(self.y0, self.y1, size[1])
        return x0, y0, x1, y1


def box_of(value: Any) -> Box | None:
    """Read a box of which anything may be wrong: it is put in order and into the picture.

    None for what has not four numbers.
    """
    numbers = numbers_of(value, 4)
    if numbers is None:
        return None
    y0, x0, y1, x1 = (min(max(each, 0.0), float(GRID)) for each in numbers)
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def fault_of(value: Any) -> str | None:
    """Return what is wrong with a box, fit to be told to the model."""
    numbers = numbers_of(value, 4)
    if numbers is None:
        return "is not four numbers"
    y0, x0, y1, x1 = numbers
    if not all(0 <= each <= GRID for each in numbers):
        return f"has a number outside 0 to {GRID}"
    if y0 >= y1:
        return "has its bottom edge (y1) not below its top edge (y0)"
    if x0 >= x1:
        return "has its right edge (x1) not right of its left edge (x0)"
    return None


def numbers_of(value: Any, count: int) -> list[float] | None:
    """Return so many finite numbers; None for anything else."""
    if not isinstance(value, list) or len(value) != count:
        return None
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in value):
        return None
    try:
        numbers = [float(each) for each in value]
    except OverflowError:  # JSON's integers have no end
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def where(box: Box) -> str:
    """Return where in the picture the middle of a box is, in words."""
    down = _third((box.y0 + box.y1) / 2, "top", "bottom")
    across = _third((box.x0 + box.x1) / 2, "left", "right")
    return f"{down} {across}".strip() or "middle"


def percent(share: float) -> str:
    """Return a share as it is read."""
    if share < 0.01:
        return "under 1 %"
    return f"{share:.0%}".replace("%", " %")


def _third(at: float, low: str, high: str) -> str:
    if at < GRID / 3:
        return low
    return high if at > GRID * 2 / 3 else ""


def _stretch(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(round(start * length / GRID), length - 1)
    return first, max(round(end * length / GRID), first + 1)
