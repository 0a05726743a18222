"""The whole bot in a call with Ada, who shows it things."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopback import RunningBot, eventually, running_bot
from PIL import Image

from bot.emulators.discord.model import Channel, Message, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore

MEDIA = Path(__file__).parents[1] / "media"
SPEECH = MEDIA / "speech-austen-0880.wav"
SENTENCE = MEDIA / "speech-austen-0920.wav"
EYES = "👀"


def flag(*colours: str, size: tuple[int, int] = (300, 200), name: str = "flag.png") -> Upload:
    """Return a picture of stripes from left to right."""
    picture = Image.new("RGB", size)
    width = size[0] // len(colours)
    for number, colour in enumerate(colours):
        picture.paste(Image.new("RGB", (width + 1, size[1]), colour), (number * width, 0))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Upload(name, out.getvalue())


@dataclass
class Scene:
    """Ada and the bot are in the lounge."""

    bot: RunningBot
    ada: Person

    @property
    def world(self) -> World:
        return self.bot.discord.world

    @property
    def gemini(self) -> GeminiEmulator:
        return self.bot.gemini

    @property
    def lounge(self) -> Channel:
        return self.world.voice_channels[0]

    async def look(self, file: Upload, question: str | None = None, person: Person | None = None) -> str:
        """Use /look, and return what Ada reads."""
        given: dict[str, Any] = {"file": file} | ({} if question is None else {"question": question})
        asked = (person or self.ada).run_command(self.world.text.id, "look", **given)
        message = await asked.response()
        await eventually(lambda: bool(message.text))
        return message.text

    def pictures(self) -> list[Picture]:
        """Return what the model was shown, over all sessions."""
        return [picture for session in self.gemini.sessions for picture in session.log.pictures]

    def notes(self) -> list[str]:
        """Return the texts that the model was given, over all sessions."""
        return [note.text for s in self.gemini.sessions for note in s.log.notes if note.kind == "text"]

    def marks(self) -> list[str]:
        """Return the marks of turns, over all sessions."""
        return [n.kind for s in self.gemini.sessions for n in s.log.notes if n.kind.startswith("activity")]

    def captions(self) -> str:
        """Return what stands in the chat of the lounge."""
        bot_id = self.world.bot.id
        posts = self.world.messages(self.lounge.id)
        return "\n".join(post.text for post in posts if post.author.id == bot_id)

    async def turn(self, fits: Callable[[Turn], bool]) -> Turn:
        """Wait for the end of an answer, and return its turn."""
        await eventually(lambda: any(turn.ended_at and fits(turn) for turn in self.bot.turns()))
        return next(turn for turn in self.bot.turns() if turn.ended_at and fits(turn))

    def replies(self, message: Message) -> list[Message]:
        return [each for each in self.world.messages(message.channel_id) if each.reply_to is message]


async def configured(world: World, folder: Path, **settings: Any) -> None:
    """Set the guild up before the bot runs."""
    database = await Database.open(f"sqlite+aiosqlite:///{folder / 'earshot.db'}")
    defaults = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")
    await (await GuildStore.load(database, defaults)).change(world.guild.id, **settings)
    await database.close()


@asynccontextmanager
async def look_scene(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, **settings: Any
) -> AsyncIterator[Scene]:
    """Run the bot in a call with Ada until the block ends; `settings` are the guild's."""
    if settings:
        await configured(discord.world, folder, **settings)
    gemini.knobs.playback_speed = 4.0
    async with running_bot(discord, gemini, folder) as bot:
        world = discord.world
        ada = Person(discord, world.add_user("Ada"))
        scene = Scene(bot, ada)
        try:
            await ada.join(scene.lounge.id)
            await ada.run_command(world.text.id, "join")
            await ada.secured_with(world.bot.id)
            await bot.noticed()
            yield scene
        finally:
            await ada.leave()
