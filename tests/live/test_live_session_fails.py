"""The actor where connections are refused: what is tried again, and what is said."""

import asyncio

import pytest
from live_rig import client, ear, gemini, live_tasks, session
from scripted_gemini import Ear, Plan, ScriptedGemini, until

from bot.live import attempts as live_attempts
from bot.live import session as live_session
from bot.live.errors import LiveError
from bot.live.events import Failed, Lost
from bot.live.session import LiveSession
from bot.live.states import LiveState

__all__ = ["client", "ear", "gemini", "session"]


@pytest.mark.parametrize("code", [1007, 1008])
async def test_a_refusal_in_a_call_is_final_and_said(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, code: int
) -> None:
    await session.start()
    await gemini.connections[0].close(code)
    await until(lambda: ear.of(Failed))
    assert session.state is LiveState.FAILED
    assert ear.of(Failed)[0].reason.endswith(".")
    assert ear.of(Lost) == []
    await until(lambda: not live_tasks())
    assert len(gemini.upgrades) == 1


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(status=401), "GEMINI_API_KEY"),
        (Plan(status=403), "GEMINI_API_KEY"),
        (Plan(status=404), "model"),
        (Plan(status=429), "quota"),
        (Plan(close=1007), "set up"),
        (Plan(close=1007, reason="API key not valid."), "GEMINI_API_KEY"),
        (Plan(close=1008, reason="models/x is not found for API version v1beta"), "model"),
        (Plan(close=1011, reason="You exceeded your current quota"), "quota"),
    ],
)
async def test_what_can_not_succeed_is_said_at_the_start_and_not_tried_again(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, plan: Plan, words: str
) -> None:
    gemini.plans.append(plan)
    with pytest.raises(LiveError, match=words):
        await session.start()
    assert session.state is LiveState.FAILED
    assert len(gemini.upgrades) == 1
    assert ear.events == []


async def test_a_start_gets_over_a_passing_fault(gemini: ScriptedGemini, session: LiveSession) -> None:
    gemini.plans.append(Plan(status=503))
    await session.start()
    assert session.state is LiveState.READY
    assert len(gemini.upgrades) == 2


async def test_a_used_up_quota_in_a_call_is_waited_out(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    gemini.plans.append(Plan(status=429))
    await gemini.connections[0].close(1011)
    await until(lambda: session.counters()["live_failures"] == 2)
    assert session.state is LiveState.BACKING_OFF
    await asyncio.sleep(0.5)
    assert len(gemini.upgrades) == 2
    assert ear.of(Failed) == []


@pytest.mark.parametrize("setup_answer", ["silent", "not JSON", "other"])
async def test_a_connection_without_setup_complete_is_given_up(
    gemini: ScriptedGemini,
    session: LiveSession,
    monkeypatch: pytest.MonkeyPatch,
    setup_answer: str,
) -> None:
    monkeypatch.setattr(live_attempts, "FIRST_PATIENCE_S", 0.5)
    gemini.plans.append(Plan(setup=setup_answer))
    await session.start()
    assert len(gemini.upgrades) == 2
    assert session.state is LiveState.READY


async def test_a_server_that_never_answers_ends_the_start_with_a_sentence(
    gemini: ScriptedGemini, session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_session, "START_S", 0.5)
    gemini.plans.append(Plan(setup="silent"))
    with pytest.raises(LiveError, match="did not answer"):
        await session.start()
    assert session.state is LiveState.CLOSED
