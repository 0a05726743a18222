"""Boxes drawn on pictures: nothing else changes, no answer breaks it, and what is made can be posted."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from drawing_rig import GREY, HIGH, WIDE, boxes_2d, changed, mark, marks, plain, sizes
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media.drawing import MOST_MARKS, Mark, draw
from bot.media.drawing_boxes import Box
from bot.media.drawing_colours import colour_of
from bot.media.drawing_layout import LARGEST
from bot.media.drawing_output import LARGEST_BYTES, encoded, opened
from bot.media.drawing_sheet import SMALLEST_SIDE, Panel, sheet
from bot.media.drawing_space import Solid


class TestDrawing:
    @settings(deadline=None, max_examples=150)
    @given(sizes, st.sampled_from(["RGB", "RGBA"]), st.lists(marks, max_size=6))
    @example((1, 1), "RGB", [mark(1, "all of it", 0, 0, 1000, 1000)])
    @example((3072, 1), "RGB", [mark(1, "a line", 0, 0, 500, 1000)])
    def test_anything_can_be_drawn_on_anything(
        self, size: tuple[int, int], mode: str, given_marks: list[Mark]
    ) -> None:
        picture = plain(size, mode)
        draw(picture, given_marks)
        assert (picture.size, picture.mode) == (size, mode)

    @settings(deadline=None, max_examples=100)
    @given(boxes_2d, st.tuples(st.integers(40, 200), st.integers(40, 200)))
    def test_what_is_far_from_the_mark_stays(self, box: Box, size: tuple[int, int]) -> None:
        picture = plain(size)
        draw(picture, [Mark(1, "", colour_of(1), box)])
        x0, y0, x1, y1 = box.pixels(size)
        far = np.ones((size[1], size[0]), bool)
        margin = 18  # a line of 1, its casings, and a chip of the smallest letters
        far[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin] = False
        assert not (changed(plain(size), picture) & far).any()

    def test_a_frame_stands_where_the_box_is_and_nowhere_else(self) -> None:
        picture = plain()
        draw(picture, [mark(2, "", 200, 300, 700, 800)])  # pixels 120 to 420, 120 to 320
        touched = changed(plain(), picture)
        for at in ((120, 200), (419, 200), (300, 120), (300, 319)):
            assert picture.getpixel(at) == colour_of(2)
        assert not touched[145:295, 145:395].any(), "what is inside can be seen"
        assert not touched[330:].any()
        assert not touched[:, 430:].any()
        assert not touched[:, :114].any()

    def test_a_frame_at_the_edge_is_seen_in_full(self) -> None:
        picture = plain()
        draw(picture, [mark(1, "", 0, 0, 1000, 1000)])
        touched = changed(plain(), picture)
        for edge in (touched[0], touched[-1], touched[:, 0], touched[:, -1]):
            assert edge.all()

    def test_a_speck_gets_a_frame_that_can_be_seen(self) -> None:
        picture = plain()
        draw(picture, [mark(1, "", 500, 500, 500, 500)])
        rows, columns = np.nonzero((np.asarray(picture) == colour_of(1)).all(axis=2))
        assert np.ptp(rows) > 8
        assert np.ptp(columns) > 8

    def test_names_stand_beside_numbers_while_there_is_room(self) -> None:
        named, numbered, foreign = plain(), plain(), plain()
        draw(named, [mark(1, "coffee cup", 300, 300, 700, 700)])
        draw(numbered, [mark(1, "", 300, 300, 700, 700)])
        draw(foreign, [mark(1, "咖啡杯", 300, 300, 700, 700)])
        assert changed(named, numbered).any()
        assert not changed(foreign, numbered).any(), "what the font lacks is told by its number"

    @pytest.mark.parametrize(
        ("count", "name"),
        [(20, "x"), (MOST_MARKS, "x"), (12, "a long name of a thing")],
        ids=["too many to read", "as many as can be", "too long for the picture"],
    )
    def test_where_names_would_hide_the_picture_there_are_numbers_alone(self, count: int, name: str) -> None:
        places = [(50 + 90 * x, 20 + 160 * y) for x in range(10) for y in range(6)][:count]
        named, numbered = plain(), plain()
        draw(named, [mark(n, name, x, y, x + 60, y + 80) for n, (x, y) in enumerate(places, 1)])
        draw(numbered, [mark(n, "", x, y, x + 60, y + 80) for n, (x, y) in enumerate(places, 1)])
        assert not changed(named, numbered).any()

    def test_lines_grow_with_the_picture(self) -> None:
        def width(size: tuple[int, int]) -> int:
            picture = plain(size)
            draw(picture, [mark(1, "", 200, 200, 800, 800)])
            middle = np.asarray(picture)[size[1] // 2]
            return int((middle == colour_of(1)).all(axis=1).sum()) // 2

        assert 2 <= width((600, 400)) <= 4
        assert 12 <= width((3072, 2048)) <= 20
        assert width((32, 32)) == 1

    def test_a_box_in_space_is_drawn_along_its_edges(self) -> None:
        solid = Solid((0, 2, 0), (1, 2, 1), (0, 0, 0))
        picture = plain()
        draw(picture, [Mark(1, "", colour_of(1), solid)])
        assert picture.getpixel((40, 200)) == colour_of(1), "the near left edge, at 300 - 259.8"
        assert picture.getpixel((560, 200)) == colour_of(1), "the near right edge, at 300 + 259.8"
        assert (np.asarray(picture)[200, 384:390] != GREY).any(), "the far right edge, at 300 + 86.6"
        assert picture.getpixel((300, 200)) == GREY, "the middle of the faces"

    def test_what_is_outside_is_left_out(self) -> None:
        picture = plain()
        draw(picture, [Mark(1, "behind", colour_of(1), Solid((0, -2, 0), (1, 1, 1), (0, 0, 0)))])
        assert not changed(plain(), picture).any()


class TestOutput:
    def test_small_exact_pictures_stay_exact(self) -> None:
        name, data = encoded(plain(), "found", exact=True)
        assert name == "found.png"
        assert not changed(plain(), Image.open(io.BytesIO(data))).any()

    def test_photos_are_jpeg(self) -> None:
        name, data = encoded(plain(), "found", exact=False)
        assert name == "found.jpg"
        assert Image.open(io.BytesIO(data)).size == (WIDE, HIGH)

    def test_the_largest_picture_can_be_posted(self) -> None:
        noise = np.random.default_rng(7).integers(0, 255, (3072, 3072, 3), np.uint8)
        name, data = encoded(Image.fromarray(noise), "found", exact=True)
        assert name == "found.jpg"
        assert len(data) <= LARGEST_BYTES

    def test_transparency_is_white_where_there_is_none(self) -> None:
        clear = Image.new("RGBA", (2000, 2000), (255, 0, 0, 0))
        name, data = encoded(clear, "found", exact=True)
        assert name == "found.jpg"
        assert Image.open(io.BytesIO(data)).getpixel((5, 5)) == (255, 255, 255)


class TestSheet:
    def test_each_picture_under_its_caption_with_its_marks(self, tmp_path: Path) -> None:
        panels = [
            panel(tmp_path, number, "white", (WIDE, HIGH), (mark(number, "", 250, 250, 750, 750),))
            for number in (1, 2)
        ]
        made = sheet(panels, threading.Event())
        assert made is not None
        assert made.width > made.height, "two wide pictures stand side by side"
        pixels = np.asarray(made)
        left, right = pixels[:, : made.width // 2], pixels[:, made.width // 2 :]
        for half, colour, other in ((left, 1, 2), (right, 2, 1)):
            assert (half == colour_of(colour)).all(axis=2).any()
            assert not (half == colour_of(other)).all(axis=2).any()

    @pytest.mark.parametrize("count", [1, 2, 3, 4])
    @pytest.mark.parametrize("size", [(3072, 3072), (3072, 40), (40, 3072), (1, 1)])
    def test_sheets_keep_within_bounds(self, tmp_path: Path, size: tuple[int, int], count: int) -> None:
        panels = [panel(tmp_path, number, "white", size, ()) for number in range(1, count + 1)]
        made = sheet(panels, threading.Event())
        assert made is not None
        assert max(made.size) >= SMALLEST_SIDE
        assert made.width <= LARGEST[0] * 1.25
        assert made.height <= LARGEST[1] * 1.25

    def test_stopped(self, tmp_path: Path) -> None:
        stop = threading.Event()
        stop.set()
        assert sheet([panel(tmp_path, 1, "white", (9, 9), ())], stop) is None


def panel(
    folder: Path, number: int, colour: str, size: tuple[int, int], given_marks: tuple[Mark, ...]
) -> Panel:
    path = folder / f"{number}.png"
    Image.new("RGB", size, colour).save(path)
    return Panel(path, number, path.name, size, given_marks)


def test_pictures_of_other_kinds_are_made_fit_to_draw_on(tmp_path: Path) -> None:
    for mode, expected in (("L", "RGB"), ("P", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA")):
        Image.new(mode, (4, 4)).save(tmp_path / "it.png")
        assert opened(tmp_path / "it.png").mode == expected
