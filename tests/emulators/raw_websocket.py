"""A websocket client that can leave the closing handshake open, which no library does."""

import asyncio
import base64
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CLOSE = 8  # opcode (RFC 6455, 5.2)
_LONGER = {126: 2, 127: 8}  # length code -> bytes of the length that follows


class RawWebSocket:
    """Frames as they are; nothing is answered by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size in _LONGER:
            size = int.from_bytes(await self._reader.readexactly(_LONGER[size]), "big")
        return first & 0x0F, await self._reader.readexactly(size)

    async def close_frame(self) -> tuple[int, str]:
        """Read up to the server's close frame, and return its code and reason."""
        while True:
            opcode, payload = await self.frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    async def send(self, opcode: int, payload: bytes) -> None:
        """Send one short frame; the mask of zeros leaves the payload as it is."""
        assert len(payload) < 126
        self._writer.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)
        await self._writer.drain()

    async def dropped_within(self, seconds: float) -> bool:
        """Return whether the server ends TCP so soon."""
        try:
            async with asyncio.timeout(seconds):
                while await self._reader.read(4096):
                    pass
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def raw_websocket(
    port: int, tls: ssl.SSLContext, path: str, *headers: str
) -> AsyncIterator[RawWebSocket]:
    """Open a websocket on a port of loopback; "Host: ..." is one of the headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    lines = [f"GET {path} HTTP/1.1", *headers, *upgrade, f"Sec-WebSocket-Key: {key}", "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer.split(b"\r\n", 1)[0], answer
    try:
        yield RawWebSocket(reader, writer)
    finally:
        writer.transport.abort()
