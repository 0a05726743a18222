"""A network in which nothing passes any more is noticed by what the kernel knows, not by pongs."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest
from dead_end import drop_all, pass_all
from scripted_gemini import Ear, ScriptedGemini, until

from bot.emulators.tls import CertificateAuthority
from bot.live.client import LiveSocket, make_client
from bot.live.events import Lost, Ready
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup

NOTICED_S = 14.0  # 8 s, on a machine that is busy
IDLE_S = 14.0  # likewise
PROBED_S = 8.0  # the first probe is sent after 5 s
_PROBES_AT = 3  # linux/tcp.h: tcp_info.tcpi_probes, one byte
SETUP = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a filter on the socket")


@pytest.fixture
async def gemini(ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini(ca) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.base_url)
        yield server


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[LiveSocket]:
    """Return the bot's ends of all connections that are made."""
    found: list[LiveSocket] = []
    made = LiveSocket.connection_made

    def noted(end: LiveSocket, transport: asyncio.BaseTransport) -> None:
        made(end, transport)
        found.append(end)

    monkeypatch.setattr(LiveSocket, "connection_made", noted)
    return found


@pytest.fixture
async def running(
    gemini: ScriptedGemini, sockets: list[LiveSocket]
) -> AsyncIterator[tuple[LiveSession, Ear]]:
    client, ear = make_client("a-key"), Ear()
    session = LiveSession(client, SETUP, ear, name="1")
    await session.start()
    await asyncio.sleep(0.2)  # until all is acknowledged: either end would send its own again, which is heard
    yield session, ear
    await session.close()
    await client.aio.aclose()


def _cut_off(gemini: ScriptedGemini, how: Callable[[socket.socket], None] = drop_all) -> None:
    end = gemini.connections[0].transport.get_extra_info("socket")
    # asyncio hands out a wrapper that may not be given options by number only.
    with socket.socket(fileno=socket.dup(end.fileno())) as raw:
        how(raw)


def _unanswered(end: LiveSocket) -> int:
    """Return how many of the kernel's probes were not answered yet."""
    info = end.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 16)
    return int(info[_PROBES_AT])


async def test_speech_that_is_not_acknowledged_ends_the_connection_and_is_said_again(
    gemini: ScriptedGemini, running: tuple[LiveSession, Ear]
) -> None:
    session, ear = running
    _cut_off(gemini)
    began = time.monotonic()
    session.activity_start()
    session.send_audio(b"\x01\x02" * 320, began, speaker=1)
    await until(lambda: ear.of(Lost), NOTICED_S)
    assert time.monotonic() - began > 7.0, "a network that is slow for a while is no dead end"
    await until(lambda: len(gemini.connections) == 2 and gemini.connections[1].pcm)
    assert gemini.connections[1].pcm == b"\x01\x02" * 320
    assert len(ear.of(Ready)) == 2


async def test_a_dead_end_is_found_though_nobody_speaks(
    gemini: ScriptedGemini, running: tuple[LiveSession, Ear]
) -> None:
    _, ear = running
    _cut_off(gemini)
    await until(lambda: len(ear.of(Ready)) == 2, IDLE_S)


async def test_a_connection_on_which_nobody_speaks_is_kept_though_a_probe_is_lost(
    gemini: ScriptedGemini, sockets: list[LiveSocket], running: tuple[LiveSession, Ear]
) -> None:
    _, ear = running
    (end,) = sockets
    _cut_off(gemini)
    await until(lambda: _unanswered(end) == 1, PROBED_S)
    _cut_off(gemini, pass_all)
    await until(lambda: ear.of(Lost) or _unanswered(end) == 0, PROBED_S)
    assert not ear.of(Lost)
