"""What makes the bot speak in a call: the playout buffer, its turns on the send clock, its SPEAKING state.

Discord wants to be told (op 5) before the first packet of a talkspurt. The event loop tells it, the clock's
thread sends the packets; so the first packet waits for the announcement, but not for long.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bot.voice.clock import SendClock
from bot.voice.outlet import Outlet
from bot.voice.playout import Playout, Sending

logger = logging.getLogger(__name__)

# Usually one turn of the loop. On a loop that is busy for longer the words are worth more than their order.
ANNOUNCE_S = 0.020


class Mouth:
    """One call's sender on the clock. `announce(speaking)` sends op 5; it may raise OSError or RuntimeError.

    Made, opened and closed on the event loop's thread.
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: SendClock,
        outlet: Outlet,
        announce: Callable[[bool], Awaitable[None]],
        name: str,
    ) -> None:
        self.playout = Playout(self._playout_changed)
        self._loop = loop
        self._clock = clock
        self._outlet = outlet
        self._announce = announce
        self._name = name
        self._connected = False
        self._announced = False
        self._active_since = 0.0
        self._announcing: asyncio.Task[None] | None = None
        self.punctuality = clock.register(self)
        """How late this call's packets were sent."""

    # -- on the clock's thread

    def wake_at(self, now: float) -> float | None:
        """Return when a tick is wanted; a talkspurt's first a little later unless it is announced."""
        wanted = self.playout.wake_at(now)
        if wanted is None or self._announced:
            return wanted
        return max(wanted, self._active_since + ANNOUNCE_S)

    def tick(self, now: float) -> None:
        """Send the packet that is due."""
        self.playout.play(now, lambda packet: self._send(packet, now))

    def _send(self, packet: bytes, now: float) -> Sending:
        return self._outlet.send(packet, now)

    # -- on the event loop

    def connected(self) -> None:
        """Open the way: a new connection hears of us by a few frames of silence."""
        self._connected = True
        self.playout.prime()
        self._active_since = time.monotonic()
        self._sync()

    def disconnected(self) -> None:
        """Note that the connection is lost; what plays is held for a while."""
        self._connected = self._announced = False

    async def close(self) -> None:
        """Leave the clock; nothing is sent after this."""
        self._clock.unregister(self)
        self.disconnected()
        if self._announcing is not None:
            self._announcing.cancel()
            await asyncio.gather(self._announcing, return_exceptions=True)

    def _playout_changed(self, active: bool) -> None:
        """Follow the playout buffer, on whichever thread it changed."""
        if active:
            self._active_since = time.monotonic()
            self._clock.wake()
        try:
            self._loop.call_soon_threadsafe(self._sync)
        except RuntimeError:  # the loop was closed: the program is ending
            logger.debug("The playout of %s outlived its event loop", self._name)

    def _sync(self) -> None:
        """Let one task bring what Discord was told in line with what is so."""
        idle = self._announcing is None or self._announcing.done()
        if self._connected and idle and self.playout.active != self._announced:
            self._announcing = asyncio.create_task(self._tell(), name=f"{self._name}-speaking")

    async def _tell(self) -> None:
        while self._connected and (active := self.playout.active) != self._announced:
            try:
                await self._announce(active)
            except (OSError, RuntimeError) as error:
                logger.debug("SPEAKING could not be sent in %s: %s", self._name, error)
                return  # the connection is lost, and the next one begins with this
            self._announced = active
            self._clock.wake()
