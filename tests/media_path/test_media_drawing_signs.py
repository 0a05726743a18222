"""The signs of marks: chips that cover none other, letters that can be written, colours told apart."""

import itertools
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
from drawing_rig import HIGH, WIDE, boxes_2d, sizes
from hypothesis import given
from hypothesis import strategies as st

from bot.media.drawing_boxes import Box, Pixels
from bot.media.drawing_chips import place
from bot.media.drawing_colours import GREEN, VERMILLION, Rgb, colour_of, ink
from bot.media.drawing_letters import Letters, can_write
from bot.media.tasks.compare import AMBER


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


def _luminance(colour: Rgb) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))
