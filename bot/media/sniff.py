"""What a file really is, by its first bytes; names and claimed types count for nothing.

Signatures: https://mimesniff.spec.whatwg.org and the formats' own specifications.
"""

from dataclasses import dataclass
from enum import Enum, auto

HEAD_BYTES = 1024  # a PDF's mark may stand anywhere in the first 1,024 bytes


class Kind(Enum):
    """How a file is checked and fitted."""

    PICTURE = auto()
    RECORDING = auto()
    """Sound or moving pictures; which of them, only the streams inside can say."""
    DOCUMENT = auto()


@dataclass(frozen=True)
class Sniffed:
    """What the first bytes say."""

    kind: Kind
    container: str
    """Pillow's name for the format of a picture, FFmpeg's for that of a recording, `PDF`."""


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
)
# Containers that say what they hold in the second word: {first: {at 8: what}}.
_RIFF = {
    b"WEBP": Sniffed(Kind.PICTURE, "WEBP"),
    b"WAVE": Sniffed(Kind.RECORDING, "wav"),
    b"AVI ": Sniffed(Kind.RECORDING, "avi"),
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


def sniff(head: bytes) -> Sniffed | None:
    """Return what a file is by its first HEAD_BYTES bytes; None for what is no picture, recording or PDF."""
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
    return _mpeg_audio(head)


def _by_brand(brand: bytes) -> Sniffed:
    """Tell the ISO base media files apart (ISO/IEC 14496-12, 4.3)."""
    if brand in _HEIF_BRANDS:
        return Sniffed(Kind.PICTURE, "HEIF")
    if brand in _AVIF_BRANDS:
        return Sniffed(Kind.PICTURE, "AVIF")
    return Sniffed(Kind.RECORDING, "mov")


def _mpeg_audio(head: bytes) -> Sniffed | None:
    """Know an MPEG audio frame: 11 bits set, then version and layer (00 there is ADTS, so AAC)."""
    if len(head) < 2 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return Sniffed(Kind.RECORDING, "aac")
    return Sniffed(Kind.RECORDING, "mp3") if head[1] & 0x06 else None
