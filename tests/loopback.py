"""The whole bot, unmodified, in this process, between a loopback Discord and a loopback Gemini."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from bot import app
from bot.audio.pcm import Pcm16
from bot.conversation.notice import HEAD
from bot.demo.measure import FRAME, Arrival, arrival
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.server import GeminiEmulator
from bot.settings import Settings

PATIENCE_S = 30.0


async def eventually(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Wait until the condition holds, or raise TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for happens elsewhere and has no event
            await asyncio.sleep(0.01)


@dataclass
class RunningBot:
    """The bot and what it runs between."""

    discord: DiscordEmulator
    gemini: GeminiEmulator
    metrics_port: int

    def turns(self) -> list[Turn]:
        """Return the turns that people gave the model, over all sessions."""
        return people_turns(self.gemini)

    def notices(self) -> list[Turn]:
        """Return those in which the model was asked to say what the bot is."""
        return [turn for session in self.gemini.sessions for turn in session.log.turns if is_notice(turn)]

    async def noticed(self) -> None:
        """Wait until the bot has said what it is, to its end."""
        await eventually(lambda: any(turn.ended_at is not None for turn in self.notices()))

    def heard(self, turn: Turn) -> Pcm16:
        """Return the audio of a turn, 16 kHz mono."""
        session = next(each for each in self.gemini.sessions if turn in each.log.turns)
        return np.frombuffer(session.log.pcm(), np.int16)[turn.start_sample : turn.end_sample]

    async def count(self, name: str) -> int:
        """Return one of the running call's counters."""
        url = f"http://127.0.0.1:{self.metrics_port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            families = text_string_to_metric_families(await answer.text())
        return sum(int(s.value) for f in families for s in f.samples if s.labels.get("of") == name)


def is_notice(turn: Turn) -> bool:
    """Say whether nobody gave this turn: in it the model is asked to say what the bot is."""
    return any(text.startswith(HEAD) for text in turn.texts)


def people_turns(gemini: GeminiEmulator) -> list[Turn]:
    """Return the turns that people gave the model, over all sessions."""
    return [turn for session in gemini.sessions for turn in session.log.turns if not is_notice(turn)]


def arrival_over_loss(sent: Pcm16, heard: Pcm16, *, most: int = 5) -> Arrival:
    """Compare as `arrival` does, where frames may have been lost at the very begin, which leaves no gap."""
    tried = (arrival(sent[lost * FRAME :], heard) for lost in range(most + 1))
    return max(tried, key=lambda each: each.frames_in_place)


@contextlib.asynccontextmanager
async def running_bot(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, **changes: Any
) -> AsyncIterator[RunningBot]:
    """Run the bot until the block ends; nothing of it may be left behind then."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(
        discord_token=SecretStr(discord.token),
        gemini_api_key=SecretStr(gemini.api_key),
        discord_proxy=discord.proxy_url,
        google_gemini_base_url=gemini.base_url,
        database_url=f"sqlite+aiosqlite:///{folder / 'earshot.db'}",
        metrics_port=port,
        **changes,
    )
    settings.export()
    former = {session.id for session in discord.gateway.sessions}
    serving = asyncio.create_task(app.serve(settings), name="bot")
    try:
        await eventually(lambda: serving.done() or any(s.id not in former for s in discord.gateway.sessions))
        if serving.done():
            serving.result()
        yield RunningBot(discord, gemini, port)
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    assert serving.cancelled(), serving.exception()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith(("call-", "live-"))]
