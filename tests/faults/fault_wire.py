"""A wire to the loopback Gemini that can be cut, without an end being told: below TLS, where no script is."""

import asyncio
import contextlib
import socket
from typing import Self

from dead_end import drop_all

_CHUNK = 65536
DROPPED_S = 60.0  # a connection in which nothing passes is not closed before


class Wire:
    """Forwards TCP to a port of loopback; use as an async context manager."""

    def __init__(self, port: int) -> None:
        self.port = 0
        """Where to connect to."""
        self.dead = False
        """Whether connections are taken, and nothing that is sent gets anywhere, either way."""
        self.dead_next = 0
        """How many of the next connections are so."""
        self._to = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lost: set[asyncio.Task[None]] = set()
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._servers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._held_s: dict[asyncio.Task[None], float] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def lose(self) -> None:
        """Let nothing more pass on the connections that there are; new ones are good."""
        self._lost |= self._tasks

    def drop(self, *, held_s: float) -> None:
        """Let the kernel drop what comes from the bot on the connections that there are, unacknowledged.

        The server hears of it after a while, the bot never.
        """
        for task, writer in self._writers.items():
            self._held_s[task] = DROPPED_S
            asyncio.get_running_loop().call_later(held_s, self._servers[task].transport.abort)
            end = writer.get_extra_info("socket")
            with socket.socket(fileno=socket.dup(end.fileno())) as raw:
                drop_all(raw)

    def cut(self, *, held_s: float) -> None:
        """Reset the connections that there are; the server hears of it only after a while."""
        for task, writer in self._writers.items():
            self._held_s[task] = held_s
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("fault-wire")
        self._tasks.add(task)
        self._writers[task] = writer
        try:
            await self._forward(task, reader, writer)
        finally:
            self._tasks.discard(task)
            self._lost.discard(task)
            del self._writers[task]
            self._held_s.pop(task, None)
            self._servers.pop(task, None)
            writer.transport.abort()

    async def _forward(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.dead or self.dead_next:
            self.dead_next = max(0, self.dead_next - 1)
            await _drained(reader)
            return
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._to)
        self._servers[task] = there
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(task, reader, there), name="fault-wire-out")
                group.create_task(self._pump(task, there_reader, writer), name="fault-wire-in")
        except* ConnectionError:
            # one end is gone, and so is the other now
            await asyncio.sleep(self._held_s.get(task, 0.0))
        finally:
            there.transport.abort()

    async def _pump(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(_CHUNK):
            if task not in self._lost:
                writer.write(data)
                await writer.drain()
        raise ConnectionResetError


async def _drained(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(_CHUNK):
            pass
