"""The handle by which a session goes on over a new connection: which one is kept, and when it is dropped.

A handle stands for the state of the session when it was given. The server says `resumable: false` while it
has none to give (it is answering, say), and a handle of before would resume a session that is not this one.
"""

MAX_TRIES = 2  # of one handle with a server that answers: the first may find the old socket still open


class Resumption:
    """Keeps the newest handle only while the session can be resumed."""

    def __init__(self) -> None:
        self._handle: str | None = None
        self._tries = 0

    @property
    def handle(self) -> str | None:
        """The handle to connect with, None for a session from the beginning."""
        return self._handle

    def updated(self, handle: str | None, *, resumable: bool) -> None:
        """Take in a `sessionResumptionUpdate`; resumable without a handle leaves the one there is."""
        if not resumable:
            self._handle = None
        elif handle:
            self._handle = handle
            self._tries = 0

    def worked(self) -> None:
        """Take in that the session did go on: what failed before was not the handle's fault."""
        self._tries = 0

    def failed(self, *, refused: bool) -> bool:
        """Count a connection with this handle that failed before it bore anything.

        Returns whether the handle is dropped for it: then a session from the beginning may succeed.
        """
        if self._handle is None:
            return False
        self._tries += 1
        if refused or self._tries >= MAX_TRIES:
            self._handle = None
            self._tries = 0
            return True
        return False
