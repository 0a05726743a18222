"""Which media the server takes, and who measures them. All of it may take seconds: callers use a thread."""

from pathlib import Path

from bot.emulators.gemini.media_document import read_pdf, read_text
from bot.emulators.gemini.media_facts import Clip, Facts, UnreadableError
from bot.emulators.gemini.media_film import listen, watch
from bot.emulators.gemini.media_picture import UNREADABLE, look

PDF = "application/pdf"
_PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
_VIDEOS = frozenset(
    f"video/{name}"
    for name in (
        "mp4",
        "mpeg",
        "mov",
        "quicktime",
        "avi",
        "x-flv",
        "mpg",
        "webm",
        "wmv",
        "3gpp",
        "x-matroska",
    )
)
_SOUNDS = frozenset(
    f"audio/{name}"
    for name in ("wav", "x-wav", "mp3", "mpeg", "aiff", "aac", "ogg", "opus", "flac", "m4a", "mp4", "webm")
)
_TEXTS = frozenset(
    {"application/json", "application/xml", "application/javascript", "application/x-javascript"}
    | {"application/x-python", "application/x-python-code", "application/rtf", "application/typescript"}
)


def essence(mime_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return mime_type.split(";")[0].strip().lower()


def kind_of(mime_type: str) -> str | None:
    """Return `picture`, `video`, `sound`, `document` or `text`; None for what the server does not take."""
    kind = essence(mime_type)
    if kind == PDF:
        return "document"
    for name, types in (("picture", _PICTURES), ("video", _VIDEOS), ("sound", _SOUNDS), ("text", _TEXTS)):
        if kind in types:
            return name
    return "text" if kind.startswith("text/") else None


def measure(source: Path | bytes, mime_type: str, clip: Clip) -> Facts:
    """Return what the bytes hold; raise UnreadableError if that is not what the media type says."""
    match kind_of(mime_type):
        case "picture":
            return look(source)
        case "video":
            return watch(source, clip)
        case "sound":
            return listen(source, clip)
        case "document":
            return read_pdf(source)
        case "text":
            return read_text(source)
        case _:
            raise UnreadableError(UNREADABLE)
