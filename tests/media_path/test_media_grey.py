"""Pictures with more than 8 bits a channel: they look to the model as they do to people."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.media.pictures import fit_picture


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_keeps_its_shades(tmp_path: Path, kind: str) -> None:
    shades = np.linspace(0, 65535, 256).round().astype(np.uint16)
    Image.fromarray(np.tile(shades, (64, 1))).save(tmp_path / "scan", kind)
    fit_picture(tmp_path / "scan", kind, tmp_path / "fitted", None, "scan", threading.Event())
    with Image.open(tmp_path / "fitted") as fitted:
        assert fitted.mode == "RGB"
        made = np.asarray(fitted)[32].astype(int)
    assert np.abs(made - np.arange(256)[:, None]).max() <= 1


def test_ink_colours_of_print_stay(tmp_path: Path) -> None:
    Image.new("CMYK", (64, 64), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    fit_picture(tmp_path / "print.jpg", "JPEG", tmp_path / "fitted", None, "print.jpg", threading.Event())
    with Image.open(tmp_path / "fitted") as fitted:
        red, green, blue = fitted.getpixel((32, 32))  # type: ignore[misc]
    assert red > 240 and green < 15 and blue < 15
