"""The phases of a voice connection, the ways to connect it, and what whoever directs it asks of it."""

from enum import Enum
from typing import Protocol


class Phase(Enum):
    """Where the connection stands."""

    NEW = "new"
    ASKING = "asking"  # the main gateway, for a session and a server
    GREETING = "greeting"  # a voice server, up to the session description
    CONNECTED = "connected"
    RESUMING = "resuming"
    AWAITING = "awaiting"  # word from the main gateway: where we are now, and by which server
    WAITING = "waiting"  # for another server to be named, or for the next attempt
    ENDED = "ended"


_DOWN = {Phase.ASKING, Phase.GREETING, Phase.RESUMING, Phase.AWAITING, Phase.WAITING}
TRANSITIONS: dict[Phase, set[Phase]] = {
    Phase.NEW: {Phase.ASKING, Phase.ENDED},
    Phase.ASKING: {Phase.GREETING, Phase.WAITING, Phase.ENDED},
    Phase.GREETING: {Phase.CONNECTED, Phase.WAITING, Phase.ENDED},
    Phase.CONNECTED: {Phase.WAITING, Phase.ENDED},
    Phase.RESUMING: {Phase.CONNECTED, Phase.WAITING, Phase.ENDED},
    Phase.AWAITING: {Phase.ASKING, Phase.WAITING, Phase.ENDED},
    Phase.WAITING: _DOWN | {Phase.ENDED},
    Phase.ENDED: set(),
}


class Step(Enum):
    """The way by which to connect."""

    ASK = "ask"  # for a session and a server
    REASK = "reask"  # the same, but leave the channel first: to be in it already may be why nothing came
    GREET = "greet"  # the server that we were told to use
    RESUME = "resume"
    AWAIT = "await"  # whether we were moved or kicked; without any word, ask anew
    SETTLE = "settle"  # our channel changed under this connection: is there word of another server?
    REALLOCATE = "reallocate"


class Connection(Protocol):
    """What the supervisor directs."""

    removed: bool
    granted: bool

    @property
    def evicted(self) -> bool:
        """Whether there is nothing to come back to: channel or server are gone for us."""

    @property
    def stale(self) -> bool:
        """Whether what is being used is not what the main gateway says."""

    @property
    def misplaced(self) -> bool:
        """Whether the end-to-end session belongs to another channel than the one we are in."""

    async def hang_up(self) -> None:
        """Let go of the server in use; this never takes long."""

    async def ask(self, *, leave_first: bool) -> None:
        """Ask the main gateway for a session and a server, as soon as it is connected itself."""

    async def await_word(self, seconds: float) -> None:
        """Wait that long, without a connection, for word from the main gateway, which stops this.

        It takes no longer if the session of the main gateway that put us here is gone.
        """

    async def greet(self) -> None:
        """Connect to that server with a new session."""

    async def resume_session(self) -> None:
        """Connect to the same server with the same session."""

    async def reallocated(self) -> None:
        """Wait until the main gateway names another server."""

    async def serve(self) -> None:
        """Handle what comes until the connection is lost, which raises."""

    async def removed_within(self, seconds: float) -> bool:
        """Wait; return early, and True, if we are taken out of the channel."""

    def came_up(self) -> None:
        """Learn that the connection stands."""

    def went_down(self, reason: str) -> None:
        """Learn that it was lost."""

    def ended(self, reason: str) -> None:
        """Learn that the call is over for good."""
