"""The voice server's UDP port, which loses nothing of its own accord: what is lost is to be lost on purpose.

asyncio's own transport reads one datagram in a turn of the loop. On a machine that is busy a turn takes
longer than speakers take for the next datagrams, and what the kernel can't keep it drops.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]

BATCH = 256  # datagrams in a turn of the loop: some ms
LARGEST = 65_535
BUFFER_BYTES = 4 << 20  # that the kernel may keep: thousands of datagrams, seconds of many speakers


class UdpPort:
    """A bound socket on the running loop; `take(datagram, sender)` gets each datagram."""

    def __init__(self, host: str, take: Callable[[bytes, Address], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
        self._socket.bind((host, 0))
        self.number: int = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket, self._read)
        self._open = True

    def send(self, datagram: bytes, to: Address) -> None:
        """Send a datagram, unless the port is closed; one that can't be sent is lost, as on any network."""
        if self._open:
            with contextlib.suppress(OSError):
                self._socket.sendto(datagram, to)

    def close(self) -> None:
        """Close the port; harmless when it is closed."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(BATCH):
            try:
                datagram, sender = self._socket.recvfrom(LARGEST)
            except OSError:  # nothing more is there, or what was sent was refused
                return
            self._take(datagram, sender)
            if not self._open:
                return
