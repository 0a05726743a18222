"""The whole bot, running, with Ada in the lounge, and its panel.

A test module imports the fixtures that it needs (`ada` needs `bot`) and names them in `__all__`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from config_bot import shown
from loopback import RunningBot, running_bot

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person


@asynccontextmanager
async def started(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RunningBot]:
    monkeypatch.chdir(folder)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    async with running_bot(discord, gemini, folder) as bot:
        yield bot


@pytest.fixture
async def bot(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[RunningBot]:
    async with started(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as bot:
        yield bot


@pytest.fixture
async def ada(bot: RunningBot) -> AsyncIterator[Person]:
    person = Person(bot.discord, bot.discord.world.add_user("Ada"))
    await person.join(bot.discord.world.voice_channels[0].id)
    yield person
    await person.leave()


async def choose(bot: RunningBot, name: str, value: str) -> None:
    """Open the panel as the guild's owner, turn to the setting's page, and choose something."""
    world, owner_id = bot.discord.world, bot.discord.world.guild.owner_id
    panel = await world.run_command(owner_id, world.text.id, "config")
    page = name.partition(":")[0]
    await shown(world.click(owner_id, panel.id, f"earshot:config:page:{page}:"))
    await shown(world.select(owner_id, panel.id, f"earshot:config:set:{name}", [value]))
