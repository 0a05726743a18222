"""The thread that reads a call's UDP socket, in place of discord.py's.

discord.py's waits for the socket alone, with `select`. Closing a socket does not end such a wait, and
shutting it down before only does so if the thread gets to run in between: the kernel looks the descriptor up
again when it wakes, finds none, or that of the next socket, and goes on waiting for up to 30 s. During a
reconnect that is 30 s of deafness. This one waits for a second descriptor too, by which it is woken.
"""

import logging
import select
import socket as sockets
import threading
from collections.abc import Callable
from typing import Any

from discord.voice_state import SocketReader, VoiceConnectionState

logger = logging.getLogger(__name__)

BATCH = 64  # datagrams read before the descriptors are looked at again
LARGEST = 2048  # bytes; Discord's packets fit into an Ethernet frame
MISTAKE_S = 0.01  # a pause where the socket can't be waited for, so that no mistake makes the thread spin


class DatagramReader(SocketReader):
    """Gives each datagram to the callbacks, on its own thread, or on that of `read_now`; made paused.

    `failed` is called on that thread where it ends by a mistake, after which nothing is read any more.
    """

    def __init__(self, state: VoiceConnectionState, failed: Callable[[], None]) -> None:
        super().__init__(state)
        self._failed = failed
        self._wake_out, self._wake_in = sockets.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self.socket_lock = threading.Lock()
        """Held while the socket is read, written or closed: no thread may hit whose descriptor it is next."""

    def successor(self) -> "DatagramReader":
        """Return another reader, not started yet, for the place of this one, whose thread has failed."""
        successor = DatagramReader(self.state, self._failed)
        successor.socket_lock = self.socket_lock
        successor._callbacks = self._callbacks
        if self._running.is_set():
            successor.resume()
        return successor

    def register(self, callback: Callable[[bytes], Any]) -> None:
        """Call this with each datagram; what it raises is logged."""
        self._callbacks = [*self._callbacks, callback]

    def unregister(self, callback: Callable[[bytes], Any]) -> None:
        """Call this no more."""
        self._callbacks = [each for each in self._callbacks if each != callback]

    def pause(self) -> None:
        """Read nothing from now on, and let go of the socket."""
        self._running.clear()
        self._wake()

    def resume(self, *, force: bool = False) -> None:
        """Read the socket that the state has now."""
        self._running.set()

    def stop(self) -> None:
        """End the thread; it takes microseconds."""
        self._end.set()
        self._running.set()
        self._wake()

    def close_socket(self) -> None:
        """Pause, and close the state's socket."""
        self.pause()
        with self.socket_lock:
            self.state.socket.close()

    def read_now(self) -> None:
        """Hand over what waits in the socket, on this thread: the reader's may not have got to run."""
        if self._running.is_set() and not self._end.is_set():
            self._read(self.state.socket)

    def run(self) -> None:
        """Read until stopped."""
        try:
            while not self._end.is_set():
                if self._running.wait():
                    self._wait_and_read(self.state.socket)
        except Exception:  # the thread's outermost edge
            logger.exception("Reading the voice socket failed")
            self._failed()
        finally:
            self._wake_in.close()
            self._wake_out.close()

    def _wait_and_read(self, socket: sockets.socket) -> None:
        poller = select.poll()
        poller.register(self._wake_out, select.POLLIN)
        try:
            poller.register(socket, select.POLLIN)
        except (ValueError, TypeError):  # it was closed just now, or there never was one
            self._end.wait(MISTAKE_S)
            return
        for descriptor, event in poller.poll():
            if descriptor == self._wake_out.fileno():
                self._drain_wakes()
            elif event & select.POLLNVAL:
                self._end.wait(MISTAKE_S)
            else:
                self._read(socket)

    def _read(self, socket: sockets.socket) -> None:
        for _ in range(BATCH):
            try:
                with self.socket_lock:
                    data = socket.recv(LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                logger.debug("Reading the voice socket: %s", error)  # closed, or the other end refuses
                return
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        for callback in self._callbacks:
            try:
                callback(data)
            except Exception:  # the edge to the callback: its trouble must not make the call deaf
                logger.exception("Handling a datagram failed")

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except OSError:  # enough wakes are waiting, or the thread has ended
            return

    def _drain_wakes(self) -> None:
        try:
            self._wake_out.recv(LARGEST)
        except OSError:
            return
