"""From the bytes that were posted to the bytes that the model gets: checked, converted, scaled, compacted."""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.documents import check_pdf
from bot.media.errors import UnfitError, shown
from bot.media.lengths import MAX_AUDIO_S, check_length
from bot.media.pictures import fit_picture
from bot.media.recordings import Recording, probe, to_voice
from bot.media.sniff import HEAD_BYTES, Kind, Sniffed, sniff
from bot.media.workers import Workers
from bot.media.written import NO_FILE, fit_text

# Two: heavy work may take one core, and half of the other, from the voice; it never takes the GIL for long.
THREADS = 2
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

    path: Path | None
    """None for a video on YouTube, which only Google has."""
    name: str
    """What it is called in sentences."""
    mime_type: str
    size: int
    """Bytes."""
    sha256: str
    kind: Kind
    duration_s: float | None = None
    pages: int | None = None
    width: int | None = None
    """Pixels, of a picture as the model gets it: upright and scaled."""
    height: int | None = None

    @property
    def is_picture(self) -> bool:
        """Whether it is one still picture."""
        return self.kind is Kind.PICTURE

    @property
    def is_video(self) -> bool:
        """Whether it has moving pictures."""
        return self.mime_type.startswith("video/")

    @property
    def is_sound(self) -> bool:
        """Whether it is sound alone."""
        return self.mime_type.startswith("audio/")


class Fitter:
    """The threads for heavy work."""

    def __init__(self) -> None:
        self._workers = Workers("media-fit", THREADS)

    async def fit(self, path: Path, filename: str, detail: Detail | None, clip: Clip | None = None) -> Fitted:
        """Check the file in `path` and make it fit; what is made stands beside it. Raises MediaError.

        Of a video only the `clip` counts against the limits of length.
        """
        name = shown(filename)
        found = await self._workers.run(lambda _: _look(path, name))
        if found.kind is Kind.DOCUMENT:
            pages = await check_pdf(path, name)
            return await self._workers.run(
                lambda _: _fitted(path, name, "application/pdf", found.kind, pages=pages)
            )
        into = path.with_name(f"{path.name}-fitted")
        if found.kind is Kind.PICTURE:
            return await self._workers.run(
                lambda stop: _picture(path, found.container, into, detail, name, stop)
            )
        if found.kind is Kind.TEXT:
            return await self._workers.run(lambda _: _text(path, into, name))
        return await self._workers.run(
            lambda stop: _recording(path, found.container, into, detail, clip, name, stop)
        )


def _look(path: Path, name: str) -> Sniffed:
    with path.open("rb") as file:
        found = sniff(file.read(HEAD_BYTES))
    if found is None:
        raise UnfitError(NO_FILE.format(name=name))
    if found.kind is Kind.OFFICE:
        raise UnfitError(f"{name} is a document that I can't open: save it as PDF and post that.")
    if found.kind is Kind.ARCHIVE:
        raise UnfitError(f"{name} is an archive: unpack it and post the files themselves.")
    return found


def _text(path: Path, into: Path, name: str) -> Fitted:
    fit_text(path, into, name)
    return _fitted(into, name, "text/plain", Kind.TEXT)


def _picture(
    path: Path, container: str, into: Path, detail: Detail | None, name: str, stop: threading.Event
) -> Fitted:
    picture = fit_picture(path, container, into, detail, name, stop)
    return _fitted(into, name, picture.mime_type, Kind.PICTURE, width=picture.width, height=picture.height)


def _recording(
    path: Path,
    container: str,
    into: Path,
    detail: Detail | None,
    clip: Clip | None,
    name: str,
    stop: threading.Event,
) -> Fitted:
    recording = probe(path, container, name, stop)
    check_length(recording, detail, clip, name)
    if recording.video is not None:
        mime_type = _video_type(container, recording, name)
        return _fitted(path, name, mime_type, Kind.RECORDING, duration_s=recording.duration_s)
    known = _AUDIO_TYPES.get(container)
    compact = path.stat().st_size <= SMALL_AUDIO_BYTES or (container, recording.audio) in _COMPACT
    if known is None or not compact:
        to_voice(path, container, into, name, MAX_AUDIO_S, stop)
        path, known = into, "audio/ogg"
    return _fitted(path, name, known, Kind.RECORDING, duration_s=recording.duration_s)


def _fitted(
    path: Path,
    name: str,
    mime_type: str,
    kind: Kind,
    *,
    duration_s: float | None = None,
    pages: int | None = None,
    width: int | None = None,
    height: int | None = None,
) -> Fitted:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    return Fitted(path, name, mime_type, size, digest, kind, duration_s, pages, width, height)


def _video_type(container: str, recording: Recording, name: str) -> str:
    mime_type = _VIDEO_TYPES.get(container)
    # WebM is Matroska with a few codecs; the model takes no other Matroska.
    if mime_type is None or (container == "matroska" and recording.video not in _WEBM_CODECS):
        raise UnfitError(
            f"{name} is a kind of video that the model does not take: convert it to MP4 or WebM."
        )
    return mime_type
