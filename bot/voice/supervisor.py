"""The one task that keeps a voice connection up: it connects, serves, and decides what to do when it is lost.

`news` is called whenever the main gateway said something. If that makes pointless what the task is doing (we
were moved, kicked, or given another server), it is stopped, and the next step is chosen from what is known.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp
import discord

from bot.errors import reason_of
from bot.tasks import end
from bot.voice import recovery
from bot.voice.errors import VoiceError
from bot.voice.gateway import NoCommonModeError
from bot.voice.recovery import Closure, Remedy
from bot.voice.steps import TRANSITIONS, Connection, Phase, Step

logger = logging.getLogger(__name__)

# After 4014 the main gateway tells within a moment whether we were moved or kicked; discord.py waits 30 s.
AWAIT_WORD_S = 5.0
# With a move, our new channel and the new server are told in any order, milliseconds apart.
SETTLE_S = 1.0
REALLOCATE_S = 30.0  # Discord says that the server is gone and another will be named

# How a connection is lost, or an attempt fails, without anything being wrong with the program.
_EXPECTED = (discord.ConnectionClosed, NoCommonModeError, OSError, aiohttp.ClientError)

_LOST = Closure(Remedy.RESUME, "the connection to the voice server broke")


class _Changed(Exception):  # noqa: N818 - not an error: the main gateway said something
    pass


class _GivenUp(Exception):  # noqa: N818 - somebody noticed that the connection is of no use
    def __init__(self, lost: Closure) -> None:
        super().__init__(lost.reason)
        self.lost = lost


class _Over(Exception):  # noqa: N818 - not an error: the call ends; the argument is the reason
    pass


class Supervisor:
    """Owns the task. `start` once, `stop` once; between them it reports to the connection."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.phase = Phase.NEW
        self._connection = connection
        self._name = name
        self._reconnect = True
        self._retries = recovery.Retries()
        self._task: asyncio.Task[None] | None = None
        self._work: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._given_up: Closure | None = None

    async def start(self, *, reconnect: bool) -> None:
        """Connect, and keep connected from then on; raise VoiceError if the first attempt ends the call."""
        self._reconnect = reconnect
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name=f"{self._name}-supervisor")
        await self._first

    async def stop(self) -> None:
        """End the task, whatever it is doing; a `start` that still waits for it raises VoiceError."""
        if self._task is not None:
            await end(self._task)
        if self._first is not None and not self._first.done():
            self._first.set_exception(VoiceError(recovery.NOT_WANTED))
        if self.phase is not Phase.ENDED:
            self._enter(Phase.ENDED)

    def news(self) -> None:
        """Look anew at what the main gateway said; stop what it made pointless."""
        if self._work is not None and self._outdated():
            self._work.cancel()

    def give_up(self, lost: Closure) -> bool:
        """Take a connection that stands for lost in this way; return whether there was one to be given up.

        For what the websocket doesn't show: no datagram comes any more, or none can be heard.
        """
        if self.phase is not Phase.CONNECTED or self._work is None:
            return False
        self._given_up = lost
        self._work.cancel()
        return True

    def _outdated(self) -> bool:
        connection = self._connection
        # In the other phases the end-to-end session is one of before, and its channel says nothing.
        misplaced = self.phase in (Phase.CONNECTED, Phase.AWAITING) and connection.misplaced
        return connection.removed or connection.stale or misplaced

    def _enter(self, phase: Phase) -> None:
        if phase not in TRANSITIONS[self.phase]:
            raise RuntimeError(f"a voice connection can't go from {self.phase.value} to {phase.value}")
        logger.debug("%s: %s -> %s", self._name, self.phase.value, phase.value)
        self.phase = phase

    async def _run(self) -> None:
        try:
            await self._keep_up()
        except _Over as over:
            reason = str(over)
        except Exception:  # the outermost edge: a call must not end up deaf and look connected
            logger.exception("%s: the supervisor failed", self._name)
            reason = recovery.BROKEN
        self._enter(Phase.ENDED)
        if self._first is not None and not self._first.done():
            self._first.set_exception(VoiceError(reason))
        else:
            self._connection.ended(reason)

    async def _keep_up(self) -> None:
        """Connect and serve until the call is over, which raises _Over."""
        step = Step.ASK
        while True:
            try:
                await self._establish(step)
                self._came_up()
                await self._do(self._connection.serve(), "poller")
                lost = _LOST
            except _Changed:
                self._went_down("the call moves to another voice server")
                step = self._after_change()
                continue
            except _GivenUp as given_up:
                lost = given_up.lost
            except discord.ConnectionClosed as closed:
                lost = recovery.closure(closed.code)
            except NoCommonModeError as error:
                raise _Over(recovery.NO_ENCRYPTION) from error
            except (OSError, aiohttp.ClientError) as error:
                logger.info("%s: %s failed: %s", self._name, self.phase.value, reason_of(error))
                lost = _LOST
            failed_in = self.phase
            self._went_down(lost.reason)
            step = await self._after_loss(failed_in, step, lost)

    async def _establish(self, step: Step) -> None:
        """Go the way to CONNECTED that the step begins."""
        connection = self._connection
        match step:
            case Step.ASK | Step.REASK:
                self._enter(Phase.ASKING)
                await self._do(connection.ask(leave_first=step is Step.REASK), "asking")
            case Step.RESUME:
                self._enter(Phase.RESUMING)
                await self._do(connection.resume_session(), "resuming")
                return
            case Step.AWAIT:
                self._enter(Phase.AWAITING)
                await self._do(connection.await_word(AWAIT_WORD_S), "waiting")
                if connection.evicted:
                    raise _Over(recovery.GONE)
                self._enter(Phase.ASKING)
                await self._do(connection.ask(leave_first=True), "asking")
            case Step.SETTLE:
                await self._do(asyncio.sleep(SETTLE_S), "waiting")
            case Step.REALLOCATE:
                await self._reallocate()
            case Step.GREET:
                pass
        self._enter(Phase.GREETING)
        await connection.hang_up()  # from here on the old server is no reason to stop
        await self._do(connection.greet(), "greeting")

    async def _reallocate(self) -> None:
        await self._connection.hang_up()
        try:
            async with asyncio.timeout(REALLOCATE_S):
                await self._do(self._connection.reallocated(), "waiting")
        except TimeoutError as error:
            raise _Over(recovery.GAVE_UP) from error

    async def _do(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Run the work as a task that `news` can stop; raise _Changed if it did, else what it raises."""
        task = self._work = asyncio.create_task(work, name=f"{self._name}-{what}")
        try:
            if not self._outdated():
                await asyncio.wait({task})
        finally:
            self._work = None
            await end(task)
        given_up, self._given_up = self._given_up, None
        if given_up is not None and not self._outdated():
            raise _GivenUp(given_up)
        if task.cancelled() or self._outdated():
            raise _Changed
        error = task.exception()
        if error is None or isinstance(error, _EXPECTED):
            task.result()
        elif error is not None:
            # A bug, ours or a library's, must cost a reconnect and a line in the log, not the call.
            logger.error("%s: %s failed", self._name, what, exc_info=error)
            raise ConnectionError("see the log") from error

    def _came_up(self) -> None:
        self._enter(Phase.CONNECTED)
        self._retries.connected(time.monotonic())
        self._connection.came_up()
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _went_down(self, reason: str) -> None:
        was_up = self.phase is Phase.CONNECTED
        if self.phase is not Phase.WAITING:
            self._enter(Phase.WAITING)
        if was_up:
            self._connection.went_down(reason)

    def _after_change(self) -> Step:
        connection = self._connection
        if connection.removed:
            raise _Over(recovery.GONE)
        if not connection.granted:
            return Step.REALLOCATE
        return Step.GREET if connection.stale else Step.SETTLE

    async def _after_loss(self, failed_in: Phase, step: Step, lost: Closure) -> Step:
        """Choose the way on after a lost connection or a failed attempt."""
        was_up = failed_in is Phase.CONNECTED
        if lost.remedy is Remedy.END:
            raise _Over(lost.reason)
        if not self._reconnect and self._first is not None and self._first.done():
            raise _Over(recovery.GAVE_UP)
        delay = self._retries.lost(time.monotonic())
        if delay is None:
            raise _Over(recovery.GAVE_UP)
        if failed_in is Phase.RESUMING:  # that the session is gone says nothing against another one
            delay = 0.0
        if lost.remedy is Remedy.AWAIT and was_up:
            return Step.AWAIT
        if await self._connection.removed_within(delay):
            raise _Over(recovery.GONE)
        if lost.remedy is Remedy.RESUME and was_up:
            return Step.RESUME
        return Step.REASK if step in (Step.ASK, Step.REASK) and not was_up else Step.ASK
