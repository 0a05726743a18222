"""Files that people post: real ones of every format, changed, cut, and put into each other.

They go the way that a posted file goes (what is it, can it be opened, what becomes of it), and whatever they
are, it ends in a file for the model or in a sentence for the person. A crash of a decoder ends the process.
"""

import io
import struct
import tempfile
import threading
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
from fuzz_engine import Broken, Target
from fuzz_inputs import mangled, rubbish
from PIL import Image
from pypdf import PdfWriter

from bot.media.errors import MediaError
from bot.media.fit import _look
from bot.media.pdf_probe import look
from bot.media.pictures import MAX_PIXELS, fit_picture
from bot.media.recordings import probe, to_voice
from bot.media.sniff import Kind
from bot.media.written import fit_text

LARGEST_MADE = 30_000_000  # bytes; of a file of some kilobytes nothing larger may be made
LONGEST_S = 3.0  # of sound in what is mutated; a header may lie about that, to_voice must not believe it


def pictures() -> list[bytes]:
    """Return a small picture in each format that is taken."""
    image = Image.fromarray(np.arange(48 * 40 * 3, dtype=np.uint8).reshape(40, 48, 3))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    made = []
    for kind, options in (
        ("PNG", {"exif": exif}), ("JPEG", {"exif": exif}), ("JPEG", {"progressive": True}), ("GIF", {}),
        ("BMP", {}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {}), ("WEBP", {"exif": exif}),
        ("HEIF", {}), ("AVIF", {}),
    ):  # fmt: skip
        out = io.BytesIO()
        image.save(out, kind, **options)
        made.append(out.getvalue())
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16"):
        out = io.BytesIO()
        (Image.new(mode, (9, 7)) if mode == "I;16" else image.convert(mode)).save(out, "PNG")
        made.append(out.getvalue())
    frames = [image.rotate(90 * turn) for turn in range(3)]
    for kind in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        made.append(out.getvalue())
    return made


def recordings() -> list[bytes]:
    """Return half a second in each container that is taken."""
    made = []
    for container, codec, video in (
        ("wav", "pcm_s16le", None), ("ogg", "libopus", None), ("mp3", "libmp3lame", None),
        ("flac", "flac", None), ("adts", "aac", None), ("mp4", "aac", "mpeg4"), ("webm", "libopus", "libvpx"),
        ("avi", "pcm_s16le", "mpeg4"), ("aiff", "pcm_s16be", None), ("mov", "aac", "mjpeg"),
        ("mpeg", "mp2", "mpeg1video"), ("asf", "wmav2", "msmpeg4v3"), ("flv", "aac", "flv1"),
        ("matroska", "flac", "mpeg4"),
    ):  # fmt: skip
        out = io.BytesIO()
        try:
            with av.open(out, "w", format=container) as file:
                _write_streams(file, codec, video)
        except (av.error.FFmpegError, ValueError):
            continue  # an encoder that this build of FFmpeg lacks
        made.append(out.getvalue())
    return made


def _write_streams(file: Any, codec: str, video: str | None) -> None:
    sound = file.add_stream(codec, rate=48_000)
    sound.layout = "mono"
    picture = file.add_stream(video, rate=25) if video else None
    if picture is not None:
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuvj420p" if video == "mjpeg" else "yuv420p"
        for index in range(6):
            frame = av.VideoFrame(64, 48, picture.pix_fmt)
            frame.pts = index
            file.mux(picture.encode(frame))
        file.mux(picture.encode(None))
    wave = (8_000 * np.sin(np.arange(24_000) / 17)).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(wave[None], "s16", "mono")
    frame.sample_rate, frame.pts = 48_000, 0
    resampler = av.AudioResampler(sound.format.name, "mono", 48_000, frame_size=sound.frame_size or 0)
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        file.mux(sound.encode(part))
    file.mux(sound.encode(None))


