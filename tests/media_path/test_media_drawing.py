"""Boxes on pictures: where they are, that nothing else changes, and that no answer of a model breaks them."""

import io
import itertools
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media.drawing import MOST_MARKS, Mark, draw
from bot.media.drawing_boxes import Box, Pixels, box_of, fault_of, percent, where
from bot.media.drawing_chips import place
from bot.media.drawing_colours import GREEN, VERMILLION, Rgb, colour_of, ink
from bot.media.drawing_layout import LARGEST
from bot.media.drawing_letters import Letters, can_write
from bot.media.drawing_output import LARGEST_BYTES, encoded, opened
from bot.media.drawing_sheet import SMALLEST_SIDE, Panel, sheet
from bot.media.drawing_space import Solid, solid_fault_of, solid_of
from bot.media.tasks.compare import AMBER

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


class TestChips:
    @given(
        st.lists(st.tuples(boxes_2d, st.tuples(st.integers(1, 60), st.integers(1, 30))), max_size=20), sizes
    )
    def test_chips_stay_in_the_picture(
        self, given_chips: list[tuple[Box, tuple[int, int]]], picture: tuple[int, int]
    ) -> None:
        anchors = [box.pixels(picture) for box, _ in given_chips]
        placed = place(anchors, [size for _, size in given_chips], anchors, picture)
        for (_, size), chip in zip(given_chips, placed, strict=True):
            fits = size[0] <= picture[0] and size[1] <= picture[1]
            assert (chip is not None) == fits
            if chip is not None:
                assert (chip[2] - chip[0], chip[3] - chip[1]) == size
                assert chip[0] >= 0 and chip[2] <= picture[0]
                assert chip[1] >= 0 and chip[3] <= picture[1]

    def test_sixty_chips_leave_each_other_alone(self) -> None:
        boxes = [(x, y, x + 40, y + 40) for x in range(5, 600, 60) for y in range(5, 360, 60)]
        placed = place(boxes, [(24, 16)] * 60, boxes, (WIDE, HIGH))
        assert len(boxes) == 60
        covered = np.zeros((HIGH, WIDE), int)
        for chip in placed:
            assert chip is not None
            covered[chip[1] : chip[3], chip[0] : chip[2]] += 1
        assert covered.max() == 1

    def test_boxes_within_each_other_keep_their_chips_apart(self) -> None:
        boxes: list[Pixels] = [(100 + n, 100 + n, 400 - n, 300 - n) for n in range(0, 40, 8)]
        apart(place(boxes, [(70, 20)] * 5, boxes, (WIDE, HIGH)))

    def test_chips_at_one_corner_make_room_for_each_other(self) -> None:
        """As of boxes in space, whose chips stand at their topmost corners."""
        corners: list[Pixels] = [(300 + n, 150, 304 + n, 154) for n in range(15)]
        boxes: list[Pixels] = [(200, 150, 400, 300)] * 15
        chips = place(corners, [(90, 18)] * 15, boxes, (WIDE, HIGH))
        apart(chips)
        for chip in chips:
            assert chip is not None
            far = max(chip[0] - 319, 300 - chip[2], chip[1] - 154, 150 - chip[3])
            assert far <= 8 * 18, "near enough to be found"


def apart(chips: list[Pixels | None]) -> None:
    """Assert that no chip covers another."""
    for one, other in itertools.combinations(chips, 2):
        assert one is not None and other is not None
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


class TestLetters:
    @pytest.mark.parametrize("text", ["cup", "Кофе", "καφές", "e\u0301", "قهوة", "שלום", "+1", "−2…"])  # noqa: RUF001
    def test_what_can_be_written(self, text: str) -> None:
        assert can_write(text)

    @pytest.mark.parametrize("text", ["猫", "กาแฟ", "cup 猫", "\ud800", "a\nb", "\u202eabc"])
    def test_what_can_not(self, text: str) -> None:
        assert not can_write(text)

    @given(st.text("abcdefghij ", max_size=60), st.integers(0, 300))
    def test_what_is_cut_fits(self, text: str, width: int) -> None:
        letters = Letters(14)
        cut = letters.cut(text, width)
        assert cut == "" or cut == text or cut.endswith("…")
        assert cut == "" or letters.width(cut) <= max(width, letters.width("…"))

    def test_no_plotting_library_is_imported_for_its_font(self) -> None:
        code = (
            "import sys; from bot.media.drawing_letters import Letters; Letters(20).width('cup');"
            "sys.exit('matplotlib' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


class TestColours:
    # Viénot, Brettel and Mollon (1999), on linear RGB.
    CONFUSED: ClassVar = {
        "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    }

    @pytest.mark.parametrize("who", ["protan", "deutan"])
    @pytest.mark.parametrize("some", [(GREEN, VERMILLION, AMBER), tuple(map(colour_of, range(1, 8)))])
    def test_the_colour_blind_tell_them_apart(self, who: str, some: tuple[Rgb, ...]) -> None:
        linear = (np.array(some) / 255) ** 2.2
        seen = 255 * np.clip(linear @ np.array(self.CONFUSED[who]).T, 0, 1) ** (1 / 2.2)
        for one, other in itertools.combinations(seen, 2):
            assert np.linalg.norm(one - other) > 25

    def test_numbers_can_be_read_on_every_colour(self) -> None:
        for colour in (*map(colour_of, range(1, 8)), AMBER):
            light, dark = sorted((_luminance(colour), _luminance(ink(colour))), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5

    def test_neighbours_differ(self) -> None:
        assert all(colour_of(number) != colour_of(number + 1) for number in range(1, 30))


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


def _luminance(colour: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
