"""The thread that reads the UDP socket, on real sockets."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest
from discord.voice_state import VoiceConnectionState

from bot.voice.reader import DatagramReader


class State:
    """All that the reader asks of a connection."""

    def __init__(self) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.bind(("127.0.0.1", 0))
        self.socket = self.open()

    def open(self) -> socket.socket:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(self.server.getsockname())
        return self.socket

    def receive(self, data: bytes) -> None:
        """Let a datagram arrive."""
        self.server.sendto(data, self.socket.getsockname())


def never() -> None:
    pytest.fail("the reader failed")


@pytest.fixture
def state() -> Iterator[State]:
    state = State()
    yield state
    state.server.close()
    state.socket.close()


@pytest.fixture
def reader(state: State) -> Iterator[DatagramReader]:
    reader = DatagramReader(cast(VoiceConnectionState, state), never)
    reader.start()
    yield reader
    reader.stop()
    reader.join(5)
    assert not reader.is_alive()


class Received(list[bytes]):
    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def note(self, data: bytes) -> None:
        self.append(data)
        self.came.set()

    def wait_for(self, data: bytes) -> None:
        deadline = time.monotonic() + 10
        while data not in self:
            self.came.clear()
            assert data in self or self.came.wait(deadline - time.monotonic()), f"{data!r} did not come"


def test_datagrams_reach_every_callback(state: State, reader: DatagramReader) -> None:
    first, second = Received(), Received()
    reader.register(first.note)
    reader.register(second.note)
    reader.resume()
    for number in range(200):
        state.receive(b"%d" % number)
    first.wait_for(b"199")
    second.wait_for(b"199")
    assert first == [b"%d" % number for number in range(200)]
    reader.unregister(first.note)
    state.receive(b"later")
    second.wait_for(b"later")
    assert b"later" not in first


def test_nothing_is_read_while_paused(state: State, reader: DatagramReader) -> None:
    received = Received()
    reader.register(received.note)
    state.receive(b"early")
    time.sleep(0.05)
    assert received == []
    reader.resume()
    received.wait_for(b"early")


def test_a_callback_that_raises_harms_neither_thread_nor_others(
    state: State, reader: DatagramReader, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(data: bytes) -> None:
        raise ValueError("a broken callback")

    received = Received()
    reader.register(broken)
    reader.register(received.note)
    reader.resume()
    state.receive(b"one")
    received.wait_for(b"one")
    state.receive(b"two")
    received.wait_for(b"two")
    assert len(caplog.records) == 2


def test_a_socket_that_is_closed_and_replaced_is_never_waited_for(
    state: State, reader: DatagramReader
) -> None:
    """The next socket gets the same descriptor: discord.py's reader may sleep on for 30 s then."""
    received = Received()
    reader.register(received.note)
    for number in range(300):
        state.open()
        reader.resume()
        if number % 3:
            time.sleep(0.0005)  # with and without time for the thread to begin to wait
        state.receive(b"socket %d" % number)
        received.wait_for(b"socket %d" % number)
        reader.close_socket()


def test_it_ends_at_once_whatever_it_waits_for() -> None:
    for paused in (True, False):
        state = State()
        reader = DatagramReader(cast(VoiceConnectionState, state), never)
        reader.start()
        if not paused:
            reader.resume()
            time.sleep(0.02)
        began = time.monotonic()
        reader.stop()
        reader.join(10)
        assert not reader.is_alive()
        assert time.monotonic() - began < 5  # not the 30 s of a select
        reader.stop()
        state.server.close()
        state.socket.close()


def test_a_refused_datagram_is_no_reason_to_stop(state: State, reader: DatagramReader) -> None:
    received = Received()
    reader.register(received.note)
    reader.resume()
    address = state.server.getsockname()
    state.server.close()
    state.socket.send(b"nobody is there")  # answered by ICMP, which the next read reports
    time.sleep(0.05)
    state.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    state.server.bind(address)
    state.receive(b"somebody is")
    received.wait_for(b"somebody is")
