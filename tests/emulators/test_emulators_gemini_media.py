"""What the loopback Gemini measures in media: facts that other bytes would not give."""

import io
import math
from pathlib import Path

import av
import numpy as np
import pytest
from gemini_rest_rig import KIT, pdf, picture, tone
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader, PdfWriter

from bot.emulators.gemini.media_colours import NAMES, dominant
from bot.emulators.gemini.media_facts import (
    Clip,
    DocumentFacts,
    PictureFacts,
    SoundFacts,
    TextFacts,
    UnreadableError,
    VideoFacts,
)
from bot.emulators.gemini.media_measure import kind_of, measure
from bot.emulators.gemini.media_picture import look

WHOLE = Clip()


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("black", "black"),
        ("gray", "grey"),
        ("white", "white"),
        ("red", "red"),
        ("orange", "orange"),
        ("yellow", "yellow"),
        ("lime", "green"),
        ("cyan", "cyan"),
        ("blue", "blue"),
        ("purple", "purple"),
        ("deeppink", "pink"),
        ("saddlebrown", "brown"),
    ],
)
def test_each_colour_has_its_name(name: str, colour: str) -> None:
    pixels = np.asarray(Image.new("RGB", (4, 4), name))
    assert [(one.name, one.share) for one in dominant(pixels)] == [(colour, 1.0)]


@given(st.binary(min_size=3, max_size=300))
def test_shares_of_colours_never_pass_the_whole(data: bytes) -> None:
    pixels = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3)
    found = dominant(pixels, most=len(NAMES))
    assert 0.0 < sum(one.share for one in found) <= 1.01
    assert sorted(found, key=lambda one: -one.share) == list(found)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_what_stands_out_in_a_picture_is_boxed(form: str) -> None:
    facts = look(picture(form))
    assert (facts.format, facts.width, facts.height) == (form, 400, 200)
    assert [one.name for one in facts.colours] == ["white", "red"]
    assert len(facts.regions) == 1
    assert facts.regions[0].colour == "red"
    assert facts.regions[0].box == pytest.approx((300, 250, 900, 750), abs=20)
    assert facts.regions[0].share == pytest.approx(0.3, abs=0.03)


def test_an_empty_picture_has_no_regions() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(buffer, "PNG")
    facts = look(buffer.getvalue())
    assert facts.regions == ()
    assert [one.name for one in facts.colours] == ["white"]


def test_a_turned_picture_is_seen_upright() -> None:
    facts = look(picture("JPEG", orientation=6))
    assert (facts.orientation, facts.width, facts.height) == (6, 200, 400)


def test_a_heic_is_seen() -> None:
    facts = look(picture("HEIF"))
    assert (facts.format, facts.width, facts.height) == ("HEIF", 400, 200)
    assert facts.regions[0].colour == "red"


def test_the_kit_is_told_apart() -> None:
    cat, coffee = (measure(KIT / f"photo-{one}.png", "image/png", WHOLE) for one in ("cat", "coffee"))
    assert isinstance(cat, PictureFacts)
    assert isinstance(coffee, PictureFacts)
    assert (cat.width, cat.height, cat.colours[0].name) == (451, 300, "brown")
    assert (coffee.width, coffee.height, coffee.colours[0].name) == (600, 400, "orange")
    assert coffee.regions[0].colour == "red"


def test_a_film_is_counted_and_heard() -> None:
    facts = measure(KIT / "video-bunny.mp4", "video/mp4", WHOLE)
    assert isinstance(facts, VideoFacts)
    assert (facts.codec, facts.width, facts.height, facts.frames, facts.fps) == ("h264", 1280, 720, 132, 25.0)
    assert facts.duration_s == pytest.approx(5.28)
    assert facts.scenes[0].start_s == 0.0
    assert facts.scenes[-1].end_s == pytest.approx(5.28)
    assert all(one.end_s == other.start_s for one, other in zip(facts.scenes, facts.scenes[1:], strict=False))
    assert facts.sound is not None
    assert (facts.sound.codec, facts.sound.sample_rate_hz, facts.sound.channels) == ("aac", 48000, 6)


def test_a_clip_of_a_film_is_measured_alone() -> None:
    facts = measure((KIT / "video-bunny.mp4").read_bytes(), "video/mp4", Clip(1.0, 3.0))
    assert isinstance(facts, VideoFacts)
    assert facts.frames == 50
    assert facts.duration_s == pytest.approx(2.0)
    assert (facts.scenes[0].start_s, facts.scenes[-1].end_s) == (1.0, 3.0)
    assert facts.sound is not None
    assert facts.sound.duration_s == pytest.approx(2.0, abs=0.02)


