"""From the bytes that were posted to the bytes that the model gets: checked, converted, scaled, compacted."""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from bot.media.documents import check_pdf
from bot.media.errors import MediaError, shown
from bot.media.pictures import fit_picture
from bot.media.recordings import Recording, probe, to_voice
from bot.media.request import Detail
from bot.media.sniff import HEAD_BYTES, Kind, sniff
from bot.media.workers import Workers

# Two: heavy work may take one core, and half of the other, from the voice; it never takes the GIL for long.
THREADS = 2
# By Gemini's million tokens of context: 263 tokens a second of video (66 at low detail), 32 of sound.
MAX_VIDEO_S = 3600.0
MAX_LOW_VIDEO_S = 3 * 3600.0
MAX_AUDIO_S = 8 * 3600.0
SMALL_AUDIO_BYTES = 256 * 1024  # not worth the loss of encoding anew: it goes along in the request

# What the model takes, by FFmpeg's names; from ai.google.dev/gemini-api/docs/video-understanding and /audio.
_VIDEO_TYPES = {
    "mov": "video/mp4",
    "matroska": "video/webm",
    "avi": "video/avi",
    "flv": "video/x-flv",
    "mpeg": "video/mpeg",
    "mpegvideo": "video/mpeg",
    "asf": "video/wmv",
}
_AUDIO_TYPES = {
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aiff": "audio/aiff",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}
_COMPACT = {("ogg", "opus"), ("ogg", "libopus"), ("ogg", "vorbis")}  # encoded anew they would only get worse
_WEBM_CODECS = {"vp8", "vp9", "libdav1d", "av1", "libvpx", "libvpx-vp9"}


@dataclass(frozen=True)
class Fitted:
    """A file as the model gets it."""

    path: Path
    name: str
    """What it is called in sentences."""
    mime_type: str
    size: int
    """Bytes."""
    sha256: str
    duration_s: float | None = None
    pages: int | None = None


class Fitter:
    """The threads for heavy work."""

    def __init__(self) -> None:
        self._workers = Workers("media-fit", THREADS)

    async def fit(self, path: Path, filename: str, detail: Detail | None) -> Fitted:
        """Check the file in `path` and make it fit; what is made stands beside it. Raises MediaError."""
        name = shown(filename)
        container, kind = await self._workers.run(lambda _: _look(path, name))
        if kind is Kind.DOCUMENT:
            pages = await check_pdf(path, name)
            return await self._workers.run(lambda _: _fitted(path, name, "application/pdf", pages=pages))
        into = path.with_name(f"{path.name}-fitted")
        if kind is Kind.PICTURE:
            return await self._workers.run(lambda _: _picture(path, container, into, detail, name))
        return await self._workers.run(lambda stop: _recording(path, container, into, detail, name, stop))


def _look(path: Path, name: str) -> tuple[str, Kind]:
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    if found is None:
        raise MediaError(f"{name} is not a picture, video, recording or PDF: post one of these.")
    return found.container, found.kind


def _picture(path: Path, container: str, into: Path, detail: Detail | None, name: str) -> Fitted:
    picture = fit_picture(path, container, into, detail, name)
    return _fitted(into, name, picture.mime_type)


def _recording(
    path: Path, container: str, into: Path, detail: Detail | None, name: str, stop: threading.Event
) -> Fitted:
    recording = probe(path, container, name, stop)
    _check_length(recording, detail, name)
    if recording.video is not None:
        return _fitted(path, name, _video_type(container, recording, name), duration_s=recording.duration_s)
    known = _AUDIO_TYPES.get(container)
    compact = path.stat().st_size <= SMALL_AUDIO_BYTES or (container, recording.audio) in _COMPACT
    if known is None or not compact:
        to_voice(path, container, into, name, stop)
        path, known = into, "audio/ogg"
    return _fitted(path, name, known, duration_s=recording.duration_s)


def _fitted(
    path: Path, name: str, mime_type: str, *, duration_s: float | None = None, pages: int | None = None
) -> Fitted:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Fitted(path, name, mime_type, path.stat().st_size, digest, duration_s, pages)


def _check_length(recording: Recording, detail: Detail | None, name: str) -> None:
    way_out = "cut it into parts"
    if recording.video is None:
        limit_s = MAX_AUDIO_S
    elif detail == "low":
        limit_s = MAX_LOW_VIDEO_S
    else:
        limit_s, way_out = MAX_VIDEO_S, "cut it into parts, or ask with low detail (up to 3 h)"
    if recording.duration_s > limit_s:
        minutes, hours = round(recording.duration_s / 60), round(limit_s / 3600)
        raise MediaError(f"{name} is {minutes} minutes long, and {hours} h is the limit: {way_out}.")


def _video_type(container: str, recording: Recording, name: str) -> str:
    mime_type = _VIDEO_TYPES.get(container)
    # WebM is Matroska with a few codecs; the model takes no other Matroska.
    if mime_type is None or (container == "matroska" and recording.video not in _WEBM_CODECS):
        raise MediaError(
            f"{name} is a kind of video that the model does not take: convert it to MP4 or WebM."
        )
    return mime_type
