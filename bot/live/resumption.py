"""The handle by which a session goes on over a new connection: which one is kept, and when it is dropped.

A handle stands for the state of the session when it was given. The server says `resumable: false` while it
has none to give (it is answering, say), and a handle of before would resume a session that is not this one.
"""

import math

from bot.live.failures import Failure, Verdict

# The server gives no handle while it is at work, perhaps on another turn than it has just answered. One that
# gives none for so long is not going to.
WORK_S = 5.0
MAX_TRIES = 2  # of one handle with a server that answers: the first may find the old socket still open


class Resumption:
    """Keeps the newest handle only while the session can be resumed."""

    def __init__(self) -> None:
        self._handle: str | None = None
        self._tries = 0
        self._denied_at = -math.inf

    @property
    def handle(self) -> str | None:
        """The handle to connect with, None for a session from the beginning."""
        return self._handle

    def at_work(self, now: float) -> bool:
        """Whether the server has just said that the session can't be resumed: it is not idle."""
        return self._handle is None and now - self._denied_at < WORK_S

    def updated(self, handle: str | None, now: float, *, resumable: bool) -> None:
        """Take in a `sessionResumptionUpdate`; resumable without a handle leaves the one there is."""
        if not resumable:
            self._handle, self._denied_at = None, now
        elif handle:
            self._handle = handle
            self._tries = 0

    def worked(self) -> None:
        """Take in that the session did go on: what failed before was not the handle's fault."""
        self._tries = 0

    def blamed(self, tried: str | None, failure: Failure) -> bool:
        """Return whether the server refused to go on with the session: it may well begin a new one.

        That connection was made with the handle `tried`, and failed before it bore anything.
        """
        if tried is None or not failure.setup_read or failure.verdict is Verdict.LATER:
            return False
        refused = failure.verdict is Verdict.NEVER
        return self.failed(refused=refused) and refused

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
