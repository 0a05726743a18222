"""Faults of the emulated REST API as a real discord.py meets them: errors, limits, late answers."""

import asyncio
import time
from collections.abc import AsyncIterator

import discord
import pytest
from discord.ext import commands
from loopback_bot import PATIENCE_S, make_bot, running, until

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.server import DiscordEmulator

MESSAGES = "/messages$"


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        yield bot


@pytest.fixture
def chat(bot: commands.Bot, discord_emulator: DiscordEmulator) -> discord.PartialMessageable:
    return bot.get_partial_messageable(discord_emulator.world.text.id)


def posted(emulator: DiscordEmulator) -> list[str]:
    return [message.content for message in emulator.world.messages(emulator.world.text.id)]


async def test_a_limit_of_one_route_is_waited_for(
    discord_emulator: DiscordEmulator, chat: discord.PartialMessageable
) -> None:
    discord_emulator.knobs.rest_faults.append(RestFault.limited("POST", MESSAGES, retry_after_s=0.4))
    before = time.monotonic()
    await chat.send("hello")
    assert time.monotonic() - before >= 0.4
    assert posted(discord_emulator) == ["hello"]
    statuses = [entry.fields["status"] for entry in discord_emulator.trace.of("rest")][-2:]
    assert statuses == [429, 200]


async def test_a_refusal_after_some_that_pass(
    discord_emulator: DiscordEmulator, chat: discord.PartialMessageable
) -> None:
    fault = RestFault.refused("POST", MESSAGES)
    fault.skip = 2
    discord_emulator.knobs.rest_faults.append(fault)
    await chat.send("one")
    await chat.send("two")
    with pytest.raises(discord.Forbidden, match="50013"):
        await chat.send("three")
    await chat.send("four")
    assert posted(discord_emulator) == ["one", "two", "four"]
    assert discord_emulator.knobs.rest_faults == []


async def test_a_late_answer_to_what_was_done_at_once(
    discord_emulator: DiscordEmulator, chat: discord.PartialMessageable
) -> None:
    discord_emulator.knobs.rest_faults.append(RestFault("POST", MESSAGES, delay_s=0.5))
    sending = asyncio.create_task(chat.send("hello"))
    await until(lambda: posted(discord_emulator) == ["hello"])
    await asyncio.sleep(0.2)
    assert not sending.done()
    async with asyncio.timeout(PATIENCE_S):
        assert (await sending).content == "hello"


async def test_a_late_error(discord_emulator: DiscordEmulator, chat: discord.PartialMessageable) -> None:
    discord_emulator.knobs.rest_faults.append(RestFault("POST", MESSAGES, 400, {"code": 0}, delay_s=0.3))
    before = time.monotonic()
    with pytest.raises(discord.HTTPException):
        await chat.send("hello")
    assert time.monotonic() - before >= 0.3
    assert posted(discord_emulator) == []


async def test_no_answer_at_all_holds_up_nothing_else(
    discord_emulator: DiscordEmulator, chat: discord.PartialMessageable, bot: commands.Bot
) -> None:
    """Only this one hangs; and the emulator closes although it does."""
    discord_emulator.knobs.rest_faults.append(RestFault("POST", MESSAGES, 500, delay_s=float("inf")))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await chat.send("hello")
    assert posted(discord_emulator) == []
    assert (await bot.fetch_user(discord_emulator.world.bot.id)).bot
