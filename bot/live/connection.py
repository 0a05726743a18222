"""One Live connection after the other: the sockets and tasks that carry out what `core` decides.

Each connection has a sender and a receiver, and is closed before the next is made. All of it is on the event
loop's thread; nothing is decided here.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Iterable

from google import genai
from google.genai import errors
from google.genai.live import AsyncSession
from websockets.exceptions import ConnectionClosed, WebSocketException

from bot.latency import Latency
from bot.live.core import LiveCore
from bot.live.delivery import deliver
from bot.live.events import LiveEvent
from bot.live.failures import UNREADABLE, StrangeAnswerError, classify
from bot.live.items import Audio, Text
from bot.live.states import OVER, TALKING, LiveState

logger = logging.getLogger(__name__)

SEND_S = 10.0  # a send that waits this long has filled every buffer on the way: the other end is gone

FAILURES = (errors.APIError, WebSocketException, OSError, EOFError, StrangeAnswerError)
"""What a connection may end by."""


class Connections:
    """The connections of one session; `run` makes them."""

    def __init__(
        self,
        client: genai.Client,
        core: LiveCore,
        tell: Callable[[Iterable[LiveEvent]], None],
        *,
        name: str,
    ) -> None:
        """`tell` hears what comes of it, at once and on the event loop's thread; `name` is the tasks'."""
        self.mouth_to_live = Latency()
        """From when a datagram arrived to when the socket had taken its speech."""
        self._client = client
        self._core = core
        self._tell = tell
        self._name = name
        self._work = asyncio.Event()
        self._woken: asyncio.Future[None] | None = None

    def work(self) -> None:
        """Have the sender look what there is to say."""
        self._work.set()

    def wake(self) -> None:
        """Have it looked again what is due, where something has happened."""
        if self._core.deadline() is not None and self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def run(self) -> None:
        """Make connections until it is over."""
        while self._core.state not in OVER:
            if self._core.state is LiveState.BACKING_OFF:
                self._woken = asyncio.get_running_loop().create_future()
                await asyncio.wait({self._woken}, timeout=self._remaining_s() or 0.0)
                self._tell(self._core.poll(time.monotonic()))
            else:
                await self._connection()

    async def _connection(self) -> None:
        """Make one connection and talk over it; the socket is closed when this returns."""
        attempt = self._core.attempt()
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(self._core.patience_s):  # for setupComplete too
                    session = await self._open(stack, attempt.handle)
                self._tell(self._core.connected(time.monotonic()))
                await self._talk(session, attempt.number)
        except FAILURES as error:
            self._tell(self._core.failed(attempt.number, classify(error), time.monotonic()))
        except Exception as error:  # the edge of the task: a call must not go mute over a bug
            logger.exception("%s: unexpected", self._name)
            self._tell(self._core.failed(attempt.number, classify(error), time.monotonic()))

    async def _open(self, stack: contextlib.AsyncExitStack, handle: str | None) -> AsyncSession:
        """Connect up to setupComplete, and tell a session that could not be resumed what it is to know."""
        connecting = self._client.aio.live.connect(
            model=self._core.setup.capabilities.name, config=self._core.setup.config(handle)
        )
        try:
            session = await stack.enter_async_context(connecting)
        except ssl.SSLCertVerificationError:  # a ValueError too, and it has a sentence of its own
            raise
        except UNREADABLE as error:
            raise StrangeAnswerError from error
        if session.setup_complete is None:
            raise StrangeAnswerError
        if seed := self._core.seed():
            await deliver(session, Text(seed, answer=False))
        return session

    async def _talk(self, session: AsyncSession, number: int) -> None:
        """Send and receive until the connection fails (what ended it is raised) or is to be left."""
        sender = asyncio.create_task(self._send(session), name=f"{self._name}-sender")
        receiver = asyncio.create_task(self.receive(session, number), name=f"{self._name}-receiver")
        running: set[asyncio.Future[None]] = {sender, receiver}
        try:
            while self._core.state in TALKING:
                self._woken = asyncio.get_running_loop().create_future()
                done, _ = await asyncio.wait(
                    {*running, self._woken},
                    timeout=self._remaining_s(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done & running:
                    running.discard(task)
                    task.result()
                self._tell(self._core.poll(time.monotonic()))
                self._work.set()  # a nudge may be to be sent
        finally:
            sender.cancel()
            receiver.cancel()
            await asyncio.gather(sender, receiver, return_exceptions=True)

    async def _send(self, session: AsyncSession) -> None:
        """Send what there is to say, in order; end when the socket is closed, which the receiver reports."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                outgoing = self._core.next(time.monotonic())
                if outgoing is None:
                    self._work.clear()
                    await self._work.wait()
                    continue
                async with asyncio.timeout(SEND_S):
                    await deliver(session, outgoing.item)
                self.wake()  # an answer may be due now
                item = outgoing.item
                if isinstance(item, Audio) and item.direct and not outgoing.again:
                    self.mouth_to_live.record(time.monotonic() - item.at)
                if outgoing.pause_s:
                    await asyncio.sleep(outgoing.pause_s)

    async def receive(self, session: AsyncSession, number: int) -> None:
        """Tell what the model says until the socket is closed; that is raised after all that came before."""
        messages = session.receive()
        while True:
            try:
                message = await anext(messages)
            except StopAsyncIteration:  # the SDK's iterator ends with each turn
                messages = session.receive()
            except UNREADABLE:  # the socket is still good, and the next message may be one
                self._core.counters.unreadable_messages += 1
                messages = session.receive()
            else:
                self._tell(self._core.message(number, message, time.monotonic()))
                self._work.set()
                self.wake()

    def _remaining_s(self) -> float | None:
        deadline = self._core.deadline()
        return None if deadline is None else max(0.0, deadline - time.monotonic())
