"""What a connection tells whoever uses it."""

from typing import Any, Protocol


class Observer(Protocol):
    """Is told what happens on the connection, on the event loop's thread where nothing else is said."""

    @property
    def users(self) -> set[int]:
        """Who the voice gateway says is in the call."""

    def datagram(self, data: bytes) -> None:
        """Take a datagram, on the socket's thread; an empty one means nothing."""

    def session_began(self) -> None:
        """Forget SSRCs: a READY gave everyone a new one."""

    def message(self, op: int, data: dict[str, Any]) -> None:
        """Take a JSON message of the voice gateway, already handled."""

    def epoch_changed(self) -> None:
        """Try anew what could not be decrypted: the end-to-end keys may have changed."""

    def up(self) -> None:
        """Let media flow."""

    def down(self, reason: str) -> None:
        """Stop media for now; `reason` is a clause to show."""

    def over(self, reason: str) -> None:
        """Learn that the call is over for good; `reason` is a sentence to show. Cleaning up follows."""

    async def closed(self) -> None:
        """Let go of everything: nothing comes any more."""
