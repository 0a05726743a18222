"""How long a recording may be, by what of it is looked at and how closely, and what is said otherwise."""

from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_rig import MEDIA

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import MediaError
from bot.media.fit import Fitted, Fitter
from bot.media.lengths import TOKENS, check_length, clock, lasting, video_limit_s
from bot.media.recordings import Recording
from bot.media.tasks.summarize import Summarize
from bot.media.tasks.transcribe import Transcribe

HOUR = 3600
HALF_A_MINUTE, NOON = Clip(start_s=30), Clip(start_s=12 * HOUR)


def film(folder: Path, seconds: int) -> Path:
    """Write a film with a frame at its beginning and one at its end."""
    path = folder / "film.mp4"
    with av.open(str(path), "w", format="mp4") as out:
        stream: Any = out.add_stream("mpeg4", rate=1)
        stream.width = stream.height = 32
        for at in (0, seconds - 1):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def sound(folder: Path, seconds: int) -> Path:
    """Write a WAV file of silence, of 8,000 bytes a second, most of which take no room on the disk."""
    path, size = folder / "talk.wav", seconds * 8_000
    form = b"fmt \x10\0\0\0\x01\0\x01\0" + (8_000).to_bytes(4, "little") * 2 + b"\x01\0\x08\0"
    path.write_bytes(b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVE" + form)
    with path.open("ab") as file:
        file.write(b"data" + size.to_bytes(4, "little"))
        file.truncate(44 + size)
    return path


async def fitted(path: Path, detail: Detail | None = None, clip: Clip | None = None) -> Fitted:
    return await Fitter().fit(path, path.name, detail, clip)


async def complaint(path: Path, detail: Detail | None = None, clip: Clip | None = None) -> str:
    with pytest.raises(MediaError) as caught:
        await fitted(path, detail, clip)
    return str(caught.value)


async def test_an_hour_fits_and_more_does_not(tmp_path: Path) -> None:
    made = await fitted(film(tmp_path, HOUR))
    assert made.duration_s == pytest.approx(HOUR, abs=2)
    assert await complaint(film(tmp_path, HOUR + 30)) == (
        "film.mp4 is 1 h 1 min long, and 1 h is the limit: give `/summarize` a time range as `focus`, such "
        "as 0:00-1:00:00, set its `detail` to low (up to 4 h 27 min), or cut it into parts."
    )


async def test_low_detail_and_fewer_frames_make_room(tmp_path: Path) -> None:
    long = film(tmp_path, 100 * 60)
    assert (await fitted(long, "low")).is_video
    assert (await fitted(long, None, Clip(fps=0.5))).is_video
    assert "13 min is the limit" in await complaint(long, None, Clip(fps=5))
    assert await complaint(film(tmp_path, 5 * HOUR), "low") == (
        "film.mp4 is 5 h long, and 2 h 57 min is the limit: give `/summarize` a time range as `focus`, such "
        "as 0:00-2:57:33, or cut it into parts."
    )


async def test_what_is_said_can_be_done(tmp_path: Path) -> None:
    """What is too long for /summarize fits as it says; what is so for /transcribe can but be cut."""
    summarize, transcribe = Summarize(closeness="low"), Transcribe()
    assert (await fitted(film(tmp_path, 4 * HOUR + 26 * 60), summarize.detail, summarize.clip)).is_video
    long = film(tmp_path, 7 * HOUR)
    assert await complaint(long, transcribe.detail, transcribe.clip) == (
        "film.mp4 is 7 h long, and 6 h 24 min is the limit: cut it into parts."
    )
    assert await complaint(long, summarize.detail, summarize.clip) == (
        "film.mp4 is 7 h long, and 4 h 27 min is the limit: give `/summarize` a time range as `focus`, such "
        "as 0:00-4:27:41, or cut it into parts."
    )


async def test_only_the_part_asked_about_counts(tmp_path: Path) -> None:
    long = film(tmp_path, 5 * HOUR)
    made = await fitted(long, None, Clip(start_s=4 * HOUR))
    assert made.duration_s == pytest.approx(5 * HOUR, abs=2), "the whole is sent"
    assert (await fitted(long, None, Clip(600, 1200))).path == long
    assert (await complaint(long, None, Clip(0, 2 * HOUR))).startswith(
        "The part of film.mp4 that you asked about is 2 h long, and 1 h is the limit: "
    )


async def test_a_part_that_is_not_there(tmp_path: Path) -> None:
    bunny = MEDIA / "video-bunny.mp4"
    said = "video-bunny.mp4 is only 5 s long, and 0:30 is after its end: ask about an earlier time."
    assert await complaint(bunny, None, HALF_A_MINUTE) == said
    speech = MEDIA / "speech-austen-0880.wav"
    assert await complaint(speech, None, NOON) == (
        "speech-austen-0880.wav is only 2 s long, and 12:00:00 is after its end: ask about an earlier time."
    )
    assert await complaint(bunny, None, Clip(3, 2)) == (
        "The part of video-bunny.mp4 that you asked about ends before it begins: swap the times."
    )


async def test_sound_too_long(tmp_path: Path) -> None:
    assert await complaint(sound(tmp_path, 9 * HOUR)) == (
        "talk.wav is 9 h long, and 8 h is the limit: cut it into parts."
    )


@given(
    st.floats(0.1, 4e4),
    st.sampled_from([None, "low", "medium", "high"]),
    st.floats(0, 4e4),
    st.none() | st.floats(0, 4e4),
    st.none() | st.floats(0.01, 24),
)
def test_what_is_let_through_is_what_fits_the_context(
    whole_s: float, detail: Detail | None, start_s: float, end_s: float | None, fps: float | None
) -> None:
    part_s = whole_s - start_s if end_s is None else min(end_s, whole_s) - start_s
    tokens = part_s * ((66 if detail == "low" else 258) * (fps or 1) + 32)
    try:
        check_length(Recording(whole_s, "h264", "aac"), detail, Clip(start_s, end_s, fps), "a.mp4")
    except MediaError as error:
        assert str(error).endswith(".") and "\n" not in str(error)
        assert part_s <= 0 or tokens > TOKENS * 0.9999
    else:
        assert part_s > 0 and tokens < TOKENS * 1.0001


def test_lengths_in_words() -> None:
    assert [lasting(s) for s in (5, 59.9, 60, 3600, 5400)] == ["5 s", "59 s", "1 min", "1 h", "1 h 30 min"]
    assert lasting(3601, up=True) == "1 h 1 min"
    assert [clock(s) for s in (0, 45.9, 600, 3723)] == ["0:00", "0:45", "10:00", "1:02:03"]
    assert video_limit_s(None, None) == pytest.approx(HOUR, abs=0.1)
