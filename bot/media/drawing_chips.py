"""Where the chips stand that name what is marked: at their boxes, inside the picture, off each other."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bot.media.drawing_boxes import Pixels

_ON_CHIP = 8.0  # a covered chip can't be read, a covered box can still be seen
_TOUCHING = 2.0  # a chip, if only by a letter
_ON_BOX = 2.0  # for a box that is covered in whole
_LATER = 0.01  # of two equally good places the more usual one
_AWAY = 0.5  # for each height of a chip away from its anchor: there its colour alone tells whose it is
_FURTHEST = 8  # heights: further away nobody looks for it

Rectangles = npt.NDArray[np.int64]
"""Shape (count, 4): x0, y0, x1, y1."""


def place(
    anchors: Sequence[Pixels],
    sizes: Sequence[tuple[int, int]],
    boxes: Sequence[Pixels],
    picture: tuple[int, int],
) -> list[Pixels | None]:
    """Return where each chip stands: at its anchor; None for one that is larger than the picture.

    Small anchors choose first: there is least room at them. Where other chips take all of it, the chip stands
    near its anchor. `boxes` are better not covered.
    """
    placed: list[Pixels | None] = [None] * len(anchors)
    taken: list[Pixels] = []
    all_boxes = _rectangles(boxes)
    for index in sorted(range(len(anchors)), key=lambda index: _area(anchors[index])):
        width, height = sizes[index]
        if width > picture[0] or height > picture[1]:
            continue
        others = _rectangles(taken)
        at: list[Pixels] = []
        away: list[float] = []
        for step in range(_FURTHEST + 1):
            near = list(_places(_grown(anchors[index], step * height), sizes[index], picture))
            at += near
            away += [_AWAY * step] * len(near)
            if step == 0 and not _overlaps(_rectangles(at), others).any():
                break  # as nearly always
        chips = _rectangles(at)
        on_chips = _overlaps(chips, others).sum(axis=1)
        cost = _LATER * np.arange(len(chips), dtype=np.float64) + np.array(away)
        cost += _ON_CHIP * on_chips / (width * height) + _TOUCHING * (on_chips > 0)
        cost += _ON_BOX * (_overlaps(chips, all_boxes) / _areas(all_boxes)).sum(axis=1)
        best = at[int(np.argmin(cost))]
        placed[index] = best
        taken.append(best)
    return placed


def _places(anchor: Pixels, size: tuple[int, int], picture: tuple[int, int]) -> Iterator[Pixels]:
    """Yield places for a chip, the usual ones first: above, below, beside, within."""
    x0, y0, x1, y1 = anchor
    width, height = size
    across = (x0, x1 - width, (x0 + x1 - width) // 2)
    down = (y0, y1 - height, (y0 + y1 - height) // 2)
    for top in (y0 - height, y1):
        yield from (_inside(left, top, size, picture) for left in across)
    for left in (x0 - width, x1):
        yield from (_inside(left, top, size, picture) for top in down)
    for top in down:
        yield from (_inside(left, top, size, picture) for left in across)


def _grown(anchor: Pixels, by: int) -> Pixels:
    x0, y0, x1, y1 = anchor
    return x0 - by, y0 - by, x1 + by, y1 + by


def _inside(left: int, top: int, size: tuple[int, int], picture: tuple[int, int]) -> Pixels:
    """Return a chip moved into the picture."""
    left = min(max(left, 0), picture[0] - size[0])
    top = min(max(top, 0), picture[1] - size[1])
    return left, top, left + size[0], top + size[1]


def _area(box: Pixels) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _rectangles(boxes: Sequence[Pixels]) -> Rectangles:
    return np.array(boxes, dtype=np.int64).reshape(len(boxes), 4)


def _areas(boxes: Rectangles) -> Rectangles:
    """Return the areas, shape (count,); at least 1, so that they can be divided by."""
    areas: Rectangles = np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1)
    return areas


def _overlaps(some: Rectangles, others: Rectangles) -> Rectangles:
    """Return the area that each of some shares with each of others, shape (some, others)."""
    one, other = some[:, None, :], others[None, :, :]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    areas: Rectangles = np.prod(np.maximum(sides, 0), axis=2)
    return areas
