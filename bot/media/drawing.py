"""Drawing on pictures what was found in them: boxes, and chips with their numbers and names.

Lines and letters grow with the picture, since it is seen scaled to a window. For threads: what takes long
in Pillow lets go of the GIL.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from bot.media.drawing_boxes import Box, Pixels
from bot.media.drawing_chips import place
from bot.media.drawing_colours import Rgb, casing, ink
from bot.media.drawing_letters import SMALLEST_PX, Letters, can_write, rounded
from bot.media.drawing_space import Edge, Solid

MOST_MARKS = 60
"""More can't be told apart in a picture."""

_LETTERS_PER_SIDE = 28  # of the square of the picture's area: about as large as a window's own text
_LINES_PER_LETTER = 6.5
_NAMED_MOST = 15  # more names than that hide the picture: then numbers alone
_CROWDED = 25  # from so many marks on, letters and lines are smaller by _SMALLER
_SMALLER = 0.75
_CHIPS_SHARE = 0.2  # of the picture; where names would cover more, there are numbers alone
_NAME_SHARE = 0.4  # of the picture's width, at most, for one name
_NAME_LENGTH = 100  # characters; measuring a text takes time, and no chip is so wide
_EDGES_SMOOTH = 2000  # pixels: in a larger picture, scaled to a window, no steps are seen in a slanted line


@dataclass(frozen=True)
class Mark:
    """Something in a picture that is marked there."""

    number: int
    label: str
    """Its name, or nothing for the number alone."""
    colour: Rgb
    shape: Box | Solid
    sign: str = ""
    """Stands before the number, for what the colour says too."""


@dataclass(frozen=True)
class _Chip:
    head: str
    name: str
    size: tuple[int, int]


@dataclass(frozen=True)
class _Seen:
    """A mark with what is seen of it."""

    mark: Mark
    box: Pixels
    anchor: Pixels
    """Where its chip stands."""
    edges: tuple[Edge, ...] = ()


def draw(picture: Image.Image, marks: Sequence[Mark]) -> None:
    """Draw the marks on an RGB or RGBA picture; those that lie outside of it are left out."""
    letters = Letters(_letter_px(picture.size, len(marks)))
    line = max(1, round(letters.size_px / _LINES_PER_LETTER))
    seen = [each for mark in marks if (each := _seen(mark, picture.size, line)) is not None]
    for each in sorted(seen, key=lambda each: -_area(each.box)):  # the small ones over the large ones
        if each.edges:
            _draw_edges(picture, each, line)
        else:
            _draw_box(picture, each, line)
    chips = _chips(seen, letters, picture.size)
    boxes = [each.box for each in seen]
    places = place([each.anchor for each in seen], [chip.size for chip in chips], boxes, picture.size)
    for each, chip, at in zip(seen, chips, places, strict=True):
        if at is not None:
            _draw_chip(picture, chip, at, each.mark.colour, letters)


def _letter_px(size: tuple[int, int], count: int) -> int:
    side = math.sqrt(size[0] * size[1]) * (_SMALLER if count > _CROWDED else 1.0)
    return max(SMALLEST_PX, round(min(side / _LETTERS_PER_SIDE, min(size) / 3)))


def _seen(mark: Mark, size: tuple[int, int], line: int) -> _Seen | None:
    if isinstance(mark.shape, Box):
        box = mark.shape.pixels(size)
        return _Seen(mark, box, box)
    edges = mark.shape.edges(size, beyond=line)
    if not edges:
        return None
    ends = [end for edge in edges for end in (edge.start, edge.end)]
    # A slanted box does not fill the upright one around it: its chip stands at its topmost corner instead.
    top = min(ends, key=lambda end: end[1])
    return _Seen(mark, _around(ends, 0, size), _around([top], line, size), tuple(edges))


def _around(points: Sequence[tuple[float, float]], margin: int, size: tuple[int, int]) -> Pixels:
    """Return the box around points, and a margin, inside the picture."""
    (left, right), (top, bottom) = (
        (max(0, math.floor(min(at)) - margin), min(length, math.ceil(max(at)) + margin))
        for at, length in zip(zip(*points, strict=True), size, strict=True)
    )
    return min(left, size[0]), min(top, size[1]), max(right, 0), max(bottom, 0)


