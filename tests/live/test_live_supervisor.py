"""The task that makes the connections: where it dies of a bug, the call ends, and the log tells why."""

import logging

import pytest
from live_rig import client, ear, gemini, live_tasks, session
from scripted_gemini import Ear, Plan, ScriptedGemini, until

from bot.live import states
from bot.live.errors import LiveError
from bot.live.events import Failed
from bot.live.session import LiveSession
from bot.live.states import LiveState, Step

__all__ = ["client", "ear", "gemini", "session"]

TOLD = "Something went wrong in my connection to Gemini, so I left; /join brings me back."


async def test_a_call_ends_rather_than_go_mute(
    gemini: ScriptedGemini,
    session: LiveSession,
    ear: Ear,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await session.start()
    monkeypatch.delitem(states.TRANSITIONS, (LiveState.READY, Step.LOST))
    with caplog.at_level(logging.ERROR):
        gemini.connections[0].abort()
        await until(lambda: ear.of(Failed))
    assert ear.of(Failed) == [Failed(TOLD)]
    assert session.state is LiveState.FAILED
    (record,) = caplog.records
    assert record.exc_info is not None and record.exc_info[0] is KeyError
    assert "live-7" in record.getMessage()
    await until(lambda: not live_tasks())


async def test_a_start_fails_at_once(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    gemini.plans.append(Plan(status=503))
    monkeypatch.delitem(states.TRANSITIONS, (LiveState.CONNECTING, Step.LOST))
    with pytest.raises(LiveError, match=TOLD):
        await session.start()
    assert ear.events == [], "what is raised is not told too"


async def test_an_end_by_a_close_is_no_error(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await session.start()
        await session.close()
    assert ear.of(Failed) == []
    assert caplog.records == []
