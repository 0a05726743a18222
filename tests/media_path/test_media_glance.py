"""Pictures and films made small for a model that looks at them while it talks."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from film_rig import BUNNY, decoded, differ, film, shown_at
from media_rig import MEDIA
from PIL import Image
from pillow_heif import from_pillow
from sound_film import deafened, sound_film, tone

from bot.media.errors import MediaError
from bot.media.frames import frames_through
from bot.media.glance import FRAME_BYTES, PICTURE_BYTES, Film, Glance, looked_at

COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan")


def look(folder: Path, data: bytes, *, longest_s: int = 60) -> Glance | Film:
    path = folder / "file"
    path.write_bytes(data)
    return looked_at(path, "it", longest_s, threading.Event())


def seen(folder: Path, data: bytes) -> Image.Image:
    look_ = look(folder, data)
    assert isinstance(look_, Glance)
    return opened(look_.jpeg)


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    assert picture.format == "JPEG" and picture.mode == "RGB"
    picture.load()
    return picture


def watched(folder: Path, data: bytes) -> Film:
    film_ = look(folder, data)
    assert isinstance(film_, Film)
    return film_


def complaint(folder: Path, data: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        look(folder, data)
    return str(caught.value)


def saved(picture: Image.Image, kind: str, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


def is_near(picture: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    pixel = np.asarray(picture)[int(at[1] * picture.height), int(at[0] * picture.width)].astype(int)
    return bool((np.abs(pixel - colour) < 40).all())


def halves(left: str, right: str, size: tuple[int, int] = (400, 200)) -> Image.Image:
    picture = Image.new("RGB", size, left)
    picture.paste(Image.new("RGB", (size[0] // 2, size[1]), right), (size[0] // 2, 0))
    return picture


# -- pictures


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((4000, 3000), (1024, 768)),
        ((600, 3000), (205, 1024)),
        ((200, 100), (200, 100)),
        ((9000, 4), (1024, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_it_is_scaled_to_what_the_model_looks_at(
    tmp_path: Path, kind: str, size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    picture = seen(tmp_path, saved(halves("red", "blue", size), kind))
    assert picture.size == fitted
    assert is_near(picture, (0.1, 0.5), (255, 0, 0))
    assert is_near(picture, (0.9, 0.5), (0, 0, 255))


def test_it_is_upright_and_says_nothing_of_where_it_was_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right to be seen
    exif.get_ifd(0x8825)[1] = "N"
    jpeg = saved(halves("red", "blue"), "JPEG", exif=exif)
    picture = seen(tmp_path, jpeg)
    assert picture.size == (200, 400)
    assert is_near(picture, (0.5, 0.1), (255, 0, 0))
    assert is_near(picture, (0.5, 0.9), (0, 0, 255))
    assert not picture.getexif()


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste(Image.new("RGBA", (50, 100), "green"))
    picture = seen(tmp_path, saved(clear, "PNG"))
    assert is_near(picture, (0.9, 0.5), (255, 255, 255))
    assert is_near(picture, (0.1, 0.5), (0, 128, 0))


def test_of_an_animation_it_is_the_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (80, 60), colour) for colour in ("lime", "red", "blue")]
    picture = seen(tmp_path, saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100))
    assert picture.size == (80, 60)
    assert is_near(picture, (0.5, 0.5), (0, 255, 0))


def test_other_formats_are_converted(tmp_path: Path) -> None:
    heic = io.BytesIO()
    from_pillow(halves("red", "blue")).save(heic)
    for data in (heic.getvalue(), saved(halves("red", "blue"), "WEBP"), saved(halves("red", "blue"), "TIFF")):
        picture = seen(tmp_path, data)
        assert picture.size == (400, 200)
        assert is_near(picture, (0.9, 0.5), (0, 0, 255))


@pytest.mark.parametrize(("grain", "size"), [(12, (1024, 1024)), (1, (512, 512))])
def test_what_compresses_badly_loses_quality_first(tmp_path: Path, grain: int, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1024 // grain + 1,) * 2, np.uint8)
    grains = np.kron(noise, np.ones((grain, grain), np.uint8))[:1024, :1024]
    found = look(tmp_path, saved(Image.fromarray(grains), "PNG"))
    assert isinstance(found, Glance)
    assert PICTURE_BYTES / 3 < len(found.jpeg) <= PICTURE_BYTES
    assert opened(found.jpeg).size == size


# -- films


def test_a_film_is_a_picture_a_second_and_its_sound(tmp_path: Path) -> None:
    found = watched(tmp_path, sound_film(COLOURS, tone(6.0, 200.0), size=(1280, 720)))
    assert len(found.frames) == 6
    for frame, colour in zip(map(opened, found.frames), COLOURS, strict=True):
        assert frame.size == (640, 360)
        assert is_near(frame, (0.5, 0.5), np.asarray(Image.new("RGB", (1, 1), colour))[0, 0])
    assert all(len(frame) <= FRAME_BYTES for frame in found.frames)
    pcm = np.frombuffer(found.pcm, "<i2").astype(float)
    assert abs(pcm.size / 16_000 - 6.0) < 0.1
    spectrum = np.abs(np.fft.rfft(pcm[16_000:32_000]))
    assert abs(int(spectrum.argmax()) - 200) <= 2
    assert not found.deaf


def test_a_real_film(tmp_path: Path) -> None:
    found = watched(tmp_path, BUNNY.read_bytes())
    assert len(found.frames) == 5  # of 5.3 s
    assert opened(found.frames[0]).size == (640, 360)


@pytest.mark.parametrize("source", [BUNNY.read_bytes(), film(COLOURS)], ids=["real", "one key frame"])
def test_its_pictures_are_those_that_a_player_shows(tmp_path: Path, source: bytes) -> None:
    path = tmp_path / "film"
    path.write_bytes(source)
    times = [0.0, 0.5, 1.25, 2.5, 2.6, 4.9, 30.0]
    found = frames_through(path, "it", times, 320, threading.Event())
    real = decoded(path)
    for at_s, picture in zip(times, found, strict=True):
        assert picture.size == (320, 180)
        assert differ(picture, shown_at(real, at_s)) < 2.0, at_s


def test_a_film_without_sound(tmp_path: Path) -> None:
    found = watched(tmp_path, film(COLOURS[:2]))
    assert (len(found.frames), found.pcm, found.deaf) == (2, b"", False)


def test_a_film_whose_sound_is_broken_goes_without(tmp_path: Path) -> None:
    found = watched(tmp_path, deafened(sound_film(COLOURS, tone(6.0, 200.0))))
    assert (len(found.frames), found.pcm, found.deaf) == (6, b"", True)


def test_a_film_that_breaks_off_shows_its_last_frame(tmp_path: Path) -> None:
    whole = sound_film(COLOURS, tone(6.0, 200.0), container="matroska")
    found = watched(tmp_path, whole[: len(whole) // 2])
    assert 1 <= len(found.frames) <= 6
    assert is_near(opened(found.frames[0]), (0.5, 0.5), (255, 0, 0))


def test_a_film_of_the_longest_length_and_one_that_is_too_long(tmp_path: Path) -> None:
    red = sound_film(["red"] * 60, None)
    assert len(watched(tmp_path, red).frames) == 60
    assert complaint(tmp_path, sound_film(["red"] * 61, None)) == (
        "it is 1:01 long, and in a call I watch up to 60 s: use /summarize, or cut it."
    )


# -- what is neither


def test_what_can_not_be_looked_at(tmp_path: Path) -> None:
    speech = (MEDIA / "speech-austen-0880.wav").read_bytes()
    assert complaint(tmp_path, speech) == "it is a recording without pictures: use /transcribe on it."
    neither = "it is neither a picture nor a video: use /ask to talk about other files."
    assert complaint(tmp_path, b"hello") == neither
    assert complaint(tmp_path, b"\x7fELF" + bytes(200)) == neither
    cut = saved(halves("red", "blue"), "PNG")[:200]
    assert complaint(tmp_path, cut) == "it is damaged or not really a picture: post another copy of it."
    bomb = saved(Image.new("1", (20_000, 4_000)), "PNG")
    assert complaint(tmp_path, bomb) == "it has more than 64 megapixels: scale it down and post it again."
    assert complaint(tmp_path, BUNNY.read_bytes()[:2000]).startswith("it is damaged or holds nothing")
