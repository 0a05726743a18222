"""Frames out of films, and the sheet that they are put on."""

import io
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from film_rig import BUNNY, KIT, PAPER, decoded, differ, film, pixels, shown_at, taken_apart, turned
from PIL import Image

from bot.media.contact_sheet import Tile, contact_sheet
from bot.media.drawing_layout import LARGEST
from bot.media.errors import MediaError
from bot.media.frames import frames_at
from bot.media.recordings import Stopped

COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan")


def frames(source: Path | bytes, folder: Path, *times: float, longest: int = 320) -> list[Image.Image | None]:
    if isinstance(source, bytes):
        path = folder / "film"
        path.write_bytes(source)
    else:
        path = source
    return frames_at(path, "film.mp4", times, longest, threading.Event())


def colour(picture: Image.Image | None) -> tuple[int, int, int]:
    assert picture is not None
    red, green, blue = pixels(picture).reshape(-1, 3).mean(axis=0).round(-1).astype(int).tolist()
    return red, green, blue


def near(picture: Image.Image | None, name: str) -> bool:
    wanted = np.asarray(Image.new("RGB", (1, 1), name))[0, 0].astype(int)
    return bool((np.abs(np.array(colour(picture)) - wanted) < 40).all())


def test_they_are_those_that_a_player_shows(tmp_path: Path) -> None:
    times = (0.0, 1.0, 2.47, 5.2, 3.3, 0.04, 4.999)
    real = decoded(BUNNY)
    for at_s, picture in zip(times, frames(BUNNY, tmp_path, *times), strict=True):
        assert picture is not None and picture.size == (320, 180)
        assert differ(picture, shown_at(real, at_s)) < 1.0
        others = [other for time, other in real if abs(time - at_s) > 0.5]
        assert all(differ(picture, other) > 2.0 for other in others)


def test_of_a_film_with_one_key_frame_each_is_exact(tmp_path: Path) -> None:
    """Frames of before, which are made of others, are not even decoded."""
    times = [second + tenth for second in range(6) for tenth in (0.0, 0.95)]
    found = frames(film(COLOURS), tmp_path, *times)
    for at_s, picture in zip(times, found, strict=True):
        assert near(picture, COLOURS[int(at_s)]), at_s


def test_times_count_from_where_a_recording_begins(tmp_path: Path) -> None:
    """A part that was cut out of a longer one may go on with its clock."""
    path = tmp_path / "film.mkv"
    with av.open(io.BytesIO(film(COLOURS))) as source, av.open(str(path), "w", format="matroska") as out:
        (stream,) = source.streams.video
        copied = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.pts += round(7 / packet.time_base)
                packet.dts += round(7 / packet.time_base)
                packet.stream = copied
                out.mux(packet)
    found = frames(path, tmp_path, 0.0, 2.5, 5.5)
    for picture, name in zip(found, ("red", "blue", "cyan"), strict=True):
        assert near(picture, name)


def test_after_the_end_it_is_the_last(tmp_path: Path) -> None:
    assert near(frames(film(COLOURS), tmp_path, 1_000.0)[0], "cyan")


