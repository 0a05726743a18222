"""A contact sheet: pictures of a film in their order, each with its time on it and its title below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from bot.media.drawing_colours import BLACK, WHITE
from bot.media.drawing_layout import INK, LARGEST, PAPER, WINDOW, Layout, within
from bot.media.drawing_letters import Letters, can_write, rounded

TILE_SIDE = 640  # of the longer side of a picture; with few of them there is room for more than anybody needs
SMALLEST_SIDE = 320  # small films are scaled up to it, so that a title has room
_LETTERS_PER_SIDE = 20
_CHIP_SHADE = 0.78  # of black behind a time: it can be read on snow, and the picture is still seen


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet."""

    picture: Image.Image
    """RGB."""
    time: str
    title: str


@dataclass(frozen=True)
class _Layout(Layout):
    """Titles stand below the pictures."""

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
    paper = Image.new("RGB", layout.sheet(len(tiles)), PAPER)
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
    scale = min(WINDOW[0] / whole[0], WINDOW[1] / whole[1])
    empty = -count % layout.columns
    return round(scale * layout.cell[0] - 4 * empty), -empty


def _put(paper: Image.Image, tile: Tile, layout: _Layout, corner: tuple[int, int], letters: Letters) -> None:
    size = within(tile.picture.size, layout.cell)
    picture = tile.picture
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    (left, top), (width, height) = corner, layout.cell
    # Frames of another shape than most stand in the middle of their places.
    at = left + (width - size[0]) // 2, top + (height - size[1]) // 2
    paper.paste(picture, at)
    _put_chip(paper, tile.time, (at[0], at[1] + size[1]), letters)
    title = letters.cut(_title(tile), width)
    letters.write(paper, (left, top + height + layout.caption * 0.45), title, INK)


def _put_chip(paper: Image.Image, time: str, corner: tuple[int, int], letters: Letters) -> None:
    """Put a time into the left bottom corner of a picture."""
    inset, padding = round(letters.size_px * 0.4), round(letters.size_px * 0.35)
    width, height = letters.width(time, bold=True) + 2 * padding, round(letters.size_px * 1.4)
    left, top = corner[0] + inset, corner[1] - inset - height
    paper.paste(BLACK, (left, top), rounded((width, height), round(255 * _CHIP_SHADE)))
    letters.write(paper, (left + padding, top + height / 2), time, WHITE, bold=True)


def _title(tile: Tile) -> str:
    """Return the title as far as there are letters for it."""
    return tile.title if can_write(tile.title) else ""
