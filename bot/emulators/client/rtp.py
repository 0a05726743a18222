"""RTP and the transport encryption of Discord's voice servers, as a client needs them. Sans-I/O.

A datagram is header | extension preamble | ciphertext and tag | nonce (4 bytes). The header, CSRCs and
preamble are authenticated; extension body, payload and padding are encrypted.
"""

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

XCHACHA = "aead_xchacha20_poly1305_rtpsize"
AES_GCM = "aead_aes256_gcm_rtpsize"
MODES = (AES_GCM, XCHACHA)  # in the order of preference
OPUS_TYPE = 120
_NONCE_BYTES = {XCHACHA: 24, AES_GCM: 12}
_PREAMBLE = b"\xbe\xde\x00\x01"  # RFC 8285, one-byte elements, one word
_LEVEL = b"\x10\x00\x00\x00"  # element 1, the audio level of RFC 6464, left unsaid; real clients send one


class TransportError(Exception):
    """A datagram that is not an Opus packet sealed with this key."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What was in a datagram, after transport decryption."""

    ssrc: int
    sequence: int
    timestamp: int
    payload: bytes


class Transport:
    """Seals and opens datagrams with one key."""

    def __init__(self, mode: str, key: bytes) -> None:
        self._nonce_bytes = _NONCE_BYTES[mode]
        self._aes = AESGCM(key) if mode == AES_GCM else None
        self._key = key
        self._sent = 0

    def seal(self, packet: Packet) -> bytes:
        """Return the datagram of a packet, with a short header extension as real clients send it."""
        fixed = (0x90, OPUS_TYPE, packet.sequence, packet.timestamp, packet.ssrc)
        header = struct.pack(">BBHII", *fixed) + _PREAMBLE
        counter = struct.pack(">I", self._sent)
        self._sent += 1
        return header + self._encrypt(_LEVEL + packet.payload, header, counter) + counter

    def open(self, datagram: bytes) -> Packet:
        """Return the packet of a datagram; raise TransportError."""
        if len(datagram) < 12 or datagram[0] >> 6 != 2 or datagram[1] & 0x7F != OPUS_TYPE:
            raise TransportError("no Opus packet")
        flags, _, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", datagram)
        authenticated = 12 + 4 * (flags & 0x0F)
        extension = 0
        if flags & 0x10:
            if len(datagram) < authenticated + 4:
                raise TransportError("cut off in the header")
            extension = 4 * int.from_bytes(datagram[authenticated + 2 : authenticated + 4], "big")
            authenticated += 4
        plain = self._decrypt(datagram[authenticated:-4], datagram[:authenticated], datagram[-4:])
        return Packet(ssrc, sequence, timestamp, _payload(plain, extension, padded=bool(flags & 0x20)))

    def _encrypt(self, plain: bytes, header: bytes, counter: bytes) -> bytes:
        nonce = counter.ljust(self._nonce_bytes, b"\0")
        if self._aes:
            return self._aes.encrypt(nonce, plain, header)
        return crypto_aead_xchacha20poly1305_ietf_encrypt(plain, header, nonce, self._key)

    def _decrypt(self, sealed: bytes, header: bytes, counter: bytes) -> bytes:
        nonce = counter.ljust(self._nonce_bytes, b"\0")
        try:
            if self._aes:
                return self._aes.decrypt(nonce, sealed, header)
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, nonce, self._key)
        except (InvalidTag, CryptoError, ValueError) as error:
            raise TransportError("not sealed with this key") from error


def _payload(plain: bytes, extension: int, *, padded: bool) -> bytes:
    end = len(plain) - (plain[-1] if padded and plain else 0)
    if end < extension:
        raise TransportError("extension and padding are longer than the packet")
    return plain[extension:end]


DISCOVERY_BYTES = 74


def discovery_request(ssrc: int) -> bytes:
    """Return the datagram that asks which address it came from."""
    return struct.pack(">HHI", 1, 70, ssrc).ljust(DISCOVERY_BYTES, b"\0")


def discovered(datagram: bytes) -> tuple[str, int] | None:
    """Return address and port from a discovery reply, or None for any other datagram."""
    if len(datagram) != DISCOVERY_BYTES or datagram[:4] != b"\x00\x02\x00\x46":
        return None
    return datagram[8:72].split(b"\0", 1)[0].decode("ascii"), int.from_bytes(datagram[72:], "big")
