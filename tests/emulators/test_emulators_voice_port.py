"""The loopback voice server's UDP port loses and delays nothing by itself, however busy the event loop is."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from bot.emulators.discord.voice.delays import Delays
from bot.emulators.discord.voice.port import Address, UdpPort

MANY = 400  # datagrams: more than the kernel keeps unless asked, less than where it lets nobody ask for much
SIZE = 160  # bytes: a frame of speech
HOST = "127.0.0.1"


@pytest.fixture
def delays() -> Iterator[Delays]:
    made = Delays()
    yield made
    made.close()


def blast(number: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for count in range(MANY):
            sender.sendto(count.to_bytes(SIZE, "big"), (HOST, number))


async def test_what_comes_while_the_loop_is_blocked_is_all_there_within_a_few_turns() -> None:
    taken: list[int] = []
    port = UdpPort(HOST, lambda data, sender: taken.append(int.from_bytes(data, "big")))
    try:
        blast(port.number)  # the loop is blocked meanwhile
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        port.close()
    assert taken == list(range(MANY))


async def test_a_port_answers_whom_it_heard_and_is_silent_once_closed() -> None:
    answered: list[Address] = []

    def answer(data: bytes, sender: Address) -> None:
        answered.append(sender)
        port.send(data[::-1], sender)

    port = UdpPort(HOST, answer)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(5.0)
        peer.bind((HOST, 0))
        peer.sendto(b"abc", (HOST, port.number))
        assert await asyncio.to_thread(peer.recv, 10) == b"cba"
        assert answered == [peer.getsockname()]
        port.close()
        port.close()
        port.send(b"late", peer.getsockname())
        peer.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.recv(10)


async def test_a_delay_does_not_grow_while_the_loop_is_blocked(delays: Delays) -> None:
    done: list[float] = []
    began = time.monotonic()
    delays.later(0.03, 7, lambda: done.append(time.monotonic() - began))
    time.sleep(0.2)  # noqa: ASYNC251 - what another part of a test may do
    assert len(done) == 1
    assert 0.03 <= done[0] < 0.15


def test_delays_are_kept_in_order_and_a_failure_costs_no_other(delays: Delays) -> None:
    done: list[str] = []

    def fail() -> None:
        raise ValueError("a bug of a test")

    delays.later(0.06, 7, lambda: done.append("last"))
    delays.later(0.02, 7, lambda: done.append("first"))
    delays.later(0.02, 7, fail)
    delays.later(0.02, 7, lambda: done.append("second"))
    deadline = time.monotonic() + 5.0
    while len(done) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == ["first", "second", "last"]


def test_what_waits_at_the_end_is_not_done() -> None:
    made, done = Delays(), list[int]()
    made.later(0.05, 7, lambda: done.append(1))
    made.close()
    time.sleep(0.1)
    assert done == []


def test_what_came_too_late_is_counted_for_whom_it_was(delays: Delays) -> None:
    done: list[int] = []
    delays.later(0.01, 7, lambda: time.sleep(0.1))
    delays.later(0.02, 8, lambda: done.append(8))
    deadline = time.monotonic() + 5.0
    while not done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert delays.late[8] == 1
