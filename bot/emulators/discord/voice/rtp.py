"""RTP (RFC 3550) in the `rtpsize` modes: header and preamble of the extension are clear, the rest is not."""

import struct
from dataclasses import dataclass, replace

from bot.emulators.discord.voice.errors import RefusedError

OPUS = 120  # payload type
_FIXED = struct.Struct(">BBHII")
_PREAMBLE = struct.Struct(">HH")
_ONE_BYTE_EXTENSIONS = 0xBEDE  # RFC 8285


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """The clear part of a datagram."""

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int = OPUS
    marker: bool = False
    padding: bool = False
    csrcs: bytes = b""
    extension_words: int | None = None
    """Length of the header extension, whose body is encrypted; None: there is no extension."""

    @property
    def size(self) -> int:
        """How many bytes are clear, and authenticated."""
        return _FIXED.size + len(self.csrcs) + (_PREAMBLE.size if self.extension_words is not None else 0)

    @classmethod
    def parse(cls, datagram: bytes) -> "RtpHeader":
        """Parse the front of a datagram; raises `RefusedError`."""
        if len(datagram) < _FIXED.size:
            raise RefusedError("a datagram shorter than an RTP header")
        flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(datagram)
        if flags >> 6 != 2:
            raise RefusedError("a datagram that is not RTP")
        at = _FIXED.size + 4 * (flags & 0x0F)
        header = cls(
            sequence,
            timestamp,
            ssrc,
            payload_type=kind & 0x7F,
            marker=bool(kind & 0x80),
            padding=bool(flags & 0x20),
            csrcs=datagram[_FIXED.size : at],
        )
        if not flags & 0x10:
            return header
        if len(datagram) < at + _PREAMBLE.size:
            raise RefusedError("a datagram that ends in its header extension")
        return replace(header, extension_words=_PREAMBLE.unpack_from(datagram, at)[1])

    def serialize(self) -> bytes:
        """Return the clear bytes."""
        extended = self.extension_words is not None
        flags = 0x80 | self.padding << 5 | extended << 4 | len(self.csrcs) // 4
        kind = self.marker << 7 | self.payload_type
        fixed = _FIXED.pack(flags, kind, self.sequence, self.timestamp, self.ssrc)
        preamble = _PREAMBLE.pack(_ONE_BYTE_EXTENSIONS, self.extension_words or 0) if extended else b""
        return fixed + self.csrcs + preamble

    def payload_of(self, plaintext: bytes) -> bytes:
        """Strip the extension's body and the padding off what was encrypted; raises `RefusedError`."""
        start, end = 4 * (self.extension_words or 0), len(plaintext)
        if self.padding:
            if end <= start or not 0 < plaintext[-1] <= end - start:
                raise RefusedError("RTP padding that is longer than the packet")
            end -= plaintext[-1]
        if start > end:
            raise RefusedError("a header extension that is longer than the packet")
        return plaintext[start:end]
