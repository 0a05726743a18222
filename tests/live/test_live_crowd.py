"""Many calls of a process lose their connections in the same moment: each is back at once."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from google import genai
from live_rig import client, gemini, live_tasks, setup
from scripted_gemini import Ear, ScriptedGemini, until

from bot.live.breaker import Breaker, BreakerState
from bot.live.session import LiveSession
from bot.live.states import LiveState

__all__ = ["client", "gemini"]

CALLS = 20


@pytest.fixture
async def sessions(client: genai.Client) -> AsyncIterator[list[LiveSession]]:
    breaker = Breaker()
    made = [
        LiveSession(client, setup(), Ear(), name=str(number), rng=random.Random(number), breaker=breaker)
        for number in range(CALLS)
    ]
    yield made
    await asyncio.gather(*(session.close() for session in made))
    assert breaker.state is BreakerState.CLOSED
    assert live_tasks() == set()


async def test_nobody_waits_for_another(gemini: ScriptedGemini, sessions: list[LiveSession]) -> None:
    await asyncio.gather(*(session.start() for session in sessions))
    for connection in gemini.connections:
        connection.abort()
    await until(lambda: len(gemini.connections) == 2 * CALLS)
    await until(lambda: all(session.state is LiveState.READY for session in sessions))
    assert [session.counters()["live_failures"] for session in sessions] == [1] * CALLS
    assert [session.counters()["live_held_up"] for session in sessions] == [0] * CALLS
