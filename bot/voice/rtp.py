"""RTP as Discord uses it: the header, the encrypted header extension, and padding (RFC 3550, RFC 8285).

In Discord's `rtpsize` modes the four bytes that announce a header extension are sent in the clear, while the
extension's body is encrypted in front of the payload. So a datagram is parsed in two steps: the clear header
before the transport decryption, the body and the padding after it.
"""

import struct
from dataclasses import dataclass

HEADER_SIZE = 12
VERSION = 2
OPUS_PAYLOAD_TYPE = 120  # Discord's for voice; camera video and RTCP come on the same socket with others
SAMPLES_PER_FRAME = 960  # the RTP clock of Opus runs at 48 kHz whatever was encoded (RFC 7587): 20 ms

_FIXED = struct.Struct(">BBHII")
_EXTENSION = struct.Struct(">HH")
_PADDED, _EXTENDED, _CSRC_COUNT = 0x20, 0x10, 0x0F


class InvalidDatagramError(Exception):
    """A datagram is not what the protocol allows; it is dropped and counted, and nobody is told."""


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """The clear part of an RTP packet."""

    payload_type: int
    sequence: int
    """16 bits."""
    timestamp: int
    """32 bits, in samples at 48 kHz."""
    ssrc: int
    size: int
    """Bytes in the clear: the fixed header, CSRCs, and the announcement of an extension if there is one."""
    extension_size: int
    """Bytes of the extension's body, which comes first in the plaintext."""
    padded: bool

    def payload(self, plaintext: bytes) -> bytes:
        """Return what is left of the transport's plaintext without extension body and padding.

        Left on, padding would hide the end marker of an end-to-end encrypted frame. The result may be empty.
        Raise InvalidDatagramError if either is longer than what was sent.
        """
        end = len(plaintext)
        if self.extension_size > end:
            raise InvalidDatagramError("the header extension is longer than the packet")
        if self.padded:
            padding = plaintext[-1] if plaintext else 0
            if not 0 < padding <= end - self.extension_size:
                raise InvalidDatagramError("the padding is empty or longer than the payload")
            end -= padding
        return plaintext[self.extension_size : end]


@dataclass(frozen=True, slots=True)
class Packet:
    """What one datagram carried; with an empty payload it holds its place in the sequence without audio."""

    sequence: int
    """16 bits."""
    timestamp: int
    """32 bits, in samples at 48 kHz."""
    payload: bytes
    """One Opus packet, end-to-end encrypted or not."""
    at: float
    """When its datagram arrived."""


def parse_header(datagram: bytes) -> RtpHeader:
    """Parse the clear header of a datagram; raise InvalidDatagramError if it is no whole RTP header.

    RTCP and IP discovery replies can look like RTP of another payload type or version: the caller looks at
    `payload_type`.
    """
    if len(datagram) < HEADER_SIZE:
        raise InvalidDatagramError("shorter than an RTP header")
    flags, kind, sequence, timestamp, ssrc = _FIXED.unpack_from(datagram)
    if flags >> 6 != VERSION:
        raise InvalidDatagramError("not RTP version 2")
    size = HEADER_SIZE + 4 * (flags & _CSRC_COUNT)
    extension_size = 0
    if flags & _EXTENDED:
        if len(datagram) < size + _EXTENSION.size:
            raise InvalidDatagramError("the announced header extension is missing")
        extension_size = 4 * _EXTENSION.unpack_from(datagram, size)[1]
        size += _EXTENSION.size
    if len(datagram) < size:
        raise InvalidDatagramError("shorter than its own header")
    return RtpHeader(
        kind & 0x7F, sequence, timestamp, ssrc, size, extension_size, padded=bool(flags & _PADDED)
    )


def build_header(sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return the 12-byte header of a voice packet; sequence and timestamp wrap at 16 and 32 bits."""
    return _FIXED.pack(VERSION << 6, OPUS_PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc)


def sequence_delta(sequence: int, reference: int) -> int:
    """Return how far a sequence number is after (or, negative, before) another: -32768 to 32767."""
    return ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


def timestamp_delta(timestamp: int, reference: int) -> int:
    """Return how many samples at 48 kHz a timestamp is after (or, negative, before) another."""
    return ((timestamp - reference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
