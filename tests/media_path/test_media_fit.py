"""What people post, good and bad: what the model gets of it, or the sentence that they get."""

import asyncio
import io
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_rig import MEDIA, encoded, noise
from odd_files import pdf
from PIL import Image
from pillow_heif import from_pillow
from pypdf import PdfReader

from bot.media import documents
from bot.media.detail import Detail
from bot.media.errors import MediaError, UnfitError, shown
from bot.media.fit import Fitted, Fitter
from bot.media.pictures import fit_picture
from bot.media.sniff import Kind, sniff

FILM = (MEDIA / "video-bunny.mp4").read_bytes()
SPEECH = (MEDIA / "speech-austen-0880.wav").read_bytes()


async def fitted(folder: Path, data: bytes, name: str = "file", detail: Detail | None = None) -> Fitted:
    path = folder / "0"
    path.write_bytes(data)
    made = await Fitter().fit(path, name, detail)
    assert made.path is not None
    return made


def opened(made: Fitted) -> Image.Image:
    return Image.open(io.BytesIO(content(made)))


def content(made: Fitted) -> bytes:
    assert made.path is not None
    return made.path.read_bytes()


async def complaint(folder: Path, data: bytes, name: str = "file", detail: Detail | None = None) -> str:
    with pytest.raises(MediaError) as caught:
        await fitted(folder, data, name, detail)
    assert name in str(caught.value)
    return str(caught.value)


def gradient(width: int, height: int) -> Image.Image:
    """Return a picture that is dark on the left and bright on the right, with a red line on top."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:] = np.linspace(0, 255, width, dtype=np.uint8)[None, :, None]
    pixels[: height // 8] = (255, 0, 0)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("detail", "side"), [(None, 2000), ("high", 3072), ("medium", 1536), ("low", 768)])
async def test_pictures_are_scaled_to_what_the_model_sees(
    tmp_path: Path, detail: Detail | None, side: int
) -> None:
    made = await fitted(tmp_path, encoded(gradient(4000, 2000), "JPEG"), detail=detail)
    with opened(made) as picture:
        assert picture.size == (side, side // 2)
        assert picture.format == ("JPEG" if made.mime_type == "image/jpeg" else "PNG")
        left, right = picture.getpixel((side // 20, side // 4)), picture.getpixel((side - 5, side // 4))
        assert isinstance(left, tuple) and isinstance(right, tuple)
        assert left[0] < 30 and right[0] > 225


async def test_small_pictures_stay_as_they_are(tmp_path: Path) -> None:
    made = await fitted(tmp_path, (MEDIA / "photo-cat.png").read_bytes())
    with opened(made) as ours, Image.open(MEDIA / "photo-cat.png") as original:
        assert made.mime_type == "image/png"
        assert ours.convert("RGB").tobytes() == original.convert("RGB").tobytes()


async def test_pictures_are_turned_upright_and_stripped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPS latitude
    data = encoded(gradient(400, 200), "JPEG", exif=exif, quality=95, comment=b"by Ann")
    assert b"Exif" in data
    # A film or an archive hidden behind the picture goes as well.
    made = await fitted(tmp_path, data + b"hidden behind")
    sent = content(made)
    with opened(made) as picture:
        assert picture.size == (200, 400) and not picture.getexif()
        assert picture.getpixel((190, 100))[0] > 230  # type: ignore[index]  # the line is at the right now
    assert b"Exif" not in sent and b"by Ann" not in sent and b"hidden behind" not in sent


async def test_text_chunks_of_a_png_are_stripped(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Location", "52.5 N 13.4 E")
    made = await fitted(tmp_path, encoded(gradient(40, 40), "PNG", pnginfo=info, icc_profile=b"p" * 99))
    assert b"52.5 N" not in content(made)


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "GIF", "WEBP", "BMP", "TIFF"])
async def test_other_formats_become_png_or_jpeg(tmp_path: Path, kind: str) -> None:
    picture = gradient(320, 160)
    if kind == "HEIC":
        out = io.BytesIO()
        from_pillow(picture).save(out, quality=95)
        data = out.getvalue()
    else:
        data = encoded(picture, kind)
    made = await fitted(tmp_path, data)
    with opened(made) as converted:
        assert made.mime_type == f"image/{str(converted.format).lower()}" and converted.size == (320, 160)
        assert converted.getpixel((310, 80))[0] > 225  # type: ignore[index]


async def test_an_animated_gif_gives_its_first_frame(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (30, 30), "red"), Image.new("RGB", (30, 30), "blue")
    made = await fitted(tmp_path, encoded(first, "GIF", save_all=True, append_images=[second]))
    with opened(made) as picture:
        assert picture.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


async def test_transparency_is_kept_or_put_on_white(tmp_path: Path) -> None:
    small, large = Image.new("RGBA", (50, 50), (0, 0, 0, 0)), Image.new("RGBA", (2500, 2000), (0, 0, 0, 0))
    with opened(await fitted(tmp_path, encoded(small, "PNG"))) as picture:
        assert picture.getpixel((9, 9)) == (0, 0, 0, 0)
    with opened(await fitted(tmp_path, encoded(large, "PNG"))) as picture:
        assert picture.mode == "RGB" and min(picture.getpixel((9, 9))) > 250  # type: ignore[arg-type]


def bomb() -> bytes:
    """Return a PNG of 20,000 x 20,000 white pixels, in some kilobytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF" + bytes(200), "is not a picture, video, recording, PDF or text: post one of these."),
        (b"\xff\xd8\xff" + b"\0" * 500, "damaged or not really a picture"),
        (encoded(noise(300, 300), "JPEG")[:20_000], "damaged"),
        (encoded(noise(300, 300), "PNG")[:20_000], "damaged"),
        (b"GIF89a\0\0", "damaged"),
        (bomb(), "64 megapixels"),
        (b"%PDF-1.7\nnothing", "damaged or not really a PDF"),
        (b"RIFF\0\0\0\0WAVEfmt ", "damaged or holds nothing"),
        (FILM[:2000], "damaged or holds nothing"),
        (b"\x1a\x45\xdf\xa3" + bytes(200), "damaged or holds nothing"),
        (b"ID3\x04" + bytes(3000), "damaged or holds nothing"),
        (b"OggS" + bytes(3000), "damaged or holds nothing"),
    ],
)
async def test_what_cant_be_read_is_said(tmp_path: Path, data: bytes, said: str) -> None:
    assert said in await complaint(tmp_path, data, "thing.png")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"]), st.data())
