"""What people delete is gone from the disk, not just out of the tables."""

import asyncio
import math
import re
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.transcript import TranscriptWriter
from bot.storage.answers import AnswerFile, AnswerStore
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.notes import NoteStore
from bot.storage.transcripts import TranscriptStore, Utterance

GUILD = 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "earshot.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{path}")
    yield opened
    await opened.close()


async def test_words_that_were_deleted_are_in_no_file(database: Database, path: Path) -> None:
    secrets = [f"secret-{n:04}" for n in range(400)]
    said = [Utterance(float(n), 1, "Ada", f"{secret} {'x' * 300}") for n, secret in enumerate(secrets)]
    await TranscriptStore(database).add(GUILD, "call", said)
    files = [AnswerFile("https://x", "a.png", "image/png", "00", b"secret-file" * 5000)]
    await AnswerStore(database).keep(
        "a", guild_id=GUILD, user_id=8, until=9.0, request="{}", text="secret-answer", files=files
    )
    note = await NoteStore(database).add(GUILD, 1, "Ada", "secret-note", 1.0)
    assert words_in(path) == {*secrets, "secret-answer", "secret-file", "secret-note"}
    await TranscriptStore(database).forget_before(GUILD, 300.0)
    assert words_in(path) == {*secrets[300:], "secret-answer", "secret-file", "secret-note"}
    await AnswerStore(database).forget(8, GUILD)
    assert words_in(path) == {*secrets[300:], "secret-note"}
    await NoteStore(database).forget(GUILD, note)
    await TranscriptStore(database).forget_before(GUILD, 1e9)
    assert words_in(path) == set()


async def test_a_reader_delays_wiping_but_not_deleting(
    database: Database, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await TranscriptStore(database).add(GUILD, "call", [Utterance(1.0, 1, "Ada", "secret-word")])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM utterances").fetchone() == (1,)
        await TranscriptStore(database).forget_before(GUILD, 9.0)
        assert await TranscriptStore(database).guilds() == set()
        assert words_in(path) == {"secret-word"}
    await TranscriptStore(database).forget_before(GUILD, 9.0)
    assert words_in(path) == set()
    assert caplog.text == ""


def words_in(path: Path) -> set[str]:
    """Return the secrets in the database's files, read by another process: closing a file ends our locks."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    whole = subprocess.run(["cat", *files], check=True, capture_output=True).stdout
    return {found.decode() for found in re.findall(rb"secret-(?:\d{4}|answer|file|note|word)", whole)}


async def test_what_was_on_its_way_goes_too_when_nothing_is_to_be_kept_any_more(database: Database) -> None:
    store = TranscriptStore(database)
    guilds = await GuildStore.load(database, GuildSettings("gemini-3.8-live", "Kore", "discord"))

    async def write(lines: Sequence[CaptionLine]) -> None:
        await store.add(GUILD, "call", [Utterance(each.at, 1, each.name, each.text) for each in lines])

    writer = TranscriptWriter(write, lambda: guilds.get(GUILD).retention_days > 0)
    for batch in range(3):
        writer.add([CaptionLine(batch, float(batch), Kind.PERSON, 1, "Ada", "secret-word", final=True)])
        storing = asyncio.create_task(writer.flush())
        await asyncio.sleep(0)  # it waits for the disk
        await guilds.change(GUILD, retention_days=0)
        await store.forget_before(GUILD, math.inf)
        await storing
        await writer.flush()
        assert await store.guilds() == set()
        await guilds.change(GUILD, retention_days=7)
    writer.add([CaptionLine(9, 9.0, Kind.PERSON, 1, "Ada", "kept", final=True)])
    await writer.flush()
    assert [each.text for each in await store.of_call(GUILD, "call")] == ["kept"]
