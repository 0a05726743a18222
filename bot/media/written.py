"""Text files of any sort, whatever their encoding, brought to UTF-8.

Runs in a thread. A file has a megabyte at most, so no step holds the GIL for more than some milliseconds.
"""

import codecs
from pathlib import Path

from bot.media.errors import UnfitError
from bot.media.sniff import CONTROLS

MAX_BYTES = 1024 * 1024  # about 300,000 tokens of English: a third of what the model can look at
NO_FILE = "{name} is not a picture, video, recording, PDF or text: post one of these."
UNKNOWN = "{name} is text in an encoding that is not known here: save it as UTF-8 and post it again."

# The mark at the beginning of a file, and the codec that takes it off.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Of Western European text few letters have accents. Where more of them seem to, it is another encoding, such
# as Cyrillic, which as Windows-1252 would be nonsense.
_MOST_ACCENTS = 0.25
_ACCENTED = bytes(range(0x80, 0x100))


def fit_text(path: Path, into: Path, name: str) -> None:
    """Write the text in `path` to `into` as UTF-8 without a mark.

    Raises MediaError, which calls the file `name`.
    """
    if path.stat().st_size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise UnfitError(
            f"{name} is larger than {limit} MiB, the limit for text: post the part that matters."
        )
    text = decoded(path.read_bytes(), name)
    if not text.strip():
        raise UnfitError(f"{name} holds no text: post one that does.")
    into.write_bytes(text.encode())


def decoded(data: bytes, name: str) -> str:
    """Return the text of a file. Raises MediaError where it is none, or in an encoding that is not known."""
    codec = next((codec for mark, codec in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(codec)
    except UnicodeDecodeError as error:
        if codec == "utf-16" or _has_controls(data):
            raise UnfitError(NO_FILE.format(name=name)) from error
        return _western(data, name)
    if _has_controls(text.encode()):
        raise UnfitError(NO_FILE.format(name=name))
    return text


def _western(data: bytes, name: str) -> str:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise UnfitError(UNKNOWN.format(name=name)) from error
    if len(data) - len(data.translate(None, _ACCENTED)) > _MOST_ACCENTS * len(data):
        raise UnfitError(UNKNOWN.format(name=name))
    return text


def _has_controls(data: bytes) -> bool:
    return len(data.translate(None, CONTROLS)) < len(data)
