"""Which intents the client asks for, by what the application was granted, and what if they are refused."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands
from loopback import eventually

from bot.discord_client import DiscordClient
from bot.emulators.discord.events import PRIVILEGED, Intent
from bot.emulators.discord.server import DiscordEmulator
from bot.errors import SetupError
from bot.storage.commands import CommandSyncStore
from bot.storage.database import Database
from cogs.errors import Tree

BASE = Intent.GUILDS | Intent.GUILD_VOICE_STATES | Intent.GUILD_MESSAGES | Intent.DIRECT_MESSAGES


class Echo(commands.Cog):
    """Shows what reaches a cog."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.menus = [app_commands.ContextMenu(name="Length", callback=self._length)]

    @app_commands.command(description="Answers.")
    async def ping(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    async def _length(self, interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(str(len(message.content)))

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if not message.author.bot:
            self.seen.append(message.content)


@asynccontextmanager
async def client_on(
    emulator: DiscordEmulator, folder: Path, echo: Echo, tree: type[Tree] = Tree
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve until the block ends; the task is that of `serve`."""
    emulator.knobs.identify_interval_s = 0.0
    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'earshot.db'}")
    client = DiscordClient(
        proxy=emulator.proxy_url,
        tree=tree,
        cogs=[echo],
        menus=echo.menus,
        views=[],
        sync_store=CommandSyncStore(database),
    )
    serving = asyncio.create_task(client.serve(emulator.token), name="client under test")
    try:
        await eventually(lambda: serving.done() or client.is_ready())
        yield serving
    finally:
        serving.cancel()
        await asyncio.wait({serving})
        await client.close()
        await database.close()


def identified(emulator: DiscordEmulator) -> list[int]:
    """Return the intents of each IDENTIFY (op 2)."""
    entries = emulator.trace.of("gateway.in")
    return [entry.fields["data"]["intents"] for entry in entries if entry.fields["op"] == 2]


async def test_message_content_is_asked_for_where_the_application_has_it(
    discord_emulator: DiscordEmulator, tmp_path: Path
) -> None:
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    echo = Echo()
    async with client_on(discord_emulator, tmp_path, echo):
        assert identified(discord_emulator) == [BASE | Intent.MESSAGE_CONTENT]
        world = discord_emulator.world
        world.post(world.add_user("Ada").id, world.text.id, "nobody is mentioned here")
        await eventually(lambda: bool(echo.seen))
    assert echo.seen == ["nobody is mentioned here"]


async def test_without_it_no_privileged_intent_is_asked_for(
    discord_emulator: DiscordEmulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    echo = Echo()
    with caplog.at_level(logging.INFO):
        async with client_on(discord_emulator, tmp_path, echo):
            assert identified(discord_emulator) == [BASE]
            world = discord_emulator.world
            ada = world.add_user("Ada")
            world.post(ada.id, world.text.id, "nobody is mentioned here")
            world.post(ada.id, world.text.id, f"<@{world.bot.id}> you are")
            await eventually(lambda: len(echo.seen) == 2)
    assert echo.seen == ["", f"<@{world.bot.id}> you are"]
    assert "The application has no Message Content Intent: replies" in caplog.text
    assert not [entry for entry in caplog.records if entry.levelno > logging.INFO], "a mention is no command"


async def test_refused_it_goes_on_without(
    discord_emulator: DiscordEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    # It was switched off just after the bot had read that it has it.
    monkeypatch.setattr(discord_emulator.gateway, "refuses", lambda intents: bool(intents & PRIVILEGED))
    echo = Echo()
    async with client_on(discord_emulator, tmp_path, echo) as serving:
        assert not serving.done()
        assert identified(discord_emulator) == [BASE | Intent.MESSAGE_CONTENT, BASE]
        world = discord_emulator.world
        ada = world.add_user("Ada")
        assert (await world.run_command(ada.id, world.text.id, "ping")).content == "pong"
        post = world.post(ada.id, world.text.id, "a text of some length")
        assert (await world.run_on_message(ada.id, post.id, "Length")).content == "21"
        await eventually(lambda: bool(echo.seen))
    assert echo.seen == [""]
    (warning,) = [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert warning.getMessage().startswith("Discord refused the Message Content Intent: replies")


async def test_refused_for_other_intents_it_ends(
    discord_emulator: DiscordEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    monkeypatch.setattr(discord_emulator.gateway, "refuses", lambda _: True)
    async with client_on(discord_emulator, tmp_path, Echo()) as serving:
        with pytest.raises(SetupError, match="refused the bot's intents"):
            await serving
    assert len(identified(discord_emulator)) == 2


class BrokenTree(Tree):
    """Holds a mistake that shows when the bot no longer waits for the commands."""

    async def fetch_commands(self, **_: Any) -> Any:
        await asyncio.sleep(0.2)
        raise LookupError("a mistake")


@pytest.mark.parametrize("waited_s", [0.0, 10.0])
async def test_a_mistake_about_the_commands_is_told_and_the_bot_runs(
    discord_emulator: DiscordEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    waited_s: float,
) -> None:
    monkeypatch.setattr("bot.discord_client.SYNC_FIRST_S", waited_s)
    async with client_on(discord_emulator, tmp_path, Echo(), BrokenTree) as serving:
        await eventually(lambda: "The commands could not be given to Discord" in caplog.text)
        assert "LookupError: a mistake" in caplog.text
        assert not serving.done()
