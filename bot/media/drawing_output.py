"""Drawn pictures from and to files: as exact as they came, and never too large to post."""

import io
from pathlib import Path

from PIL import Image

from bot.media.pictures import KEEP_EXACT_PIXELS

# Discord takes 10 MiB a message where nobody pays; the answer itself may come as a file beside it.
LARGEST_BYTES = 8_000_000
EXACT_BYTES = 4_000_000  # a PNG up to this loads quickly on a phone
ALT_LENGTH = 1_000  # characters; Discord takes 1,024 as the description of a picture
_QUALITIES = (90, 75, 50, 25)  # of JPEG, the first that is small enough


def opened(path: Path) -> Image.Image:
    """Return a picture to draw on, RGB or RGBA."""
    with Image.open(path) as picture:
        picture.load()
    if picture.mode in ("RGB", "RGBA"):
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def encoded(picture: Image.Image, stem: str, *, exact: bool) -> tuple[str, bytes]:
    """Return the name and the bytes of a picture: PNG if it is to be exact, and small enough."""
    if exact and picture.width * picture.height <= KEEP_EXACT_PIXELS:
        data = _saved(picture, "PNG")
        if len(data) <= EXACT_BYTES:
            return f"{stem}.png", data
    flat = _on_white(picture)
    for quality in _QUALITIES:
        # Colours at full resolution: thin coloured lines smear otherwise.
        data = _saved(flat, "JPEG", quality=quality, subsampling=0)
        if len(data) <= LARGEST_BYTES:
            break
    return f"{stem}.jpg", data


def alt_text(text: str) -> str:
    """Return as much of a text as can describe a picture."""
    return text if len(text) <= ALT_LENGTH else f"{text[: ALT_LENGTH - 1]}…"


def _saved(picture: Image.Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white
