"""A bot whose answers a test writes, on the loopback Discord."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
from answer_bot import bot_with, button, ended
from discord.ext import commands
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Message, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.media.events import Finished, MediaEvent, RequestUsage, TextDelta
from bot.media.request import MediaRequest
from bot.media.tasks.ask import Ask
from cogs.answer import Answers
from cogs.ask import Questions
from cogs.pictures import Pictures

PICTURE = Upload("cat.png", b"\x89PNG\r\n\x1a\n")
ACTS = ["Again", "Shorter", "Translate", "Ask more"]
LATE_S = 16 * 60.0
END = Finished("gemini-3.8-flash", RequestUsage(1_000, 200, 34, 1_234, 0.0021), 3.21, None)
LONG = "\n\n".join(f"## Part {number}\n\n{'word ' * 300}" for number in range(8))


@dataclass
class Script:
    """What the model's side says, as the test writes it: events, an error, and nothing for the end."""

    lines: "asyncio.Queue[MediaEvent | Exception | None]" = field(default_factory=asyncio.Queue)
    requests: list[MediaRequest] = field(default_factory=list)
    running: int = 0
    kept: dict[str, tuple[MediaRequest, str]] = field(default_factory=dict)
    """What the service would recall, by ids."""

    async def recall(self, answer_id: str) -> tuple[MediaRequest, str] | None:
        return self.kept.get(answer_id)

    async def ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        self.requests.append(request)
        self.running += 1
        try:
            while (line := await self.lines.get()) is not None:
                if isinstance(line, Exception):
                    raise line
                yield line
                if isinstance(line, Finished):
                    return
        finally:
            self.running -= 1

    def say(self, *lines: MediaEvent | Exception | str | None) -> None:
        for line in lines:
            self.lines.put_nowait(TextDelta(line) if isinstance(line, str) else line)


@dataclass
class Scene:
    emulator: DiscordEmulator
    bot: commands.Bot
    script: Script
    ada: EmulatedUser
    bob: EmulatedUser

    @property
    def world(self) -> World:
        return self.emulator.world

    def describe(self, **options: Any) -> Interaction:
        given = {"image1": PICTURE} | options
        return self.world.run_command(self.ada.id, self.world.text.id, "describe", given)

    async def answer(self, *lines: MediaEvent | Exception | str | None, **options: Any) -> Message:
        """Have something described, answer that, and return the message when it has ended."""
        asked = self.describe(**options)
        self.script.say(*lines)
        return await ended(asked)

    def press(self, message: Message, label: str, who: EmulatedUser | None = None) -> Interaction:
        return self.world.click((who or self.ada).id, message.id, button(message, label)["custom_id"])

    def answers(self) -> list[Message]:
        """Return the messages of the bot in the text channel."""
        return [each for each in self.world.messages(self.world.text.id) if each.author is self.world.bot]

    async def restart(self, **changes: Any) -> None:
        """Put cogs that know nothing in the place of the others."""
        for name in list(self.bot.cogs):
            await self.bot.remove_cog(name)
        for cog in make(self.script, **changes)[0]:
            await self.bot.add_cog(cog)


class Echo(commands.Cog):
    """Has every message that mentions the bot answered."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.raw_mentions:
            guild_id = message.guild.id if message.guild else None
            request = MediaRequest(guild_id, message.author.id, (), Ask(message.content))
            await self._answers.reply(message, request)


def make(script: Script, **changes: Any) -> tuple[list[commands.Cog], list[Any]]:
    """Return cogs, and menus; `changes` are what answers are made with beside the script."""
    answers = Answers(script, **changes)
    pictures, questions = Pictures(answers), Questions(answers)
    return [answers, pictures, questions, Echo(answers)], [*pictures.menus, *questions.menus]


@asynccontextmanager
async def answer_scene(emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    """Run a bot until the block ends; nothing may be left running then."""
    script = Script()
    async with bot_with(emulator, *make(script)) as bot:
        world = emulator.world
        yield Scene(emulator, bot, script, world.add_user("Ada"), world.add_user("Bob"))
    await eventually(lambda: script.running == 0)
