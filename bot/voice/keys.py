"""What hearing and speaking must know of a connection's keys, read anew for each packet.

A copy taken at connect would leave the bot deaf, and what it says unreadable, after the first change of keys.
Hearing reads on the event loop's thread, speaking on the send clock's.
"""

from typing import Protocol

import davey


class Keys(Protocol):
    """The keys that the connection holds now; whoever owns the connection provides it."""

    @property
    def mode(self) -> str | None:
        """The negotiated transport encryption; None before it is."""

    @property
    def secret_key(self) -> bytes | None:
        """The transport key, 32 bytes; None before the session description."""

    @property
    def dave_version(self) -> int:
        """The negotiated version of end-to-end encryption; 0 means none."""

    @property
    def dave(self) -> davey.DaveSession | None:
        """The end-to-end session, which may not be in a group yet: then its `ready` is false."""

    @property
    def transition_pending(self) -> bool:
        """Whether a change from or to version 0 is announced and not executed: plaintext may come then."""
