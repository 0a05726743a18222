"""A Live session by the real SDK over TLS, against a server that does what each test says.

A test module imports the fixtures that it needs and names them in `__all__`.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from scripted_gemini import Ear, ScriptedGemini

from bot.emulators.tls import CertificateAuthority
from bot.live.client import make_client
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup

FRAME = 640  # 20 ms


def frames(first: int, count: int) -> list[bytes]:
    """Frames that tell which they are."""
    return [bytes([1 + (first + i) % 255]) * FRAME for i in range(count)]


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini(ca) as server:
        yield server


@pytest.fixture
async def client(gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[genai.Client]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.base_url)
    made = make_client("a-key")
    yield made
    await made.aio.aclose()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def session(client: genai.Client, ear: Ear) -> AsyncIterator[LiveSession]:
    made = LiveSession(client, setup(), ear, name="7", rng=random.Random(1))
    yield made
    await made.close()
    assert live_tasks() == set()


def setup(**changes: Any) -> LiveSetup:
    fields: dict[str, Any] = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind."}
    return LiveSetup(**fields | changes)


def live_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("live-")}


def say(session: LiveSession, *pcm: bytes) -> None:
    for chunk in pcm:
        session.send_audio(chunk, time.monotonic(), speaker=1)


def fill(session: LiveSession) -> None:
    """Say more than every buffer on the way takes; asyncio's TLS takes one message of any size."""
    for _ in range(3):
        session.ask("x" * 6_000_000)
