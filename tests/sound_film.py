"""Films with sound made for tests: a colour a second, and a tone, or a sound track that is broken."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

RATE_HZ = 48_000


def tone(seconds: float, pitch_hz: float, rate_hz: int = RATE_HZ) -> npt.NDArray[np.float32]:
    """Return a tone with some overtones, as voices have, mono."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    parts = [np.sin(2 * np.pi * pitch_hz * number * at) / number for number in (1, 2, 3)]
    mixed: npt.NDArray[np.float32] = (0.2 * np.sum(parts, axis=0)).astype(np.float32)
    return mixed


def sound_film(
    colours: Sequence[str],
    sound: npt.NDArray[np.float32] | None,
    *,
    size: tuple[int, int] = (320, 180),
    container: str = "mp4",
) -> bytes:
    """Return a film of 5 frames a second: a second for each colour, and the sound, 48 kHz mono."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        video: Any = file.add_stream("libx264", rate=5, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio: Any = file.add_stream("aac", rate=RATE_HZ, layout="mono") if sound is not None else None
        for number in range(5 * len(colours)):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, colours[number // 5]))
            frame.pts, frame.time_base = number, Fraction(1, 5)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if sound is not None:
            heard = av.AudioFrame.from_ndarray(sound[None, :], format="fltp", layout="mono")
            heard.sample_rate, heard.pts, heard.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
            fifo = av.AudioFifo()
            fifo.write(heard)
            for part in fifo.read_many(1024, partial=True):
                file.mux(audio.encode(part))
            file.mux(audio.encode(None))
    return out.getvalue()


def deafened(film: bytes) -> bytes:
    """Return a film whose sound can't be decoded: its codec is one that nobody has heard of.

    ISO/IEC 14496-14, 5.6: the sample entry, and in it the type of object, 0x40 for AAC.
    """
    entry = film.rindex(b"mp4a")
    kind = film.index(b"\x40\x15", film.index(b"esds", entry))  # followed by the type of stream: sound
    return film[:entry] + b"zzzz" + film[entry + 4 : kind] + b"\x01" + film[kind + 1 :]
