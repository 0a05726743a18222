"""How a call's voice connection is: what `/status` shows of it, and what people are told in the text channel.

They read once that it is lost or of no use, and once that it is well again.
"""

import asyncio
from collections.abc import Callable

from bot.voice.events import Connected, Deaf, Disconnected, Ended, Undeafened, VoiceEvent

LOST = "I lost the connection to the voice channel. I try again and say so here when I am back."
WELL = "My voice connection works again."
TELL_S = 5.0  # silence that people ask themselves about; a usual reconnect takes 2 s


class VoiceHealth:
    """One call's; `tell(sentence)` is called on the event loop."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.state = "connecting"
        """A clause or sentence to show."""
        self._tell = tell
        self._hopeless = ""  # what was told of a connection that stands, while that is so
        self._lost = False  # that the connection is lost was told, and not yet that it is back
        self._telling: asyncio.TimerHandle | None = None

    def take(self, event: VoiceEvent) -> None:
        """Take what the voice client tells; what is not about the connection changes nothing."""
        match event:
            case Connected():
                self.state = self._hopeless or "connected"
                self._tell_later(lost=False)
            case Disconnected(reason):
                self.state = f"reconnecting: {reason}"
                self._tell_later(lost=True)
            case Deaf(_, reason, hopeless):
                self.state = reason
                if hopeless and reason != self._hopeless:
                    self._hopeless = reason
                    self._tell(reason)
            case Undeafened():
                self.state, self._hopeless = "connected", ""
                if not self._lost:  # else it is told with that
                    self._tell(WELL)
            case Ended():
                self.state = "ended"
                self.close()

    def close(self) -> None:
        """Tell nothing any more."""
        if self._telling is not None:
            self._telling.cancel()

    def _tell_later(self, *, lost: bool) -> None:
        """Tell of an outage, or of its end, unless it is over by then: a connection may come and go."""
        self.close()
        if lost is not self._lost:
            self._telling = asyncio.get_running_loop().call_later(TELL_S, self._tell_outage, lost)

    def _tell_outage(self, lost: bool) -> None:
        self._lost = lost
        self._tell(LOST if lost else self._hopeless or WELL)
