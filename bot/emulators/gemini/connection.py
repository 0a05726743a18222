"""One websocket of a client: a thin shell around the protocol core.

The handler reads, a task named `gemini-NAME-pacer` does what the core wants done when it is due, and short
tasks compose answers in a thread. All end with the handler.
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
from bot.emulators.gemini.log import HeardChunk, SessionLog, Turn
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.outbox import AbortSocket, Action, CloseSocket, SendFrame, Think
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
        pacer = asyncio.create_task(self._pace(request), name=f"gemini-{self.log.name}-pacer")
        try:
            await self._read()
        finally:
            self._core.lost(self._socket.close_code or _ABNORMAL)
            self._wake.set()
            # The pacer may be in the closing handshake; that is bounded, and so is this.
            await asyncio.wait({pacer}, timeout=2 * _CLOSE_S)
            for task in (pacer, *self._tasks):
                task.cancel()
            await asyncio.gather(pacer, *self._tasks, return_exceptions=True)
        return self._socket

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

    async def _pace(self, request: web.Request) -> None:
        try:
            while True:
                self._wake.clear()
                for action in self._core.poll(time.monotonic()):
                    await self._do(action, request)
                if not self.open and self._core.deadline() is None:
                    return
                await self._until(self._core.deadline())
        except (ConnectionError, ClientError):
            self._core.lost(_ABNORMAL)  # the client is gone; the reader notices too
        except Exception:
            logger.exception("the loopback Gemini failed")
            await self._socket.close(code=INTERNAL, message=b"Internal error encountered.")

    async def _until(self, deadline: float | None) -> None:
        if deadline is None:
            await self._wake.wait()
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _do(self, action: Action, request: web.Request) -> None:
        match action:
            case SendFrame():
                await self._socket.send_bytes(action.data.encode())  # binary frames, as the real server
            case Think():
                self._start(self._think(action.thought), "thought")
            case CloseSocket():
                await self._socket.close(code=action.code, message=action.reason.encode())
            case AbortSocket():
                if request.transport is not None:
                    request.transport.abort()

    async def _think(self, thought: Thought) -> None:
        loop = asyncio.get_running_loop()
        try:
            composed = await loop.run_in_executor(self._executor, compose, thought)
        except Exception:
            logger.exception("the loopback Gemini found no words")
            self._core.close(INTERNAL, "Internal error encountered.")
        else:
            self._core.composed(thought, composed, time.monotonic())
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
