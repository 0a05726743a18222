"""Several pictures side by side on one sheet, each under its caption and with its marks."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from bot.media.drawing import Mark, draw
from bot.media.drawing_layout import INK, LARGEST, PAPER, WINDOW, Layout, within
from bot.media.drawing_letters import Letters, can_write
from bot.media.drawing_output import opened

SMALLEST_SIDE = 400  # of the longer side of a cell: an icon is scaled up to it, so that marks have room
_LETTERS_PER_SIDE = 32


@dataclass(frozen=True)
class Panel:
    """A picture of a sheet."""

    path: Path
    number: int
    name: str
    size: tuple[int, int]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class _Layout(Layout):
    """Captions stand above the pictures."""

    def sheet(self, count: int) -> tuple[int, int]:
        """Return the size of the whole."""
        left, top = self.corner(math.ceil(count / self.columns) * self.columns - 1)
        return left + self.cell[0] + self.gap, top + self.caption + self.cell[1] + self.gap


def sheet(panels: Sequence[Panel], stop: threading.Event) -> Image.Image | None:
    """Return the sheet, RGB; None if it was stopped meanwhile."""
    layout = max(
        (_layout([panel.size for panel in panels], columns) for columns in range(len(panels), 0, -1)),
        key=lambda layout: _seen_size(layout, [panel.size for panel in panels]),
    )
    paper = Image.new("RGB", layout.sheet(len(panels)), PAPER)
    letters = Letters(layout.letter)
    for index, panel in enumerate(panels):
        if stop.is_set():
            return None
        _put(paper, panel, layout, layout.corner(index), letters)
    return paper


def _layout(sizes: Sequence[tuple[int, int]], columns: int) -> _Layout:
    rows = math.ceil(len(sizes) / columns)
    wanted = max(width for width, _ in sizes), max(height for _, height in sizes)
    grow = max(1.0, SMALLEST_SIDE / max(wanted))
    scale = min(grow, LARGEST[0] / columns / wanted[0], LARGEST[1] / rows / wanted[1])
    cell = max(1, round(wanted[0] * scale)), max(1, round(wanted[1] * scale))
    letter = max(12, round(math.sqrt(cell[0] * cell[1]) / _LETTERS_PER_SIDE))
    return _Layout(columns, cell, round(1.6 * letter), letter, letter)


def _seen_size(layout: _Layout, sizes: Sequence[tuple[int, int]]) -> float:
    """Return how large the pictures are seen in a window."""
    whole = layout.sheet(len(sizes))
    scale = min(WINDOW[0] / whole[0], WINDOW[1] / whole[1])
    return scale * sum(math.hypot(*within(size, layout.cell)) for size in sizes)


def _put(
    paper: Image.Image, panel: Panel, layout: _Layout, corner: tuple[int, int], letters: Letters
) -> None:
    picture = opened(panel.path)
    size = within(picture.size, layout.cell)
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    draw(picture, panel.marks)
    head = str(panel.number)
    left, top = corner
    middle = top + layout.caption / 2
    letters.write(paper, (left, middle), head, INK, bold=True)
    after = letters.width(head, bold=True) + letters.size_px // 2
    name = letters.cut(panel.name, layout.cell[0] - after) if can_write(panel.name) else ""
    letters.write(paper, (left + after, middle), name, INK)
    mask = picture if picture.mode == "RGBA" else None
    paper.paste(picture, (left, top + layout.caption), mask)
