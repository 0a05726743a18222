"""Transport encryption of the voice server's side: the two `rtpsize` modes.

Written apart from the bot's, on purpose: two implementations that agree are evidence, one that agrees with
itself is none. The nonce is a 32-bit counter sent behind the ciphertext, zero-padded at its end.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from bot.emulators.discord.voice.errors import RefusedError

AES = "aead_aes256_gcm_rtpsize"
XCHACHA = "aead_xchacha20_poly1305_rtpsize"
MODES = (AES, XCHACHA)  # as Discord lists them
KEY_BYTES = 32
TAG_BYTES = 16
_COUNTER_BYTES = 4
_NONCE_BYTES = {AES: 12, XCHACHA: 24}


class Transport:
    """One direction between the server and one client: a key and a nonce counter."""

    def __init__(self, mode: str, key: bytes) -> None:
        self._key = key
        self._aes = AESGCM(key) if mode == AES else None
        self._padding = bytes(_NONCE_BYTES[mode] - _COUNTER_BYTES)
        self._counter = 0

    def seal(self, header: bytes, plaintext: bytes) -> bytes:
        """Return header, ciphertext, tag and counter: a whole datagram."""
        counter = self._counter.to_bytes(_COUNTER_BYTES, "big")
        self._counter = (self._counter + 1) % 2**32
        nonce = counter + self._padding
        if self._aes:
            sealed = self._aes.encrypt(nonce, plaintext, header)
        else:
            sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, header, nonce, self._key)
        return header + sealed + counter

    def open(self, datagram: bytes, header_size: int) -> bytes:
        """Return what a client encrypted; raises `RefusedError` for anything forged, cut or garbled."""
        if len(datagram) < header_size + TAG_BYTES + _COUNTER_BYTES:
            raise RefusedError("a datagram too short to be sealed")
        header, sealed = datagram[:header_size], datagram[header_size:-_COUNTER_BYTES]
        nonce = datagram[-_COUNTER_BYTES:] + self._padding
        try:
            if self._aes:
                return self._aes.decrypt(nonce, sealed, header)
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, header, nonce, self._key)
        except (InvalidTag, CryptoError) as error:
            raise RefusedError("a datagram that does not decrypt") from error
