"""Announcing and sending: the real clock and playout, with a gateway that a test can hold up."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import davey
import pytest
from voice_call import eventually

from bot.voice.clock import SendClock
from bot.voice.dave import SILENCE
from bot.voice.mouth import ANNOUNCE_S, Mouth
from bot.voice.outlet import Outlet
from bot.voice.playout_buffer import SILENCE_FRAMES
from bot.voice.transport import MODES


@dataclass
class Keys:
    mode: str | None = MODES[0]
    secret_key: bytes | None = bytes(32)
    ssrc: int | None = 1
    dave_version: int = 0
    dave: davey.DaveSession | None = None
    transition_pending: bool = False


@dataclass
class Gateway:
    """What the voice server sees: SPEAKING and datagrams, in their order."""

    seen: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    failing: bool = False

    async def announce(self, speaking: bool) -> None:
        await self.open.wait()
        if self.failing:
            raise ConnectionResetError("the websocket is gone")
        self.seen.append("speaking" if speaking else "quiet")

    def send(self, datagram: bytes) -> None:
        self.seen.append("packet")

    @property
    def packets(self) -> int:
        return self.seen.count("packet")


@pytest.fixture
async def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def mouth(gateway: Gateway) -> AsyncIterator[Mouth]:
    clock = SendClock()
    clock.start()
    mouth = Mouth(
        loop=asyncio.get_running_loop(),
        clock=clock,
        outlet=Outlet(Keys(), lambda: True, gateway.send),
        announce=gateway.announce,
        name="voice-test",
    )
    yield mouth
    await mouth.close()
    clock.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("voice-test")]


async def test_connecting_is_announced_primed_and_taken_back(mouth: Mouth, gateway: Gateway) -> None:
    gateway.open.set()
    mouth.connected()
    await eventually(lambda: gateway.seen[-1:] == ["quiet"], "it is quiet again")
    assert gateway.seen == ["speaking", *["packet"] * SILENCE_FRAMES, "quiet"]


async def test_a_talkspurt_waits_for_its_announcement_but_not_for_long(
    mouth: Mouth, gateway: Gateway
) -> None:
    mouth.connected()
    now = time.monotonic()
    wanted = mouth.wake_at(now)
    assert wanted is not None
    assert now < wanted <= now + ANNOUNCE_S  # the gateway is held up
    await eventually(lambda: gateway.packets == SILENCE_FRAMES, "the packets left all the same")
    assert gateway.seen == ["packet"] * SILENCE_FRAMES


async def test_an_announcement_lets_the_first_packet_go_at_once(mouth: Mouth, gateway: Gateway) -> None:
    gateway.open.set()
    mouth.connected()
    await eventually(lambda: gateway.seen[:1] == ["speaking"], "the announcement")
    now = time.monotonic()
    assert mouth.wake_at(now) in (now, None)  # None where the machine was slow and all has been sent


async def test_two_talkspurts_are_announced_each(mouth: Mouth, gateway: Gateway) -> None:
    gateway.open.set()
    mouth.connected()
    await eventually(lambda: gateway.seen[-1:] == ["quiet"], "the priming is over")
    for _ in range(2):
        gateway.seen.clear()
        mouth.playout.push([b"speech"] * 4, time.monotonic())
        mouth.playout.finish()
        await eventually(lambda: gateway.seen[-1:] == ["quiet"], "it is quiet again")
        assert gateway.seen == ["speaking", *["packet"] * (4 + SILENCE_FRAMES), "quiet"]


async def test_an_announcement_that_fails_is_made_by_the_next_connection(
    mouth: Mouth, gateway: Gateway
) -> None:
    gateway.open.set()
    gateway.failing = True
    mouth.connected()
    mouth.playout.push([b"speech"] * 100, time.monotonic())
    await eventually(lambda: gateway.packets > 3, "packets leave")
    assert "speaking" not in gateway.seen
    mouth.disconnected()
    gateway.failing = False
    mouth.connected()
    await eventually(lambda: "speaking" in gateway.seen, "it is announced")


async def test_nothing_is_announced_while_disconnected(mouth: Mouth, gateway: Gateway) -> None:
    gateway.open.set()
    mouth.playout.push([SILENCE, b"speech", b"speech"], time.monotonic())
    await eventually(lambda: gateway.packets >= 3, "the outlet decides what leaves")
    assert "speaking" not in gateway.seen