def test_broken_pictures_are_refused_and_never_crash(kind: str, data: st.DataObject) -> None:
    import tempfile

    good = bytearray(encoded(noise(24, 18), kind))
    for at in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=8)):
        good[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(fitted(Path(folder), bytes(good)))
        except MediaError:
            return


@given(st.binary(max_size=64))
def test_sniffing_never_fails(head: bytes) -> None:
    sniff(head)


def test_sniffing_goes_by_content() -> None:
    assert sniff(FILM[:1024]) is not None and sniff(FILM[:1024]).kind is Kind.RECORDING  # type: ignore[union-attr]
    assert sniff(b"\xff\xfb\x90\x44").container == "mp3"  # type: ignore[union-attr]
    assert sniff(b"\xff\xf1\x50\x80").container == "aac"  # type: ignore[union-attr]
    assert sniff(b"#EXTM3U\nfile:///etc/passwd").kind is Kind.TEXT  # type: ignore[union-attr]  # no playlist


async def test_a_film_goes_as_it_is(tmp_path: Path) -> None:
    made = await fitted(tmp_path, FILM, "film.png")
    assert (made.mime_type, content(made)) == ("video/mp4", FILM)
    assert made.duration_s == pytest.approx(5.3, abs=0.1)


async def test_a_voice_message_goes_as_it_is(tmp_path: Path) -> None:
    opus = sound(tmp_path, "ogg", "libopus", 48_000)
    made = await fitted(tmp_path, opus)
    assert (made.mime_type, content(made)) == ("audio/ogg", opus)


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "aac"), ("webm", "libopus"), ("flac", "flac"), ("aiff", "pcm_s16be")]
)
async def test_sound_keeps_its_length(tmp_path: Path, container: str, codec: str) -> None:
    made = await fitted(tmp_path, sound(tmp_path, container, codec, 48_000))
    with av.open(str(made.path)) as file:
        rate = file.streams.audio[0].rate
        assert sum(frame.samples for frame in file.decode(audio=0)) / rate == pytest.approx(3.0, abs=0.1)
    assert made.mime_type in ("audio/ogg", "audio/flac", "audio/aiff")
    assert made.duration_s == pytest.approx(3.0, abs=0.1)


async def test_a_film_that_the_model_does_not_take(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with av.open(io.BytesIO(FILM)) as source, av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    assert "convert it to MP4 or WebM" in await complaint(tmp_path, path.read_bytes())


async def test_pdfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await fitted(tmp_path, pdf(3))
    assert (made.mime_type, made.pages) == ("application/pdf", 3)
    assert len(PdfReader(io.BytesIO(content(made))).pages) == 3
    assert (await fitted(tmp_path, pdf(2, password=""))).pages == 2
    assert "locked with a password" in await complaint(tmp_path, pdf(1, password="secret"))
    monkeypatch.setattr(documents, "MAX_PAGES", 2)
    assert "3 pages, and 2 is the limit" in await complaint(tmp_path, pdf(3))
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    assert "50 MiB" in await complaint(tmp_path, pdf(1))


async def test_a_pdf_that_keeps_the_probe_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "PROBE_S", 0.01)
    await asked_again(tmp_path)


async def test_a_probe_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "killed.py"
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    monkeypatch.setattr(documents, "PROBE", program)
    await asked_again(tmp_path)


async def asked_again(folder: Path) -> None:
    """Hold that a good PDF which could not be looked into is not told to be bad."""
    with pytest.raises(MediaError, match="could not be looked into: try again in a minute") as caught:
        await fitted(folder, pdf(1), "paper.pdf")
    assert not isinstance(caught.value, UnfitError)


async def test_a_picture_that_finds_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "save", none_left)
    path = tmp_path / "cat.png"
    path.write_bytes((MEDIA / "photo-cat.png").read_bytes())
    with pytest.raises(MediaError, match=r"too little memory for cat\.png: try again in a minute") as caught:
        await Fitter().fit(path, "cat.png", None)
    assert not isinstance(caught.value, UnfitError)


def test_names_are_harmless_in_sentences() -> None:
    assert shown("a`*b*`@everyone\n<@1>.png") == "a--b---everyone---1-.png"
    assert len(shown("x" * 300)) == 60


def sound(folder: Path, container: str, codec: str, rate: int) -> bytes:
    """Return the speech in another container and codec."""
    path = folder / f"sound.{container}"
    with av.open(io.BytesIO(SPEECH)) as source, av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=rate, layout="mono")
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=size)
        for frame in [*source.decode(audio=0), None]:
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path.read_bytes()


def test_a_picture_far_wider_than_high_is_scaled(tmp_path: Path) -> None:
    strip = tmp_path / "strip.jpg"
    Image.new("RGB", (36_120, 18), "red").save(strip)
    fitted = fit_picture(strip, "JPEG", tmp_path / "out", None, "strip.jpg", threading.Event())
    assert fitted.width > 0 < fitted.height
