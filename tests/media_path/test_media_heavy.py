"""Pictures that would take memory or time without end are refused in time; honest large ones are not."""

import io
import threading
import time
from pathlib import Path

import pytest
from bomb_files import flat_jpeg
from PIL import Image
from posted_rig import complaint, put

from bot.media import jpeg, pictures
from bot.media.errors import MediaError
from bot.media.fit import Fitter
from bot.media.glance import Glance, looked_at
from bot.media.pictures import MAX_PIXELS, TOO_BIG, TOO_HEAVY, fit_picture
from bot.media.recordings import Stopped

PHONE = (9280, 6944)  # the largest that is sold as 64 megapixels


def saved(picture: Image.Image, **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", **how)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (saved(Image.new("L", (9000, 9000))), TOO_BIG),
        (flat_jpeg(8100, 3), TOO_HEAVY),
        (flat_jpeg(8000, 3), TOO_HEAVY),
        (flat_jpeg(8000, 0, progressive=False), TOO_HEAVY),
        (flat_jpeg(500, jpeg.MOST_SCANS), TOO_HEAVY),
        (b"\xff\xd8" + b"\xff\xe5\0\2" * jpeg.MOST_SEGMENTS + flat_jpeg(50, 3)[2:], TOO_HEAVY),
        (b"\xff\xd8" + b"\xff\xf0" * jpeg.MOST_SEGMENTS + flat_jpeg(50, 3)[2:], TOO_HEAVY),
        (b"\xff\xd8\xff\xe5\0\2" + bytes(2 * jpeg.MOST_STRAY_BYTES) + flat_jpeg(50, 3)[2:], pictures.BROKEN),
    ],
    ids=[
        "plain",
        "size",
        "coefficients",
        "one scan a component",
        "scans",
        "segments",
        "bare markers",
        "stray",
    ],
)
async def test_a_jpeg_that_would_take_too_much_is_not_decoded(tmp_path: Path, data: bytes, told: str) -> None:
    path = put(tmp_path, data)
    began = time.thread_time()
    assert complaint(path) == told.format(name="it")
    assert time.thread_time() - began < 0.3
    with pytest.raises(MediaError) as refused:
        await Fitter().fit(path, "it", None)
    assert str(refused.value) == told.format(name="it")


@pytest.mark.parametrize("thumbnails", [0, 2 * jpeg.MOST_SCANS])
def test_no_more_scans_than_that_are_opened(tmp_path: Path, thumbnails: int) -> None:
    """What lies in a segment is no scan: cameras put a second picture there."""
    data = flat_jpeg(500, jpeg.MOST_SCANS - 1)
    hidden = b"\xff\xda\0\3\1" * thumbnails
    data = data[:2] + b"\xff\xe5" + (2 + len(hidden)).to_bytes(2) + hidden + data[2:]
    assert isinstance(looked_at(put(tmp_path, data), "it", 60, threading.Event()), Glance)


@pytest.mark.parametrize(
    ("size", "how"),
    [
        (PHONE, {}),
        (PHONE, {"subsampling": 0}),
        (PHONE, {"progressive": True}),
        ((4000, 3000), {"progressive": True, "subsampling": 0, "restart_marker_rows": 1}),
    ],
    ids=["phone", "every colour", "progressive", "restarts"],
)
def test_honest_photos_are_opened(tmp_path: Path, size: tuple[int, int], how: dict[str, object]) -> None:
    assert size[0] * size[1] <= MAX_PIXELS
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    path = put(tmp_path, saved(picture, **how))
    made = fit_picture(path, "JPEG", tmp_path / "fitted", None, "it", threading.Event())
    assert made.width == size[0] // (4 if size == PHONE else 2)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF"])
def test_opening_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "posted"
    Image.linear_gradient("L").resize((2000, 2000)).save(path, kind)
    stop = threading.Event()
    monkeypatch.setattr(pictures, "LONGEST_S", -1.0)
    with pytest.raises(MediaError, match="it could not be opened in"):
        fit_picture(path, kind, tmp_path / "fitted", None, "it", stop)
    stop.set()
    with pytest.raises(Stopped):
        fit_picture(path, kind, tmp_path / "fitted", None, "it", stop)
