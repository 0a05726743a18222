"""One websocket of a client: a thin shell around the protocol core.

A task named `gemini-NAME-reader` reads, one named `gemini-NAME-pacer` does what the core wants done when it
is due, and short tasks compose answers in a thread. All end with the handler, which closes the websocket when
they have: beside a reader, aiohttp would end TCP at once, and a client that was just sending would see 1006
in place of the code.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import Executor
from typing import Any

from aiohttp import ClientError, WSMsgType, web

from bot.emulators.gemini.knobs import Knobs
from bot.emulators.gemini.live_pictures import look_at
from bot.emulators.gemini.log import HeardChunk, SessionLog, Turn
from bot.emulators.gemini.media_facts import UnreadableError
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.outbox import AbortSocket, CloseSocket, Look, SendFrame, Think
from bot.emulators.gemini.reply import Thought, compose
from bot.emulators.gemini.session import LiveCore, State
from bot.emulators.gemini.wire import INTERNAL

logger = logging.getLogger(__name__)

MAX_MESSAGE = 16 * 1024 * 1024
_CLOSE_S = 2.0  # for the client's half of the closing handshake
_ABNORMAL = 1006


class Connection:
    """One Live session as a test sees it: what it heard and said, and a hand to make it fail."""

    def __init__(self, core: LiveCore, knobs: Knobs, executor: Executor) -> None:
        self._core = core
        self._knobs = knobs
        self._executor = executor
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        # Pings are answered by hand, for the knob that delays the pongs. No compression: speech in base64
        # gains little by it, and it would cost the bot's process time that real calls do not cost.
        self._socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=MAX_MESSAGE, timeout=_CLOSE_S
        )

    @property
    def log(self) -> SessionLog:
        """What it heard and said."""
        return self._core.log

    @property
    def heard(self) -> deque[HeardChunk]:
        """Every chunk of audio that came in."""
        return self._core.log.heard

    @property
    def turns(self) -> deque[Turn]:
        """Every turn that ended, with its answer."""
        return self._core.log.turns

    @property
    def open(self) -> bool:
        """Whether the session goes on."""
        return self._core.state is not State.CLOSED

    def inject(self, message: Message | str) -> None:
        """Send any message, or a raw text frame, now."""
        self._core.inject(message)
        self._wake.set()

    def go_away(self, left_s: float, *, closes_after_s: float | None = None) -> None:
        """Send goAway now, and close with 1001 after a while; None: it never comes to that."""
        self._core.go_away(left_s, time.monotonic(), closes_after_s=closes_after_s)
        self._wake.set()

    def close(self, code: int, reason: str = "") -> None:
        """Close the websocket now."""
        self._core.close(code, reason)
        self._wake.set()

    def abort(self) -> None:
        """Reset the TCP connection now."""
        self._core.abort()
        self._wake.set()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Talk until either side ends it."""
        await self._socket.prepare(request)
        reader = asyncio.create_task(self._read(), name=f"gemini-{self.log.name}-reader")
        pacer = asyncio.create_task(self._pace(request), name=f"gemini-{self.log.name}-pacer")
        try:
            await asyncio.wait({reader, pacer}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done():
                self._core.lost(self._socket.close_code or _ABNORMAL)
                self._wake.set()
                await asyncio.wait({pacer}, timeout=_CLOSE_S)
        finally:
            goodbye = await self._stop(reader, pacer)
        if goodbye is not None:
            await self._socket.close(code=goodbye.code, message=goodbye.reason.encode())
        return self._socket

    async def _stop(
        self, reader: asyncio.Task[None], pacer: asyncio.Task[CloseSocket | None]
    ) -> CloseSocket | None:
        """End every task, and return how to close, if the server wants to."""
        for task in (reader, pacer, *self._tasks):
            task.cancel()
        read, paced, *_ = await asyncio.gather(reader, pacer, *self._tasks, return_exceptions=True)
        self._core.lost(_ABNORMAL)
        for failure in (read, paced):
            if isinstance(failure, Exception):
                logger.error("the loopback Gemini failed", exc_info=failure)
                return CloseSocket(INTERNAL, "Internal error encountered.")
        return paced if isinstance(paced, CloseSocket) else None

    async def _read(self) -> None:
        while True:
            if self._knobs.read_delay_s > 0.0:
                await asyncio.sleep(self._knobs.read_delay_s)
            message = await self._socket.receive()
            if message.type is WSMsgType.PING:
                self._start(self._pong(message.data), "pong")
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._core.receive(message.data, time.monotonic())
                self._wake.set()
            elif message.type is not WSMsgType.PONG:
                return

    async def _pace(self, request: web.Request) -> CloseSocket | None:
        """Do what is due until the session is over, and return how to close, if the server wants to."""
        try:
            while self.open or self._core.deadline() is not None:
                self._wake.clear()
                for action in self._core.poll(time.monotonic()):
                    if isinstance(action, CloseSocket):
                        return action  # the last one: the core takes no other after it
                    await self._do(action, request)
                if self.open or self._core.deadline() is not None:
                    await self._until(self._core.deadline())
        except (ConnectionError, ClientError):
            self._core.lost(_ABNORMAL)  # the client is gone; the reader notices too
        return None

    async def _until(self, deadline: float | None) -> None:
        if deadline is None:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _do(self, action: SendFrame | Think | Look | AbortSocket, request: web.Request) -> None:
        match action:
            case SendFrame():
                await self._socket.send_bytes(action.data.encode())  # binary frames, as the real server
            case Think():
                self._start(self._think(action.thought), "thought")
            case Look():
                self._start(self._look(action), "look")
            case AbortSocket():
                if request.transport is not None:
                    request.transport.abort()

    async def _think(self, thought: Thought) -> None:
        loop = asyncio.get_running_loop()
        try:
            composed = await loop.run_in_executor(self._executor, compose, thought)
        except Exception:  # the task's edge: the client is told, as Google tells it
            logger.exception("the loopback Gemini found no words")
            self._core.close(INTERNAL, "Internal error encountered.")
        else:
            self._core.composed(thought, composed, time.monotonic())
        self._wake.set()

    async def _look(self, look: Look) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, look_at, look.picture, look.data)
        except UnreadableError as unreadable:
            self._core.unreadable(str(unreadable))
            self._wake.set()

    async def _pong(self, data: bytes) -> None:
        if self._core.state is State.MUTE:
            return
        await asyncio.sleep(self._knobs.pong_delay_s)
        with contextlib.suppress(ConnectionError):  # too late: the client is gone
            await self._socket.pong(data)

    def _start(self, work: Coroutine[Any, Any, None], kind: str) -> None:
        task = asyncio.create_task(work, name=f"gemini-{self.log.name}-{kind}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
