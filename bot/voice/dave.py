"""What DAVE, Discord's end-to-end encryption of media, asks of a receiver: which frames may be heard.

The cryptography is davey's. Here is the policy around it, which fails closed: a frame in plaintext is heard
only where the call has negotiated no encryption, or while an announced transition may change that. davey
alone doesn't hold this: its passthrough mode stays on once set.
Source: the DAVE protocol paper 1.1, "Protocol Frame Check" and "Silence Packets".
"""

from enum import Enum, auto

import davey

SILENCE = b"\xf8\xff\xfe"
"""The Opus frame of 20 ms of silence that clients and servers send in plaintext, whatever was negotiated."""

MARKER = b"\xfa\xfa"
"""The last two bytes of every encrypted frame."""

TAG_SIZE = 8
SMALLEST_TRAILER = 12  # bytes: tag, a nonce of one byte, no unencrypted ranges, the size itself, the marker
NONCE_BYTES = 5  # of ULEB128 for the 32 bits of a nonce


class Verdict(Enum):
    """What is to be done with a frame that left the transport decryption."""

    HEAR = auto()
    """It is plaintext, and may be."""
    DECRYPT = auto()
    REFUSE = auto()
    """It is plaintext where only encrypted speech is allowed."""


class DaveFailure(Enum):
    """Why a frame could not be decrypted."""

    NO_DECRYPTOR = "NoDecryptorForUser"
    """The sender is not in our group (yet), or we have no group."""
    NO_KEY = "NoValidCryptorFound"
    """No key fits: an epoch that we have not reached or have left, a replay, or a forged frame."""
    PLAINTEXT = "UnencryptedWhenPassthroughDisabled"
    """davey saw no encrypted frame: its trailer is broken."""
    OTHER = ""
    """What davey may say in future; the empty text is in every other, so this stays the last."""

    @property
    def may_heal(self) -> bool:
        """Whether the same frame may be decryptable after the next commit or welcome."""
        return self in (DaveFailure.NO_DECRYPTOR, DaveFailure.NO_KEY)


class DaveError(Exception):
    """A frame could not be decrypted; `failure` says why."""

    def __init__(self, failure: DaveFailure) -> None:
        super().__init__(failure.value or "decryption failed")
        self.failure = failure


def classify(error: ValueError) -> DaveFailure:
    """Tell davey's failures apart; their text is all that distinguishes them."""
    text = str(error)
    return next(failure for failure in DaveFailure if failure.value in text)


def is_sealed(frame: bytes) -> bool:
    """Return whether a frame is marked as end-to-end encrypted; such a frame must never reach Opus as it is.

    Opus is no judge of that: random bytes often decode without an error. An unencrypted frame ends like this
    by chance once in 65,536, that is every 22 minutes of speech, and is then taken for a lost one.
    """
    return frame.endswith(MARKER)


def nonce_of(frame: bytes) -> int | None:
    """Return the counter in a sealed frame's trailer, None if that is broken.

    It counts what its sender sealed with one key, audio and video, from 1; not authentic before decryption.
    """
    size = frame[-3] if len(frame) >= SMALLEST_TRAILER else 0
    if not SMALLEST_TRAILER <= size <= len(frame):
        return None
    value = 0
    for place, byte in enumerate(frame[len(frame) - size + TAG_SIZE : -3][:NONCE_BYTES]):
        value |= (byte & 0x7F) << 7 * place  # ULEB128: 7 bits a byte, the lowest first
        if byte < 0x80:
            return value
    return None


def judge(frame: bytes, *, version: int, transition_pending: bool) -> Verdict:
    """Decide on a frame by the version that the call has negotiated now; 0 means no end-to-end encryption."""
    if is_sealed(frame):
        return Verdict.DECRYPT
    if frame == SILENCE or version == 0 or transition_pending:
        return Verdict.HEAR
    return Verdict.REFUSE


def decrypt(session: davey.DaveSession | None, user_id: int, frame: bytes) -> bytes:
    """Return the Opus packet in a sealed frame of that person; raise DaveError, which changes nothing.

    A frame decrypts once: a second time it is a replay.
    """
    if session is None:
        raise DaveError(DaveFailure.NO_DECRYPTOR)
    try:
        opened = session.decrypt(user_id, davey.MediaType.audio, frame)
    except ValueError as error:
        raise DaveError(classify(error)) from error
    if opened == frame:  # passed through, not decrypted
        raise DaveError(DaveFailure.PLAINTEXT)
    return opened
