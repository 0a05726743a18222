"""What goes on for as long as a call, or the process, outlives an error that nobody foresaw."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from loopback import eventually

from bot.conversation.captions_call import CallCaptions
from bot.conversation.captions_passage import CaptionLine
from bot.conversation.transcript import TranscriptWriter
from bot.storage.database import Database
from bot.storage.running import RunningStore
from cogs.running_calls import RunningCalls, _Place


class Board:
    """A display that shows nothing."""

    def __init__(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(0), name="captions-board")

    def update(self, lines: list[CaptionLine]) -> None:
        """Take lines."""

    def finish(self) -> None:
        """End."""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    await opened.close()


async def test_a_transcript_is_stored_on_after_a_batch_that_failed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.conversation.captions_call.WRITE_S", 0.05)
    tried: list[list[str]] = []

    async def write(lines: Sequence[CaptionLine]) -> None:
        tried.append([line.text for line in lines])
        if len(tried) == 1:
            raise KeyError("a bug")

    captions = CallCaptions("Earshot", Board(), TranscriptWriter(write, lambda: True), name="1")
    captions.note("says hello", 1.0)
    await eventually(lambda: len(tried) == 2, 5.0)
    assert tried[0] == tried[1] != []
    assert "KeyError: 'a bug'" in caplog.text
    await captions.close()


async def test_which_calls_run_is_stored_on_after_a_write_that_failed(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cogs.running_calls.TOUCH_S", 0.1)
    store = RunningStore(database)
    running = RunningCalls(store)
    began = store.began
    failed: list[int] = []

    async def fails_first(guild_id: int, channel_id: int, text_id: int | None, now: float) -> None:
        if not failed:
            failed.append(guild_id)
            raise KeyError("a bug")
        await began(guild_id, channel_id, text_id, now)

    monkeypatch.setattr(store, "began", fails_first)
    running.start()
    running._put(1, _Place(10, 20))
    async with asyncio.timeout(5.0):
        while not await store.since(0.0):  # noqa: ASYNC110 - a row in a database has no event
            await asyncio.sleep(0.02)
    assert failed == [1]
    assert "KeyError: 'a bug'" in caplog.text
    await running.close()
