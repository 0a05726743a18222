"""Discord's transport encryption between a client and the voice server: the `rtpsize` modes.

The clear RTP header (with CSRCs and the extension's announcement) is the associated data. After the
ciphertext and its 16-byte tag come the 4 bytes of a counter, which padded with zeros make the nonce.
Source: Discord's voice documentation, "Transport Encryption and Sending Voice".
"""

import struct
from abc import ABC, abstractmethod
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from bot.errors import EarshotError
from bot.voice.rtp import InvalidDatagramError as InvalidDatagramError

KEY_SIZE = 32
TAG_SIZE = 16
COUNTER_SIZE = 4

_COUNTER = struct.Struct(">I")


class TransportError(EarshotError):
    """The voice server asked for what can't be done, or a key was used up."""


class TransportCipher(ABC):
    """One key of one connection.

    `open` may be used from another thread than `seal`; `seal` from one thread only. For sending, keep one
    object as long as the key is the same: a second one would count its nonces from 0 again.
    """

    nonce_size: int

    def __init__(self) -> None:
        self._counter = count()

    def seal(self, header: bytes, payload: bytes) -> bytes:
        """Return the datagram for a clear header and what is to follow it encrypted.

        Raise TransportError when the key's 2**32 nonces are used up, which takes years of speech.
        """
        number = next(self._counter)
        if number >> 32:
            raise TransportError("The voice connection's key is used up; leave the channel and join again.")
        counter = _COUNTER.pack(number)
        return header + self._encrypt(payload, header, self._nonce(counter)) + counter

    def open(self, datagram: bytes, header_size: int) -> bytes:
        """Return the plaintext behind the clear header; raise InvalidDatagramError if it isn't authentic."""
        end = len(datagram) - COUNTER_SIZE
        if end < header_size + TAG_SIZE:
            raise InvalidDatagramError("too short for its tag and nonce")
        nonce = self._nonce(datagram[end:])
        return self._decrypt(datagram[header_size:end], datagram[:header_size], nonce)

    def _nonce(self, counter: bytes) -> bytes:
        return counter.ljust(self.nonce_size, b"\0")

    @abstractmethod
    def _encrypt(self, plaintext: bytes, associated: bytes, nonce: bytes) -> bytes: ...

    @abstractmethod
    def _decrypt(self, ciphertext: bytes, associated: bytes, nonce: bytes) -> bytes: ...


class _AesGcm(TransportCipher):
    nonce_size = 12

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._aead = AESGCM(key)

    def _encrypt(self, plaintext: bytes, associated: bytes, nonce: bytes) -> bytes:
        return self._aead.encrypt(nonce, plaintext, associated)

    def _decrypt(self, ciphertext: bytes, associated: bytes, nonce: bytes) -> bytes:
        try:
            return self._aead.decrypt(nonce, ciphertext, associated)
        except InvalidTag as error:
            raise InvalidDatagramError("not sealed with this key") from error


class _XChaCha20(TransportCipher):
    nonce_size = 24

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._key = key

    def _encrypt(self, plaintext: bytes, associated: bytes, nonce: bytes) -> bytes:
        return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, self._key)

    def _decrypt(self, ciphertext: bytes, associated: bytes, nonce: bytes) -> bytes:
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, self._key)
        except CryptoError as error:
            raise InvalidDatagramError("not sealed with this key") from error


_CIPHERS: dict[str, type[_AesGcm] | type[_XChaCha20]] = {
    "aead_aes256_gcm_rtpsize": _AesGcm,  # preferred: hardware does it; a server need not offer it
    "aead_xchacha20_poly1305_rtpsize": _XChaCha20,  # every server must offer it
}

MODES: tuple[str, ...] = tuple(_CIPHERS)
"""The names by which modes are negotiated, the preferred one first."""


def cipher_for(mode: str, key: bytes) -> TransportCipher:
    """Return a cipher with its own nonce counter; raise TransportError for an unknown mode or a bad key."""
    if mode not in _CIPHERS:
        raise TransportError(f"The voice server chose {mode!r}, an encryption that Earshot doesn't speak.")
    if len(key) != KEY_SIZE:
        raise TransportError(f"The voice server's key has {len(key)} bytes where {KEY_SIZE} are due.")
    return _CIPHERS[mode](key)
