"""Boxes as a model writes them, flat and in space: what they are, and what is wrong with them."""

import itertools
from typing import Any

import numpy as np
import pytest
from drawing_rig import FOCAL, HIGH, WIDE, anything, boxes_2d, boxes_3d, sizes
from hypothesis import given
from hypothesis import strategies as st

from bot.media.drawing_boxes import Box, box_of, fault_of, percent, where
from bot.media.drawing_space import Solid, solid_fault_of, solid_of


class TestBoxes:
    @given(anything)
    def test_whatever_a_model_writes_is_a_box_in_the_picture_or_none(self, value: Any) -> None:
        box = box_of(value)
        if box is not None:
            assert 0 <= box.x0 <= box.x1 <= 1000
            assert 0 <= box.y0 <= box.y1 <= 1000

    @given(boxes_2d, sizes)
    def test_pixels_are_inside_and_at_least_one(self, box: Box, size: tuple[int, int]) -> None:
        x0, y0, x1, y1 = box.pixels(size)
        assert 0 <= x0 < x1 <= size[0]
        assert 0 <= y0 < y1 <= size[1]

    def test_pixels_of_a_box(self) -> None:
        box = box_of([250, 100, 500, 400])
        assert box is not None
        assert box.pixels((WIDE, HIGH)) == (60, 100, 240, 200)
        assert box.share == pytest.approx(0.075)

    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            ([0, 0, 1000, 1000], None),
            ([500, 0, 400, 10], "bottom edge"),
            ([0, 500, 10, 500], "right edge"),
            ([0, 0, 1001, 10], "outside 0 to 1000"),
            ([0, 0, 10], "four numbers"),
            ("0, 0, 1, 1", "four numbers"),
            ([0, 0, float("nan"), 1], "four numbers"),
            ([0, 0, 10**400, 1], "four numbers"),
        ],
    )
    def test_what_is_wrong_is_said(self, value: Any, fault: str | None) -> None:
        said = fault_of(value)
        assert said is None if fault is None else fault in str(said)

    @pytest.mark.parametrize(
        ("box", "words"),
        [
            (Box(0, 0, 100, 100), "top left"),
            (Box(400, 400, 600, 600), "middle"),
            (Box(450, 900, 550, 1000), "bottom"),
            (Box(900, 400, 1000, 600), "right"),
            (Box(0, 0, 1000, 1000), "middle"),
        ],
    )
    def test_where_it_is_in_words(self, box: Box, words: str) -> None:
        assert where(box) == words

    def test_shares_as_they_are_read(self) -> None:
        assert [percent(each) for each in (0, 0.0099, 0.01, 0.274, 1)] == [
            "under 1 %", "under 1 %", "1 %", "27 %", "100 %",
        ]  # fmt: skip