def _beside(line: int) -> int:
    """Return how wide the casing is on either side of a line."""
    return max(1, line // 3)


def _draw_box(picture: Image.Image, seen: _Seen, line: int) -> None:
    beside = _beside(line)
    band = line + 2 * beside
    left, top, right, bottom = _grown(seen.box, band // 2, 2 * band + 1, picture.size)
    canvas = ImageDraw.Draw(picture)
    _rectangle(canvas, (left, top, right, bottom), casing(seen.mark.colour), band)
    inner = (left + beside, top + beside, right - beside, bottom - beside)
    _rectangle(canvas, inner, seen.mark.colour, line)


def _rectangle(canvas: ImageDraw.ImageDraw, box: Pixels, colour: Rgb, width: int) -> None:
    left, top, right, bottom = box
    if left < right and top < bottom:
        canvas.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=width)


def _grown(box: Pixels, by: int, least: int, size: tuple[int, int]) -> Pixels:
    """Return a box with room for half a line around it, and no side so short that lines would meet."""
    sides = []
    for start, end, length in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        more = max(by, math.ceil((least - (end - start)) / 2))
        sides.append((max(0, start - more), min(length, end + more)))
    (left, right), (top, bottom) = sides
    return left, top, right, bottom


def _draw_edges(picture: Image.Image, seen: _Seen, line: int) -> None:
    """Draw a box in space: smooth lines, those that it hides itself at half the width."""
    longest = max(picture.size)
    scale = 1 if longest > _EDGES_SMOOTH else 2 if longest > _EDGES_SMOOTH / 2 else 4
    margin = line + _beside(line) + 1
    left, top, right, bottom = _grown(seen.box, margin, 0, picture.size)
    size = (right - left, bottom - top)
    for colour, more in ((casing(seen.mark.colour), 2 * _beside(line)), (seen.mark.colour, 0)):
        mask = Image.new("L", (size[0] * scale, size[1] * scale))
        canvas = ImageDraw.Draw(mask)
        for edge in seen.edges:
            width = (max(1, line // 2) if edge.hidden else line) + more
            ends = [((x - left) * scale, (y - top) * scale) for x, y in (edge.start, edge.end)]
            _stroke(canvas, ends, width * scale)
        picture.paste(colour, (left, top), mask.reduce(scale))


def _stroke(canvas: ImageDraw.ImageDraw, ends: Sequence[tuple[float, float]], width: int) -> None:
    canvas.line(list(ends), fill=255, width=width)
    for x, y in ends:
        canvas.circle((x, y), width / 2, fill=255)


def _chips(seen: Sequence[_Seen], letters: Letters, size: tuple[int, int]) -> list[_Chip]:
    """Return the chips: with names, if there is room for them, else with numbers alone."""
    room = round(size[0] * _NAME_SHARE)
    numbered = [_chip(each.mark, "", letters) for each in seen]
    if len(seen) > _NAMED_MOST:
        return numbered
    named = [_chip(each.mark, _name(each.mark, room, letters), letters) for each in seen]
    covered = sum(chip.size[0] * chip.size[1] for chip in named)
    return named if covered <= size[0] * size[1] * _CHIPS_SHARE else numbered


def _name(mark: Mark, room: int, letters: Letters) -> str:
    name = mark.label[:_NAME_LENGTH]
    return letters.cut(name, room) if can_write(name) else ""


def _chip(mark: Mark, name: str, letters: Letters) -> _Chip:
    head = f"{mark.sign}{mark.number}"
    height = round(letters.size_px * 1.35)
    width = letters.width(head, bold=True) + 2 * _padding(letters)
    if name:
        width += letters.width(name) + _padding(letters)
    return _Chip(head, name, (max(width, height), height))


def _padding(letters: Letters) -> int:
    return max(2, round(letters.size_px * 0.35))


def _draw_chip(picture: Image.Image, chip: _Chip, at: Pixels, colour: Rgb, letters: Letters) -> None:
    left, top, right, bottom = at
    picture.paste(colour, (left, top), rounded(chip.size))
    on = ink(colour)
    head = letters.width(chip.head, bold=True)
    middle = (top + bottom) / 2
    if not chip.name:
        letters.write(picture, ((left + right - head) / 2, middle), chip.head, on, bold=True)
        return
    padding = _padding(letters)
    letters.write(picture, (left + padding, middle), chip.head, on, bold=True)
    letters.write(picture, (left + 2 * padding + head, middle), chip.name, on)


def _area(box: Pixels) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
