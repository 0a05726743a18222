"""The last steps of an Opus packet of ours: end-to-end encryption, RTP, transport encryption, socket.

It fails closed: while the call is end-to-end encrypted and our session is not ready, speech does not leave.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Protocol

from bot.voice.dave import SILENCE
from bot.voice.keys import Keys
from bot.voice.playout import Sending
from bot.voice.rtp import SAMPLES_PER_FRAME, build_header
from bot.voice.transport import TransportCipher, TransportError, cipher_for

logger = logging.getLogger(__name__)

# A change of keys or a reconnect takes about a second, and then the answer goes on where it stopped. What is
# held longer would be an answer to a question that nobody remembers.
HOLD_S = 2.0


class SendingKeys(Keys, Protocol):
    """The keys that the connection holds now, and who we are in it."""

    @property
    def ssrc(self) -> int | None:
        """The SSRC that the voice server gave us; None before that."""


@dataclass(slots=True)
class SendStats:
    """What became of the packets that were to be sent."""

    sent: int = 0
    sent_silence: int = 0
    expired: int = 0
    """Given up because the connection or its encryption was not ready for longer than 2 s of an answer."""
    cut_answers: int = 0
    """Answers of which packets were given up so."""
    unsealed: int = 0
    """Refused by an encryption layer."""
    unsent: int = 0
    """Refused by the socket: its buffer was full, or the other end is gone."""

    def as_dict(self) -> dict[str, int]:
        """Return the counters, by names that can stand beside those of the receive side."""
        return {f"out_{name}": count for name, count in asdict(self).items()}


class Outlet:
    """Seals and sends the packets of one call. For one thread only: the send clock's.

    `connected()` says whether packets may leave, `send(datagram)` gives one to the socket.
    """

    def __init__(
        self, keys: SendingKeys, connected: Callable[[], bool], send: Callable[[bytes], None]
    ) -> None:
        self.stats = SendStats()
        self._keys = keys
        # One object a key, so that its nonces never begin again.
        self._cipher: tuple[str, bytes, TransportCipher] | None = None
        self._connected = connected
        self._send = send
        self._sequence = 0
        self._timestamp = 0
        self._held_since: float | None = None
        self._cutting = False  # packets of the answer at hand have been given up

    def send(self, packet: bytes, now: float) -> Sending:
        """Send an Opus packet of 20 ms, or say that it is to be held."""
        try:
            datagram = self._seal(packet)
        except (TransportError, ValueError) as error:
            self.stats.unsealed += 1
            logger.debug("A packet could not be sealed: %s", error)
            return Sending.LOST
        if datagram is None:
            return self._hold(packet, now)
        self._held_since, self._cutting = None, False
        try:
            self._send(datagram)
        except OSError as error:
            self.stats.unsent += 1
            logger.debug("A packet could not be sent: %s", error)
            return Sending.LOST
        self.stats.sent += 1
        self.stats.sent_silence += packet == SILENCE
        return Sending.SENT

    def _hold(self, packet: bytes, now: float) -> Sending:
        if packet == SILENCE:  # an answer ends with it, and a new connection begins with its own
            self._held_since, self._cutting = None, False
            return Sending.LOST
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since < HOLD_S:
            return Sending.HELD
        self.stats.expired += 1
        if not self._cutting:
            self._cutting = True
            self.stats.cut_answers += 1
            logger.warning("An answer is cut: it could not be sent for %g s", HOLD_S)
        return Sending.LOST

    def _seal(self, packet: bytes) -> bytes | None:
        """Return the datagram, None while there are no keys for it."""
        cipher, ssrc = self._current_cipher(), self._keys.ssrc
        if not self._connected() or cipher is None or ssrc is None:
            return None
        frame = self._frame(packet)
        if frame is None:
            return None
        header = build_header(self._sequence, self._timestamp, ssrc)
        self._sequence += 1
        self._timestamp += SAMPLES_PER_FRAME
        return cipher.seal(header, frame)

    def _current_cipher(self) -> TransportCipher | None:
        mode, key = self._keys.mode, self._keys.secret_key
        if mode is None or key is None:
            return None
        if self._cipher is None or self._cipher[:2] != (mode, key):
            self._cipher = (mode, key, cipher_for(mode, key))
        return self._cipher[2]

    def _frame(self, packet: bytes) -> bytes | None:
        """Encrypt end to end where the call is; silence is what the protocol lets pass in the clear."""
        session = self._keys.dave
        if self._keys.dave_version == 0 or packet == SILENCE:
            return packet
        return session.encrypt_opus(packet) if session is not None and session.ready else None
