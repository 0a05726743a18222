"""Files that people post and that can hardly be asked about, or not at all; made here: large, locked, odd."""

import io
import zipfile
from typing import Any

import av
from PIL import Image
from pypdf import PdfWriter


def pdf(pages: int, password: str | None = None) -> bytes:
    """Return a document of blank pages."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password is not None:
        writer.encrypt(password, "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def huge() -> bytes:
    """Return a picture of 81 megapixels."""
    out = io.BytesIO()
    Image.new("1", (9000, 9000)).save(out, "PNG")
    return out.getvalue()


def long_film() -> bytes:
    """Return a film of 100 minutes, of which only the first frame and the last were taken."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as made:
        stream: Any = made.add_stream("mpeg4", rate=1)
        stream.width = stream.height = 32
        for at in (0, 6000 - 1):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = at
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return out.getvalue()


def zipped(name: str) -> bytes:
    """Return an archive of one file of this name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(name, "hello")
    return out.getvalue()