class TestSpace:
    """The lens takes in 60 degrees: at a distance of 1 m, 1 m is 519.615 pixels in a picture of 600."""

    def test_the_corners_of_an_upright_box(self) -> None:
        solid = solid_of([0, 2, 0, 1, 2, 1, 0, 0, 0])
        assert solid is not None
        corners = solid.pixels((WIDE, HIGH))
        near, far = 0.5 * 519.615 / 1, 0.5 * 519.615 / 3
        expected = [
            (300 + side * reach, 200 - up * reach)
            for side, reach, up in itertools.product((-1, 1), (near, far), (-1, 1))
        ]
        assert np.array(corners) == pytest.approx(np.array(expected), abs=0.01)

    @pytest.mark.parametrize(
        ("size", "angles", "first", "last"),
        [
            # Yaw turns right to away: the right end is at (cos 30, 2 + sin 30) = (0.866, 2.5).
            ((2, 0, 0), (0, 0, 30), (0, 200), (480, 200)),
            # Pitch turns right to down: the right end is at (cos 30, 2, -sin 30).
            ((2, 0, 0), (0, 30, 0), (75, 70.1), (525, 329.9)),
            # Roll turns away to up: the far end is at (0, 2 + cos 30, sin 30).
            ((0, 2, 0), (30, 0, 0), (300, 429.1), (300, 109.35)),
            # And up to towards the lens: the upper end is at (0, 2 - sin 30, cos 30).
            ((0, 0, 2), (30, 0, 0), (300, 380), (300, -100)),
            # Roll first, then yaw: what points up is not turned by it, unless roll has laid it down.
            ((0, 0, 2), (0, 0, 90), (300, 459.8), (300, -59.8)),
            ((0, 0, 2), (-90, 0, -90), (40.2, 200), (559.8, 200)),
        ],
        ids=["yaw", "pitch", "roll", "roll of what is up", "up stays up", "roll then yaw"],
    )
    def test_angles(
        self, size: Any, angles: Any, first: tuple[float, float], last: tuple[float, float]
    ) -> None:
        corners = Solid((0, 2, 0), size, angles).pixels((WIDE, HIGH))
        assert corners[0] == pytest.approx(first, abs=0.1)
        assert corners[-1] == pytest.approx(last, abs=0.1)

    def test_height_follows_from_the_width_of_the_lens(self) -> None:
        (corner, *_) = Solid((0, 1, 0), (0, 0, 1), (0, 0, 0)).pixels((WIDE, 2 * HIGH))
        assert corner == pytest.approx((300, 400 + FOCAL / 2))

    @pytest.mark.parametrize(
        ("solid", "hidden"),
        [
            (Solid((0, 5, 0), (1, 1, 1), (0, 0, 0)), 8),  # its front is all that is seen
            (Solid((0, 5, 0), (1, 1, 1), (0, 0, 20)), 5),  # two sides
            (Solid((0, 5, -2), (1, 1, 1), (0, 0, 20)), 3),  # two sides and the top
        ],
    )
    def test_twelve_edges_of_which_some_are_hidden(self, solid: Solid, hidden: int) -> None:
        edges = solid.edges((WIDE, 2 * HIGH), beyond=0)
        assert len(edges) == 12
        assert sum(edge.hidden for edge in edges) == hidden

    def test_what_hides_itself_is_at_the_back(self) -> None:
        """Seen from above, from the left: the lower right corner at the back is the one that is not seen."""
        solid = Solid((1, 5, -2), (1, 1, 1), (0, 0, 0))
        back = solid.pixels((WIDE, 2 * HIGH))[0b110]
        hidden = [edge for edge in solid.edges((WIDE, 2 * HIGH), beyond=0) if edge.hidden]
        assert len(hidden) == 3
        assert all(back in (edge.start, edge.end) for edge in hidden)

    def test_behind_the_lens_there_is_nothing(self) -> None:
        solid = Solid((0, -2, 0), (1, 1, 1), (0, 0, 0))
        assert solid.edges((WIDE, HIGH), beyond=5) == []
        assert solid.pixels((WIDE, HIGH)) == [None] * 8

    def test_what_reaches_behind_the_lens_is_cut_there(self) -> None:
        """A floor from 1 m behind the camera to 3 m before it: its sides run out of the picture."""
        solid = Solid((0, 1, -1), (1, 4, 0), (0, 0, 0))
        sides = [edge for edge in solid.edges((WIDE, HIGH), beyond=0) if edge.start[1] != edge.end[1]]
        assert sides
        for edge in sides:
            assert {round(edge.start[1], 1), round(edge.end[1], 1)} == {373.2, 400.0}

    @given(boxes_3d, sizes, st.floats(0, 20))
    def test_edges_end_in_the_picture_or_near_it(
        self, solid: Solid, size: tuple[int, int], beyond: float
    ) -> None:
        for edge in solid.edges(size, beyond):
            for x, y in (edge.start, edge.end):
                assert -beyond - 0.1 <= x <= size[0] + beyond + 0.1
                assert -beyond - 0.1 <= y <= size[1] + beyond + 0.1

    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            ([0, 2, 0, 1, 1, 1, 0, 0, 0], None),
            ([0, 2, 0, 1, 0, 1, 0, 0, 0], "size"),
            ([0, -2, 0, 1, 1, 1, 0, 0, 0], "before the camera"),
            ([0, 2, 0, 1, 1, 1, 0, 0], "nine numbers"),
            ([0, 1e9, 0, 1, 1, 1, 0, 0, 0], "nine numbers"),
        ],
    )
    def test_what_is_wrong_is_said(self, value: Any, fault: str | None) -> None:
        said = solid_fault_of(value)
        assert said is None if fault is None else fault in str(said)
