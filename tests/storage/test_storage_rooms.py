"""What a guild's room keeps: its settings and its transcripts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.transcripts import TranscriptStore, Utterance

GUILD, OTHER, PERSON = 2**62 + 1, 2, 3
DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    await opened.close()


async def test_every_setting_survives_a_restart_and_goes_back(database: Database) -> None:
    guilds = await GuildStore.load(database, DEFAULTS)
    changes: dict[str, Any] = {
        "persona": "own",
        "instruction": "Speak like a pirate.",
        "mode": "push-to-talk",
        "floor": "mix",
        "captions": False,
        "consent": "notice",
        "retention_days": 0,
        "idle_minutes": 1,
        "join_roles": (2**61, 5),
        "config_roles": (6,),
    }
    changed = replace(DEFAULTS, **changes)
    await guilds.change(GUILD, **changes)
    assert guilds.get(GUILD) == changed
    guilds = await GuildStore.load(database, DEFAULTS)
    assert guilds.get(GUILD) == changed and guilds.get(OTHER) == DEFAULTS
    await guilds.change(GUILD, captions=None, join_roles=None, retention_days=None)
    back = (await GuildStore.load(database, DEFAULTS)).get(GUILD)
    assert (back.captions, back.join_roles, back.retention_days) == (True, (), DEFAULTS.retention_days)


async def test_transcripts_by_guild_and_call(database: Database) -> None:
    store = TranscriptStore(database)
    first = [Utterance(2.0, PERSON, "Ada", "Hello?"), Utterance(1.0, None, "Earshot", "Hi.")]
    await store.add(GUILD, "a", first)
    await store.add(GUILD, "a", [])
    await store.add(GUILD, "b", [Utterance(9.0, PERSON, "Ada", "Again.")])
    await store.add(OTHER, "c", [Utterance(5.0, PERSON, "Ada", "Elsewhere.")])
    assert await store.of_call(GUILD, "a") == first[::-1]
    assert await store.of_call(OTHER, "a") == [], "a guild sees its own alone"
    assert await store.calls(GUILD) == [("b", 9.0), ("a", 1.0)]
    assert await store.calls(GUILD, most=1) == [("b", 9.0)]
    await store.forget_before(GUILD, 9.0)
    assert await store.calls(GUILD) == [("b", 9.0)]
    assert await store.guilds() == {GUILD, OTHER}
