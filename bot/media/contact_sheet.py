"""A contact sheet: pictures of a film in their order, each with its time on it and its title below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from bot.media.drawing_colours import BLACK, WHITE, Rgb
from bot.media.drawing_letters import Letters, can_write

LARGEST = (2400, 1800)  # pixels of a sheet: thirty pictures can still be told apart
TILE_SIDE = 640  # of the longer side of a picture; with few of them there is room for more than anybody needs
SMALLEST_SIDE = 320  # small films are scaled up to it, so that a title has room
_WINDOW = (550, 350)  # pixels in which Discord shows a picture, before somebody opens it
_LETTERS_PER_SIDE = 20
_CHIP_SHADE = 0.78  # of black behind a time: it can be read on snow, and the picture is still seen
_PAPER: Rgb = (30, 31, 34)  # as of all sheets here
_INK: Rgb = (242, 243, 245)


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet."""

    picture: Image.Image
    """RGB."""
    time: str
    title: str


@dataclass(frozen=True)
class _Layout:
    columns: int
    cell: tuple[int, int]
    """Of a picture."""
    caption: int
    """Height of the title below it."""
    gap: int
    letter: int

    def corner(self, index: int) -> tuple[int, int]:
        """Return the left top of a picture."""
        row, column = divmod(index, self.columns)
        down = self.cell[1] + self.caption + self.gap
        return self.gap + column * (self.cell[0] + self.gap), self.gap + row * down

    def sheet(self, count: int) -> tuple[int, int]:
        """Return the size of the whole."""
        left, top = self.corner(math.ceil(count / self.columns) * self.columns - 1)
        below = max(self.caption, self.gap)
        return left + self.cell[0] + self.gap, top + self.cell[1] + below


def contact_sheet(tiles: Sequence[Tile]) -> Image.Image:
    """Return the sheet, RGB, of one tile or more."""
    titled = any(_title(tile) for tile in tiles)
    sizes = [tile.picture.size for tile in tiles]
    layout = max(
        (_layout(sizes, columns, titled=titled) for columns in range(len(tiles), 0, -1)),
        key=lambda layout: _seen(layout, len(tiles)),
    )
    paper = Image.new("RGB", layout.sheet(len(tiles)), _PAPER)
    letters = Letters(layout.letter)
    for index, tile in enumerate(tiles):
        _put(paper, tile, layout, layout.corner(index), letters)
    return paper


def _layout(sizes: Sequence[tuple[int, int]], columns: int, *, titled: bool) -> _Layout:
    rows = math.ceil(len(sizes) / columns)
    wanted = max(width for width, _ in sizes), max(height for _, height in sizes)
    grow = max(1.0, SMALLEST_SIDE / max(wanted))
    # A caption and a gap take a tenth of a picture at most.
    scale = min(grow, LARGEST[0] / 1.1 / columns / wanted[0], LARGEST[1] / 1.2 / rows / wanted[1])
    cell = max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale))
    letter = max(12, round(math.sqrt(cell[0] * cell[1]) / _LETTERS_PER_SIDE))
    return _Layout(columns, cell, round(1.9 * letter) if titled else 0, round(0.8 * letter), letter)


def _seen(layout: _Layout, count: int) -> tuple[float, float]:
    """Return how large a picture is seen in a window; of equal ones the sheet with fewer empty places."""
    whole = layout.sheet(count)
    scale = min(_WINDOW[0] / whole[0], _WINDOW[1] / whole[1])
    empty = -count % layout.columns
    return round(scale * layout.cell[0] - 4 * empty), -empty


def _put(paper: Image.Image, tile: Tile, layout: _Layout, corner: tuple[int, int], letters: Letters) -> None:
    size = _within(tile.picture.size, layout.cell)
    picture = tile.picture
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    (left, top), (width, height) = corner, layout.cell
    # Frames of another shape than most stand in the middle of their places.
    at = left + (width - size[0]) // 2, top + (height - size[1]) // 2
    paper.paste(picture, at)
    _put_chip(paper, tile.time, (at[0], at[1] + size[1]), letters)
    title = letters.cut(_title(tile), width)
    letters.write(paper, (left, top + height + layout.caption * 0.45), title, _INK)


def _put_chip(paper: Image.Image, time: str, corner: tuple[int, int], letters: Letters) -> None:
    """Put a time into the left bottom corner of a picture."""
    inset, padding = round(letters.size_px * 0.4), round(letters.size_px * 0.35)
    width, height = letters.width(time, bold=True) + 2 * padding, round(letters.size_px * 1.4)
    left, top = corner[0] + inset, corner[1] - inset - height
    paper.paste(BLACK, (left, top), _rounded((width, height)))
    letters.write(paper, (left + padding, top + height / 2), time, WHITE, bold=True)


def _rounded(size: tuple[int, int]) -> Image.Image:
    """Return a mask of a rectangle with smooth round corners."""
    scale = 4
    mask = Image.new("L", (size[0] * scale, size[1] * scale))
    box = (0, 0, mask.width - 1, mask.height - 1)
    shade = round(255 * _CHIP_SHADE)
    ImageDraw.Draw(mask).rounded_rectangle(box, radius=mask.height // 4, fill=shade)
    return mask.reduce(scale)


def _title(tile: Tile) -> str:
    """Return the title as far as there are letters for it."""
    return tile.title if can_write(tile.title) else ""


def _within(size: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    scale = min(cell[0] / size[0], cell[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