def documents() -> list[bytes]:
    """Return PDFs and texts."""
    made = []
    for password in (None, ""):
        writer = PdfWriter()
        for _ in range(3):
            writer.add_blank_page(20, 20)
        if password is not None:
            writer.encrypt(password, "owner", algorithm="AES-256")
        out = io.BytesIO()
        writer.write(out)
        made.append(out.getvalue())
    text = "Name;Größe\r\nAda;1,70\n"
    return [*made, text.encode(), text.encode("utf-16"), text.encode("latin-1"), b"{\\rtf1 x}", b"PK\x03\x04"]


class Files(Target):
    """Mutated files, one after another in a folder of their own."""

    name = "posted files"
    batch = 50

    def __init__(self, dice: Random) -> None:
        super().__init__(dice)
        self._seeds = [pictures(), recordings(), documents()]
        self._folder = tempfile.TemporaryDirectory(prefix="earshot-fuzz-")
        self._path = Path(self._folder.name) / "posted"
        self._into = Path(self._folder.name) / "fitted"
        self._counts: Counter[str] = Counter()

    def run(self, count: int) -> None:
        """Look into so many files."""
        for _ in range(count):
            self.last = self._made()
            self._path.write_bytes(self.last)
            try:
                self._counts[self._fit()] += 1
            except MediaError as error:
                if "/" in str(error) or len(str(error)) > 200:
                    raise Broken(f"people read: {error}") from error
                self._counts["a sentence"] += 1
            if self._into.exists():
                if self._into.stat().st_size > LARGEST_MADE:
                    raise Broken(f"{self._into.stat().st_size} bytes were made of {len(self.last)}")
                self._into.unlink()

    def _made(self) -> bytes:
        data = self.dice.choice(self.dice.choice(self._seeds))
        match self.dice.randrange(10):
            case 0:  # the head of one, the rest of another
                other = self.dice.choice(self.dice.choice(self._seeds))
                at = self.dice.choice((4, 8, 12, 16, 32, 100))
                return data[:at] + other[at:]
            case 1:
                return data[: self.dice.randrange(len(data) + 1)]
            case 2:
                return self._of_another_size(data)
            case 3:
                return data[: self.dice.choice((2, 4, 8, 12))] + rubbish(self.dice, 3_000)
            case 4 | 5:  # in the headers only
                at = self.dice.randrange(min(200, len(data)))
                return mangled(data[:at], self.dice) + data[at:]
        return mangled(data, self.dice)

    def _of_another_size(self, data: bytes) -> bytes:
        """Return a PNG that says it is larger than it is, with its checksum right; others as they are."""
        if not data.startswith(b"\x89PNG"):
            return data
        side = self.dice.choice((0, 1, 49, 5_000, 9_000, 60_000, 2**31 - 1))
        head = data[12:16] + struct.pack(">II", side, self.dice.choice((1, 40, side))) + data[24:29]
        return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]

    def _fit(self) -> str:
        """Do what is done with a posted file, and say what it was."""
        found = _look(self._path, "file")
        match found.kind:
            case Kind.PICTURE:
                detail = self.dice.choice((None, "high", "low"))
                made = fit_picture(self._path, found.container, self._into, detail, "file", threading.Event())  # type: ignore[arg-type]
                if not 0 < made.width * made.height <= MAX_PIXELS:
                    raise Broken(f"a picture of {made.width} x {made.height}")
            case Kind.RECORDING:
                stop = threading.Event()
                recording = probe(self._path, found.container, "file", stop)
                if recording.audio is not None and recording.duration_s < LONGEST_S:
                    to_voice(self._path, found.container, self._into, "file", 3600.0, stop)
            case Kind.DOCUMENT:
                return f"PDF, {'problem' if 'problem' in look(str(self._path)) else 'read'}"
            case Kind.TEXT:
                fit_text(self._path, self._into, "file")
        return found.container

    def tally(self) -> Mapping[str, int]:
        """Return what the files were taken for."""
        return self._counts

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()
