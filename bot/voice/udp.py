"""The UDP side of a connection's state: the socket, the thread that reads it, and the keepalive.

Whatever of it fails is replaced, or costs a new connection: a call must not be deaf and look connected.
"""

import asyncio
import logging
import socket as sockets
import time
from abc import ABC, abstractmethod
from typing import Any

import discord
from discord.utils import MISSING
from discord.voice_state import SocketReader

from bot.tasks import end
from bot.voice.encryption import EncryptedState
from bot.voice.gateway import VoiceGateway, build_discovery
from bot.voice.keepalive import PathWatch, keep_alive
from bot.voice.observer import Observer
from bot.voice.reader import DatagramReader
from bot.voice.recovery import Closure, Remedy, rejoin_pace

logger = logging.getLogger(__name__)

# Two seconds of a full channel: the kernel counts about 770 bytes for a frame, and doubles what is asked for.
# As it is set up by default it grants a fifth of this, and without asking a tenth.
KEPT_BYTES = 1 << 20
READER_CHECKS, READER_CHECK_S = 250, 0.002  # it ends within microseconds
READER_PAUSE_S = 1.0  # between two readers, so that one that can't live costs a line in the log a second

_PATH_DEAD = Closure(Remedy.REJOIN, "no sound comes through from the voice server")
_BROKEN = Closure(Remedy.REJOIN, "a part of my voice connection failed")


class UdpState(EncryptedState, ABC):
    """The part of a connection's state that deals with datagrams."""

    def __init__(self, voice_client: discord.VoiceClient, observer: Observer) -> None:
        super().__init__(voice_client, observer)
        self.dead_paths = 0
        """How often no datagram came through any more, and the connection was given up for it."""
        self.failed_parts = 0
        """Threads and tasks that failed and were replaced."""
        self._path: PathWatch | None = None
        self._rejoin_pace = rejoin_pace()
        self._keepalive: asyncio.Task[None] | None = None
        self._over = False
        self.add_socket_listener(self._datagram)

    @abstractmethod
    def give_up(self, lost: Closure) -> bool:
        """Take a connection that stands for lost, if there is one; return whether there was."""

    def received(self, op: int, data: Any) -> None:
        """Pass on a message after discord.py handled it."""
        super().received(op, data)
        path = self._path
        if op == VoiceGateway.SPEAKING and path is not None and data.get("speaking"):
            path.speaking(time.monotonic())

    # -- the socket

    def _create_socket(self) -> None:
        """Make a socket that keeps what comes while this process doesn't get to run."""
        super()._create_socket()
        self.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, KEPT_BYTES)

    def send_packet(self, packet: bytes) -> None:
        """Send a datagram, from any thread; raise OSError where it can't be sent now."""
        with self._reader.socket_lock:
            self.socket.send(packet)

    def read_now(self) -> None:
        """Take what waits in the socket, rather than wait for the reader's thread."""
        self._reader.read_now()

    def _datagram(self, data: bytes) -> None:
        """Take a datagram, on any thread; an empty one is what a socket gives while it is shut."""
        path = self._path
        if data and path is not None:
            path.inbound(data, time.monotonic())
        self.observer.datagram(data)

    def _close_udp(self) -> None:
        if self.socket is not MISSING:
            # The closed object stays: the reader's thread may look at it once more.
            self._reader.close_socket()

    # -- the reader's thread

    @property
    def _socket_reader(self) -> DatagramReader:
        return self._reader

    @_socket_reader.setter
    def _socket_reader(self, reader: SocketReader) -> None:
        """Take our reader where discord.py's constructor assigns its own, which it has not started yet."""
        self._reader = DatagramReader(self, self._reader_failed)

    def _reader_failed(self) -> None:
        """Have another reader take the place of one whose thread has failed; called on that thread."""
        try:
            self.voice_client.loop.call_soon_threadsafe(self._replace_reader)
        except RuntimeError:  # the loop was closed: the program is ending
            logger.debug("%s: the reader outlived its event loop", self.name)

    def _replace_reader(self) -> None:
        if self._over:
            return
        pause_s = READER_PAUSE_S if self.failed_parts else 0.0
        self.failed_parts += 1
        self._reader = self._reader.successor()
        self.voice_client.loop.call_later(pause_s, self._reader.start)

    async def _reader_ended(self) -> None:
        for _ in range(READER_CHECKS):
            if not self._socket_reader.is_alive():
                return
            await asyncio.sleep(READER_CHECK_S)
        logger.warning("%s: the socket reader's thread did not end", self.name)

    # -- the keepalive

    def _keep_path(self) -> None:
        """Keep the way of the socket that was just connected open, and watch it."""
        self._path = PathWatch(time.monotonic())
        work = keep_alive(self._path, self.send_packet, build_discovery(self.ssrc), self._path_is_dead)
        self._keepalive = asyncio.create_task(work, name=f"{self.name}-keepalive")
        self._keepalive.add_done_callback(self._keepalive_ended)

    async def _forget_path(self) -> None:
        self._path = None
        if self._keepalive is not None:
            await end(self._keepalive)

    def _keepalive_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            logger.error("%s: the keepalive failed", self.name, exc_info=task.exception())
            self.failed_parts += 1
            self.renew()

    def _path_is_dead(self) -> None:
        if self.is_connected() and self._rejoin_pace.wait(time.monotonic()) == 0.0:
            self.dead_paths += self.give_up(_PATH_DEAD)

    def renew(self) -> None:
        """Connect anew, since something failed within; not over and over."""
        if self.is_connected() and self._rejoin_pace.wait(time.monotonic()) == 0.0:
            self.give_up(_BROKEN)
