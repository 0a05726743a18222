"""Boxes, labels and pictures of the tests of drawing: any that a model may give, and plain ones."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from bot.media.drawing import Mark
from bot.media.drawing_boxes import Box, box_of
from bot.media.drawing_colours import Rgb, colour_of
from bot.media.drawing_space import solid_of

GREY: Rgb = (118, 118, 118)
WIDE, HIGH = 600, 400
FOCAL = WIDE / 2 / np.tan(np.radians(30))  # 519.615 pixels
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=10),
    max_leaves=12,
)
numbers = st.integers(-2000, 3000) | st.floats() | st.integers()
sizes = st.tuples(st.integers(1, 200), st.integers(1, 200))
boxes_2d = st.lists(numbers, min_size=4, max_size=4).map(box_of).filter(bool)
boxes_3d = st.lists(st.floats(-10, 10) | numbers, min_size=9, max_size=9).map(solid_of).filter(bool)
labels = st.text(max_size=40) | st.sampled_from(
    ["猫", "قهوة", "שלום", "e\u0301", "\ud800", "a\0b\n", "\u202e", "😀"]
)
marks = st.builds(
    Mark,
    st.integers(1, 99),
    labels,
    st.integers(1, 9).map(colour_of),
    boxes_2d | boxes_3d,
    st.sampled_from(["", "+"]),
)


def plain(size: tuple[int, int] = (WIDE, HIGH), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, GREY)


def mark(number: int, label: str, *box: float) -> Mark:
    return Mark(number, label, colour_of(number), Box(*box))


def changed(before: Image.Image, after: Image.Image) -> Any:
    """Return which pixels differ, shape (height, width)."""
    return (np.asarray(before) != np.asarray(after)).any(axis=2)