def test_scenes_begin_where_the_picture_changes(tmp_path: Path) -> None:
    path = tmp_path / "cuts.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for colour in ("red", "lime", "blue"):
            for _ in range(25):
                frame = av.VideoFrame.from_ndarray(np.asarray(Image.new("RGB", (64, 48), colour)))
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    facts = measure(path, "video/mp4", WHOLE)
    assert isinstance(facts, VideoFacts)
    assert facts.sound is None
    assert [scene.start_s for scene in facts.scenes] == [0.0, 1.0, 2.0]
    assert {one.name for one in facts.colours} == {"red", "green", "blue"}


def test_a_tone_has_its_level_its_pitch_and_its_place() -> None:
    facts = measure(tone(1.0, silent=0.5), "audio/wav", WHOLE)
    assert isinstance(facts, SoundFacts)
    assert facts.duration_s == pytest.approx(1.5)
    assert facts.loudness_dbfs == pytest.approx(
        20 * math.log10(0.5 / math.sqrt(2) * math.sqrt(1 / 1.5)), abs=0.1
    )
    assert facts.peak_dbfs == pytest.approx(-6.0, abs=0.1)
    assert facts.pitch_hz == pytest.approx(440, rel=0.02)
    assert [(one.start_s, one.end_s) for one in facts.spans] == [(0.5, 1.5)]


def test_silence_has_no_level() -> None:
    facts = measure(tone(0.5, amplitude=0.0), "audio/wav", WHOLE)
    assert isinstance(facts, SoundFacts)
    assert (facts.loudness_dbfs, facts.pitch_hz, facts.spans) == (-math.inf, None, ())


def test_people_are_told_apart_by_their_recordings() -> None:
    one = measure(KIT / "speech-austen-0880.wav", "audio/wav", WHOLE)
    other = measure(KIT / "speech-austen-0920.wav", "audio/wav", WHOLE)
    assert isinstance(one, SoundFacts)
    assert isinstance(other, SoundFacts)
    assert one.duration_s == pytest.approx(2.99, abs=0.01)
    assert other.duration_s == pytest.approx(6.05, abs=0.01)
    assert one.loudness_dbfs < other.loudness_dbfs - 3


def test_each_page_of_a_document_is_read() -> None:
    facts = measure(pdf("The first page.", "And the second one."), "application/pdf", WHOLE)
    assert facts == DocumentFacts(("The first page.", "And the second one."))


def test_a_text_is_read_without_its_mark() -> None:
    facts = measure("\ufeffone two\nthree".encode(), "text/plain; charset=utf-8", WHOLE)
    assert facts == TextFacts("one two\nthree")
    assert isinstance(facts, TextFacts)
    assert facts.lines == 2


def _encrypted() -> bytes:
    writer = PdfWriter(PdfReader(io.BytesIO(pdf("Secret."))))
    writer.encrypt("password", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "GIF")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (b"", "image/png"),
        (b"not a picture", "image/png"),
        (picture()[:-200], "image/png"),
        (_gif(), "image/png"),
        ((KIT / "video-bunny.mp4").read_bytes()[:20_000], "video/mp4"),
        ((KIT / "speech-austen-0880.wav").read_bytes(), "video/mp4"),
        (b"RIFF\0\0", "audio/wav"),
        (picture(), "audio/wav"),
        (b"%PDF-1.4 broken", "application/pdf"),
        (_encrypted(), "application/pdf"),
        (b"\xff\xfe\xfa", "text/plain"),
        (b"anything", "application/zip"),
    ],
)
def test_broken_media_are_refused(data: bytes, mime_type: str) -> None:
    with pytest.raises(UnreadableError):
        measure(data, mime_type, WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([("image/png", picture()), ("application/pdf", pdf("A page."))]))
def test_damage_is_survived(data: st.DataObject, sample: tuple[str, bytes]) -> None:
    mime_type, whole = sample
    broken = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=8)):
        broken[at] ^= data.draw(st.integers(1, 255))
    try:
        measure(bytes(broken), mime_type, WHOLE)
    except UnreadableError:
        return


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("IMAGE/PNG", "picture"),
        ("image/gif", None),
        ("text/x-python", "text"),
        ("audio/ogg; codecs=opus", "sound"),
    ],
)
def test_kinds_of_media(mime_type: str, kind: str | None) -> None:
    assert kind_of(mime_type) == kind
