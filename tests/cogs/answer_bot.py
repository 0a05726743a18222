"""A real discord.py bot with some of our cogs, on the loopback Discord, and what people see of answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Json, Message, walk
from bot.emulators.discord.server import DiscordEmulator
from cogs.answer_view import BODY_ID
from cogs.errors import Tree


@asynccontextmanager
async def bot_with(
    emulator: DiscordEmulator, cogs: Sequence[commands.Cog], menus: Sequence[app_commands.ContextMenu]
) -> AsyncIterator[commands.Bot]:
    """Run a bot until the block ends; no answer may be left running then."""
    bot = commands.Bot(
        command_prefix=(),
        tree_cls=Tree,
        intents=discord.Intents(
            guilds=True,
            guild_messages=True,
            dm_messages=True,
            message_content=bool(emulator.gateway.application_flags),
        ),
        proxy=emulator.proxy_url,
        connector=aiohttp.TCPConnector(ssl=emulator.ca.client_context()),
        guild_ready_timeout=0.05,  # discord.py waits this long for further guilds
        help_command=None,
    )
    serving = asyncio.create_task(bot.start(emulator.token), name="bot under test")
    try:
        await eventually(lambda: serving.done() or bot.is_ready())
        for cog in cogs:
            await bot.add_cog(cog)
        for menu in menus:
            bot.tree.add_command(menu)
        await bot.tree.sync()
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(serving, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("answer-")]


async def ended(asked: Interaction) -> Message:
    """Return the message of an answer that has ended."""
    await asked.wait_for(lambda it: it.answer is not None and "Cancel" not in labels(it.answer))
    assert asked.answer is not None
    return asked.answer


def button(message: Message, label: str) -> Json:
    return next(part for part in walk(message.components) if part.get("label") == label)


def labels(message: Message) -> list[str]:
    return [part["label"] for part in walk(message.components) if part.get("label")]


def body(message: Message) -> str:
    """Return the page that is shown."""
    found: list[Any] = [part["content"] for part in walk(message.components) if part.get("id") == BODY_ID]
    return str(found[0])
