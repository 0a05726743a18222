"""What a file really is, by its first bytes; names and claimed types count for nothing.

Signatures: https://mimesniff.spec.whatwg.org and the formats' own specifications.
"""

import codecs
from dataclasses import dataclass
from enum import Enum, auto

HEAD_BYTES = 1024  # a PDF's mark may stand anywhere in the first 1,024 bytes


class Kind(Enum):
    """How a file is checked and fitted."""

    PICTURE = auto()
    RECORDING = auto()
    """Sound or moving pictures; which of them, only the streams inside can say."""
    DOCUMENT = auto()
    TEXT = auto()
    """Prose, data, code or markup; whether all of it is text, only the whole file can say."""
    OFFICE = auto()
    """A word processor's or spreadsheet's own file, which the model does not read."""
    ARCHIVE = auto()
    """Files packed into one."""


@dataclass(frozen=True)
class Sniffed:
    """What the first bytes say."""

    kind: Kind
    container: str
    """Pillow's name for the format of a picture, FFmpeg's for that of a recording; else a word for it."""


_STARTS: tuple[tuple[bytes, Sniffed], ...] = (
    (b"\xff\xd8\xff", Sniffed(Kind.PICTURE, "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Sniffed(Kind.PICTURE, "PNG")),
    (b"GIF87a", Sniffed(Kind.PICTURE, "GIF")),
    (b"GIF89a", Sniffed(Kind.PICTURE, "GIF")),
    (b"BM", Sniffed(Kind.PICTURE, "BMP")),
    (b"II*\0", Sniffed(Kind.PICTURE, "TIFF")),
    (b"MM\0*", Sniffed(Kind.PICTURE, "TIFF")),
    (b"OggS", Sniffed(Kind.RECORDING, "ogg")),
    (b"fLaC", Sniffed(Kind.RECORDING, "flac")),
    (b"ID3", Sniffed(Kind.RECORDING, "mp3")),
    (b"FLV\x01", Sniffed(Kind.RECORDING, "flv")),
    (b"\x1a\x45\xdf\xa3", Sniffed(Kind.RECORDING, "matroska")),
    (b"\0\0\x01\xba", Sniffed(Kind.RECORDING, "mpeg")),
    (b"\0\0\x01\xb3", Sniffed(Kind.RECORDING, "mpegvideo")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Sniffed(Kind.RECORDING, "asf")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Sniffed(Kind.OFFICE, "OLE")),  # Word, Excel and others before 2007
    (b"\x1f\x8b\x08", Sniffed(Kind.ARCHIVE, "gzip")),
    (b"BZh", Sniffed(Kind.ARCHIVE, "bzip2")),
    (b"\xfd7zXZ\0", Sniffed(Kind.ARCHIVE, "xz")),
    (b"\x28\xb5\x2f\xfd", Sniffed(Kind.ARCHIVE, "zstd")),
    (b"7z\xbc\xaf\x27\x1c", Sniffed(Kind.ARCHIVE, "7z")),
    (b"Rar!\x1a\x07", Sniffed(Kind.ARCHIVE, "rar")),
)
# Containers that say what they hold in the second word: {first: {at 8: what}}.
_RIFF = {
    b"WEBP": Sniffed(Kind.PICTURE, "WEBP"),
    b"WAVE": Sniffed(Kind.RECORDING, "wav"),
    b"AVI ": Sniffed(Kind.RECORDING, "avi"),
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
# A ZIP archive names its first file from byte 30 on. Of Office Open XML it is one of these (ECMA-376, part
# 2); of OpenDocument and EPUB it is `mimetype`, stored as it is, so that its text follows the name.
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_ZIP_NAME = 30
_OFFICE_NAMES = (
    b"[Content_Types].xml",
    b"_rels/",
    b"docProps/",
    b"word/",
    b"xl/",
    b"ppt/",
    b"mimetypeapplication/vnd.oasis.",
    b"mimetypeapplication/epub",
)
_TAR = (257, b"ustar")
# UTF-16's marks; the first would be taken for an MPEG frame of layer I, which nobody has used for decades.
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")
# What no text holds, but for tabs, ends of lines and pages, and the escape that colours a log.
CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b")) + b"\x7f"


def sniff(head: bytes) -> Sniffed | None:
    """Return what a file is by its first HEAD_BYTES bytes; None for what is nothing that is known here."""
    if head.lstrip().startswith(b"%PDF-"):
        return Sniffed(Kind.DOCUMENT, "PDF")
    # All other formats have bytes in their first kilobyte that UTF-8 or text can't have, so text that begins
    # like one of them ("BMW", "ID3 tags") is told apart.
    if _is_utf8(head):
        return Sniffed(Kind.OFFICE, "RTF") if head.startswith(b"{\\rtf") else Sniffed(Kind.TEXT, "text")
    return _by_signature(head) or (Sniffed(Kind.TEXT, "text") if _may_be_text(head) else None)


def _by_signature(head: bytes) -> Sniffed | None:
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return Sniffed(Kind.RECORDING, "aiff")
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    if b"%PDF-" in head[:HEAD_BYTES]:
        return Sniffed(Kind.DOCUMENT, "PDF")
    return _packed(head) or _mpeg_audio(head)


def _is_utf8(head: bytes) -> bool:
    """Say whether this is the beginning of UTF-8 text, the last letter of which may be cut."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(head) and _without_controls(head)


def _may_be_text(head: bytes) -> bool:
    return head.startswith(_WIDE_TEXT) or (bool(head) and _without_controls(head))


def _without_controls(data: bytes) -> bool:
    return len(data.translate(None, CONTROLS)) == len(data)


def _packed(head: bytes) -> Sniffed | None:
    """Know archives, and documents that are archives inside."""
    if head.startswith(_ZIP):
        office = head[_ZIP_NAME:].startswith(_OFFICE_NAMES)
        return Sniffed(Kind.OFFICE, "ZIP") if office else Sniffed(Kind.ARCHIVE, "zip")
    at, mark = _TAR
    return Sniffed(Kind.ARCHIVE, "tar") if head[at : at + len(mark)] == mark else None


def _by_brand(brand: bytes) -> Sniffed:
    """Tell the ISO base media files apart (ISO/IEC 14496-12, 4.3)."""
    if brand in _HEIF_BRANDS:
        return Sniffed(Kind.PICTURE, "HEIF")
    if brand in _AVIF_BRANDS:
        return Sniffed(Kind.PICTURE, "AVIF")
    return Sniffed(Kind.RECORDING, "mov")


def _mpeg_audio(head: bytes) -> Sniffed | None:
    """Know an MPEG audio frame: 11 bits set, then version and layer (00 there is ADTS, so AAC)."""
    if len(head) < 2 or head.startswith(_WIDE_TEXT) or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Sniffed(Kind.RECORDING, "aac")
    return Sniffed(Kind.RECORDING, "mp3") if head[1] & 0x06 else None
