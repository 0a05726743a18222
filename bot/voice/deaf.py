"""Looks whether a call that looks connected is deaf or mute, tells of it, and does what can be done about it.

What that is, new keys or a new connection, `bot.voice.watchdog` decides.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from bot.tasks import end
from bot.voice.connection import VoiceConnection
from bot.voice.events import Deaf, Undeafened, VoiceEvent
from bot.voice.receive import ReceivePipeline
from bot.voice.recovery import Closure, Remedy

logger = logging.getLogger(__name__)

LOOK_S = 1.0  # that nobody lets us in shows in no datagram

_USELESS = Closure(Remedy.REJOIN, "no speech gets through, though the connection stands")


class Lookout:
    """One call's; `look` after each batch of datagrams, it looks once a second by itself while connected."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: VoiceConnection,
        pipeline: ReceivePipeline,
        emit: Callable[[Iterable[VoiceEvent]], None],
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._pipeline = pipeline
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        self._recovery: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch a connection that came up."""
        self.pause()
        self._timer = self._loop.call_later(LOOK_S, self._look_again)

    def pause(self) -> None:
        """Expect nothing while the connection is down; what was missed before says nothing after it."""
        self._pipeline.watchdog.reset()
        if self._timer is not None:
            self._timer.cancel()

    async def close(self) -> None:
        """Let go of the timer and the task."""
        self.pause()
        if self._recovery is not None:
            await end(self._recovery)

    def look(self) -> None:
        """Do what is due now."""
        if not self._connection.is_connected():
            return
        now = time.monotonic()
        alarm = self._pipeline.look(now)
        if self._pipeline.watchdog.over():
            self._emit([Undeafened()])
        keys = self._pipeline.watchdog.wants_keys(now)
        if alarm is not None:
            logger.warning("%s: %s", self._connection.name, alarm.reason)
            self._emit([Deaf(alarm.users, alarm.reason, hopeless=not alarm.rejoin)])
            if alarm.rejoin:
                self._connection.give_up(_USELESS)
                return
        idle = self._recovery is None or self._recovery.done()
        if (keys or self._pipeline.wants_recovery) and idle:
            self._pipeline.recovery_taken()
            self._recovery = asyncio.create_task(self._recover(), name=f"{self._connection.name}-deaf")

    def _look_again(self) -> None:
        self._timer = self._loop.call_later(LOOK_S, self._look_again)
        self.look()

    async def _recover(self) -> None:
        try:
            await self._connection.recover_dave()
        except (OSError, RuntimeError) as error:
            logger.debug("%s: lost the connection before the recovery: %s", self._connection.name, error)
