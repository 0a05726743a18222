"""A CONNECT proxy on loopback that leads every host of Discord to the emulator, and refuses the rest."""

import asyncio
from contextlib import suppress

HOSTS = ("discord.com", "discord.gg", "discord.media", "discordapp.com", "discordapp.net")
HEAD_LIMIT = 16 * 1024  # bytes of a CONNECT request
HEAD_TIMEOUT_S = 10.0
CHUNK = 64 * 1024
CONNECTIONS = 512  # at once; more are turned away


class ConnectProxy:
    """Tunnels to one port of 127.0.0.1; nothing that it serves leaves the machine."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self.refused: list[str] = []
        """Hosts that someone wanted and did not get, the newest last (bounded)."""

    @property
    def url(self) -> str:
        """The address to give to clients as their proxy."""
        if self._server is None:
            raise RuntimeError("the proxy is not started")
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def start(self) -> None:
        """Open the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEAD_LIMIT)

    async def close(self) -> None:
        """Close the port and every tunnel."""
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()  # lets the tasks end; streams would report a cancelled one as an error
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("streams are served in tasks")
        self._serving.add(task)
        self._open.add(writer)
        try:
            if len(self._serving) > CONNECTIONS:
                await _refuse(writer, "503 Too Many Connections")
            else:
                await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # the client went away, or spoke no HTTP
        finally:
            self._serving.discard(task)
            await self._shut(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        host, _, port = rest.split(" ", 1)[0].rpartition(":")
        if method != "CONNECT":
            await _refuse(writer, "405 Method Not Allowed")
        elif port != "443" or not is_discord(host):
            self.refused = [*self.refused[-99:], host]
            await _refuse(writer, "403 Forbidden")
        else:
            await self._tunnel(reader, writer)

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._open.add(far_writer)
        try:
            writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
            await writer.drain()
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, far_writer), name="emulated proxy, out")
                both.create_task(_copy(far_reader, writer), name="emulated proxy, in")
        except* OSError:
            pass  # one side broke the connection; the other is closed below
        finally:
            await self._shut(far_writer)

    async def _shut(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def is_discord(host: str) -> bool:
    """Return whether the host is one of Discord's."""
    return any(host == known or host.endswith(f".{known}") for known in HOSTS)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end of one direction, then end it on the other side; a break ends both."""
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
