"""The keys that a connection holds at this moment, as hearing and speaking read them for each packet."""

import davey
from discord.utils import MISSING

from bot.voice.encryption import EncryptedState


class LiveKeys:
    """A view on the connection's state, without discord.py's sentinels; a `bot.voice.keys.Keys`."""

    def __init__(self, state: EncryptedState) -> None:
        self._state = state
        # In one piece: two threads look, and neither may see a new list with the old bytes.
        self._key: tuple[list[int], bytes] | None = None

    @property
    def mode(self) -> str | None:
        """The transport encryption mode; None before it is negotiated."""
        return None if self._state.mode is MISSING else self._state.mode

    @property
    def secret_key(self) -> bytes | None:
        """The transport key; None before there is one."""
        raw = self._state.secret_key
        if raw is MISSING:
            return None
        key = self._key
        if key is None or key[0] is not raw:
            key = self._key = raw, bytes(raw)
        return key[1]

    @property
    def ssrc(self) -> int | None:
        """The SSRC that the voice server gave us; None before that."""
        return None if self._state.ssrc is MISSING else self._state.ssrc

    @property
    def dave_version(self) -> int:
        """The negotiated version of end-to-end encryption; 0 means none."""
        return self._state.dave_protocol_version

    @property
    def dave(self) -> davey.DaveSession | None:
        """The end-to-end session, ready or not."""
        return self._state.dave_session

    @property
    def transition_pending(self) -> bool:
        """Whether a change from or to version 0 is announced: only then may plaintext come under encryption.

        A change between encrypted epochs gives no reason to accept plaintext.
        """
        return self._state.version_changing
