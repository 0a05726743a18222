"""The actor's end: nothing is left, whatever it was doing."""

import asyncio
import time

import pytest
from live_rig import client, ear, fill, gemini, live_tasks, session
from scripted_gemini import Ear, Plan, ScriptedGemini, until

from bot.live.errors import LiveError
from bot.live.events import Lost
from bot.live.session import LiveSession

__all__ = ["client", "ear", "gemini", "session"]


@pytest.mark.parametrize("moment", ["idle", "connecting", "ready", "backing off", "deaf"])
async def test_nothing_is_left_after_a_close_in_any_state(
    gemini: ScriptedGemini, session: LiveSession, moment: str
) -> None:
    begun: asyncio.Task[None] | None = None
    if moment == "connecting":
        gemini.plans.append(Plan(setup="silent"))
        begun = asyncio.create_task(session.start())
        await until(lambda: gemini.connections)
    elif moment != "idle":
        gemini.plans.append(Plan(deaf=moment == "deaf"))
        await session.start()
    if moment == "backing off":
        gemini.plans.append(Plan(status=429))
        await gemini.connections[0].close(1011)
        await until(lambda: session.counters()["live_failures"] == 2)
    if moment == "deaf":
        fill(session)
        await asyncio.sleep(0.3)
    started = time.monotonic()
    await session.close()
    assert time.monotonic() - started < 2.0
    assert live_tasks() == set()
    await session.close()
    if begun is not None:
        with pytest.raises(LiveError):
            await begun


async def test_a_cancelled_start_leaves_nothing(gemini: ScriptedGemini, session: LiveSession) -> None:
    gemini.plans.append(Plan(setup="silent"))
    starting = asyncio.create_task(session.start())
    await until(lambda: gemini.connections)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert live_tasks() == set()


async def test_a_socket_that_takes_nothing_is_given_up(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.live.connection.SEND_S", 0.3)
    gemini.plans.append(Plan(deaf=True))
    await session.start()
    fill(session)
    await until(lambda: ear.of(Lost))
    assert ear.of(Lost)[0].reason == "Gemini did not answer in time."
