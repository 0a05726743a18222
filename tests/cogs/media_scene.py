"""A bot with commands about files, from a loopback Discord through the real service to a measuring Gemini."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from answer_bot import bot_with, ended
from discord import app_commands
from discord.ext import commands

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Message, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.client import make_client
from bot.media.service import MediaService
from bot.storage.answers import AnswerStore
from bot.storage.database import Database
from bot.storage.media import MediaStore
from cogs.answer import Answers

MODEL = "gemini-3.8-flash"
KIT = Path(__file__).parents[1] / "media"
CAT, COFFEE, PAGE, FILM, SPEECH = (
    Upload(name, (KIT / name).read_bytes())
    for name in (
        "photo-cat.png",
        "photo-coffee.png",
        "scan-page.png",
        "video-bunny.mp4",
        "speech-austen-0920.wav",
    )
)


@dataclass
class Parts:
    """What cogs are made of."""

    service: MediaService
    answers: Answers
    database: Database


MakeCogs = Callable[[Parts], tuple[Sequence[commands.Cog], Sequence[app_commands.ContextMenu]]]


@dataclass
class Scene:
    discord: DiscordEmulator
    gemini: GeminiEmulator
    path: Path
    """The database."""
    make: MakeCogs
    person: EmulatedUser
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    parts: Parts = field(init=False)
    bot: commands.Bot = field(init=False)

    @property
    def world(self) -> World:
        return self.discord.world

    def asked(self, command: str, /, **options: Any) -> Interaction:
        return self.world.run_command(self.person.id, self.world.text.id, command, options)

    async def answer(self, command: str, /, **options: Any) -> Message:
        """Run a command and return its message when the answer has ended."""
        return await ended(self.asked(command, **options))

    async def start(self) -> None:
        database = await Database.open(f"sqlite+aiosqlite:///{self.path}")
        self.stack.push_async_callback(database.close)
        client = make_client(self.gemini.api_key)
        self.stack.callback(client.close)
        self.stack.push_async_callback(client.aio.aclose)
        service = MediaService(
            client=client,
            storage=MediaStore(database),
            answers=AnswerStore(database),
            proxy=self.discord.proxy_url,
            model=MODEL,
            fallback=None,
        )
        await service.start()
        self.stack.push_async_callback(service.close)
        self.parts = Parts(service, Answers(service), database)
        cogs, menus = self.make(self.parts)
        running = bot_with(self.discord, [self.parts.answers, *cogs], menus)
        self.bot = await self.stack.enter_async_context(running)

    async def restart(self) -> None:
        """Stop the bot as an operator does, and start it anew on the same database."""
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        await self.start()


@asynccontextmanager
async def media_scene(
    discord: DiscordEmulator,
    gemini: GeminiEmulator,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: MakeCogs,
) -> AsyncIterator[Scene]:
    """Run a bot with the cogs and menus that `make` returns until the block ends."""
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.base_url)
    scene = Scene(discord, gemini, folder / "earshot.db", make, discord.world.add_user("Ada"))
    try:
        await scene.start()
        yield scene
        await scene.parts.service.forget(scene.person.id, scene.world.guild.id)
        await scene.parts.service.forget(scene.person.id, None)
    finally:
        await scene.stack.aclose()
    assert not gemini.files, "nothing of people's stays at Google that is not kept for them"
