"""The task that makes a session's connections: where it dies of a bug, the log tells of what."""

import logging
import random

import pytest

from bot.live import session as live_session
from bot.live import states
from bot.live.client import make_client
from bot.live.errors import LiveError
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState, Step


async def start_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a session where nothing listens, and close it again."""
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "https://127.0.0.1:9")
    monkeypatch.setattr(live_session, "START_S", 0.3)
    client = make_client("a-key")
    setup = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")
    session = LiveSession(client, setup, lambda _event: None, name="7", rng=random.Random(1))
    with pytest.raises(LiveError):
        await session.start()
    await session.close()
    await client.aio.aclose()


async def test_what_it_dies_of_is_logged_once_with_where_that_was(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(states.TRANSITIONS, (LiveState.CONNECTING, Step.LOST))
    with caplog.at_level(logging.ERROR):
        await start_in_vain(monkeypatch)
    (record,) = caplog.records
    assert record.exc_info is not None and record.exc_info[0] is KeyError
    assert "live-7" in record.getMessage()


async def test_its_end_by_a_close_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        await start_in_vain(monkeypatch)
    assert caplog.records == []
