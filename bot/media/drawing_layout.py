"""What all sheets of pictures have in common: how large they are, on which paper, and how pictures fit."""

from dataclasses import dataclass

from bot.media.drawing_colours import Rgb

LARGEST = (2400, 1800)  # pixels of a sheet: its pictures can still be told apart, and looked into
WINDOW = (550, 350)  # pixels in which Discord shows a picture, before somebody opens it
PAPER: Rgb = (30, 31, 34)  # dark, so that pictures stand out, and no glare in a dark client
INK: Rgb = (242, 243, 245)


@dataclass(frozen=True)
class Layout:
    """How a sheet is parted, in pixels."""

    columns: int
    cell: tuple[int, int]
    """Of a picture, without its caption."""
    caption: int
    """Height of what is written above or below a picture."""
    gap: int
    letter: int

    def corner(self, index: int) -> tuple[int, int]:
        """Return the left top of a picture, or of its caption, whichever is higher."""
        row, column = divmod(index, self.columns)
        down = self.cell[1] + self.caption + self.gap
        return self.gap + column * (self.cell[0] + self.gap), self.gap + row * down


def within(size: tuple[int, int], cell: tuple[int, int]) -> tuple[int, int]:
    """Return the largest size in a cell that has the proportions of `size`."""
    scale = min(cell[0] / size[0], cell[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