def test_when_it_takes_too_long_key_frames_have_to_do(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(film(COLOURS))
    (picture,) = frames_at(path, "film.mp4", [4.5], 320, threading.Event(), exact_s=-1.0)
    assert near(picture, "red")


@pytest.mark.parametrize(
    ("matrix", "corners"),
    [
        ((1, 0, 0, 1), "RGBY"),
        ((0, 1, -1, 0), "BRYG"),
        ((-1, 0, 0, -1), "YBGR"),
        ((0, -1, 1, 0), "GYRB"),
        ((-1, 0, 0, 1), "GRYB"),
        ((1, 0, 0, -1), "BYRG"),
        ((0, 1, 1, 0), "RBGY"),
        ((0, -1, -1, 0), "YGBR"),
    ],
)
def test_they_are_turned_as_the_file_says(
    tmp_path: Path, matrix: tuple[int, int, int, int], corners: str
) -> None:
    """Stored: red and green above blue and yellow. As seen: the corners, read as lines of a page are."""
    stored = Image.new("RGB", (320, 180), "red")
    stored.paste("lime", (160, 0, 320, 90))
    stored.paste("blue", (0, 90, 160, 180))
    stored.paste("yellow", (160, 90, 320, 180))
    (picture,) = frames(turned(film([stored]), matrix), tmp_path, 0.0)
    assert picture is not None
    width, height = picture.size
    assert picture.size == ((180, 320) if matrix[0] == 0 else (320, 180))
    quarters = [(x, y) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    names = {"R": "red", "G": "lime", "B": "blue", "Y": "yellow"}
    for at, letter in zip(quarters, corners, strict=True):
        assert near(picture.crop((at[0] - 9, at[1] - 9, at[0] + 9, at[1] + 9)), names[letter])


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    (wide,) = frames(film(["red"], size=(160, 180), stretched=Fraction(2)), tmp_path, 0.0)
    (tall,) = frames(film(["red"], size=(160, 90), stretched=Fraction(1, 2)), tmp_path, 0.0)
    assert wide is not None and wide.size == (320, 180)
    assert tall is not None and tall.size == (160, 180)


def test_what_is_broken_has_the_frames_before(tmp_path: Path) -> None:
    whole = BUNNY.read_bytes()
    begin = whole.index(b"mdat") - 4
    end = begin + int.from_bytes(whole[begin : begin + 4], "big")
    middle = (begin + end) // 2
    broken = whole[:middle] + b"\0" * (end - middle) + whole[end:]
    first, last = frames(broken, tmp_path, 0.0, 5.0)
    assert first is not None and differ(first, decoded(BUNNY)[0][1]) < 1.0
    assert last is not None and last.size == (320, 180)


def test_sound_has_none(tmp_path: Path) -> None:
    assert frames(KIT / "speech-austen-0880.wav", tmp_path, 0.0, 1.0) == [None, None]


def test_what_is_no_film_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"film\.mp4 is damaged"):
        frames(b"\x1a\x45\xdf\xa3" + b"\0" * 500, tmp_path, 0.0)


def test_it_stops_when_nobody_waits() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        frames_at(BUNNY, "film.mp4", [3.0], 320, stop)


@pytest.mark.parametrize("size", [(640, 360), (202, 360), (640, 270), (64, 36), (640, 20)])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12, 19, 30])
def test_a_sheet_has_its_pictures_in_order(count: int, size: tuple[int, int]) -> None:
    shades = [(100 + (index * 37) % 150, 100 + (index * 61) % 150, 250 - index * 8) for index in range(count)]
    tiles = [Tile(Image.new("RGB", size, shade), f"{n}:00", f"Part {n}") for n, shade in enumerate(shades)]
    sheet = contact_sheet(tiles)
    assert sheet.width <= LARGEST[0] and sheet.height <= LARGEST[1]
    assert sheet.getpixel((0, 0)) == PAPER
    found = taken_apart(sheet)
    if size[1] > 100:  # of very flat ones the times cover most
        assert len(found) == count
        for picture, shade in zip(found, shades, strict=True):
            # The upper half: the time stands in the lower one.
            upper = picture.crop((2, 2, picture.width - 2, picture.height // 2))
            assert colour(upper) == colour(Image.new("RGB", (9, 9), shade))
            assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.05)


def test_a_sheet_has_times_and_titles() -> None:
    picture = Image.new("RGB", (640, 360), (90, 160, 220))
    plain = contact_sheet([Tile(picture, "0:00", "")])
    titled = contact_sheet([Tile(picture, "0:00", "The beginning")])
    assert titled.height > plain.height
    below = titled.crop((0, plain.height, titled.width, titled.height))
    assert int(np.asarray(below.convert("L")).max()) > 200, "light letters on dark paper"
    (shown,) = taken_apart(titled)
    chip = np.asarray(shown.crop((0, shown.height - 60, 120, shown.height)).convert("L"))
    assert int(chip.min()) < 60 and int(chip.max()) == 255
    other = contact_sheet([Tile(picture, "9:59", "The beginning")])
    assert np.asarray(other).tobytes() != np.asarray(titled).tobytes()


def test_titles_in_letters_that_are_not_there_are_left_out() -> None:
    picture = Image.new("RGB", (640, 360), (90, 160, 220))
    assert (
        contact_sheet([Tile(picture, "0:00", "日本")]).height
        == contact_sheet([Tile(picture, "0:00", "")]).height
    )
