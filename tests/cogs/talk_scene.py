"""A call that tells of itself, in a real discord.py bot.

A test module imports the fixture `talk` and names it in `__all__`.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import discord
import pytest
from media_scene import Scene, media_scene

from bot.conversation.captions_call import CallCaptions
from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.transcript import new_call_id
from bot.emulators.discord.model import Channel, Message
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.events import AnswerAudio, AnswerEnded, InputTranscript, OutputTranscript
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.transcripts import TranscriptStore
from cogs.caption_calls import CaptionCalls
from cogs.captions import CallWords

DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")
RATE_HZ = 24_000


@dataclass
class Talk:
    """A call that tells of itself, and what people see of it."""

    scene: Scene
    guilds: GuildStore
    store: TranscriptStore
    calls: CaptionCalls
    sink: CallCaptions | None = None
    now: float = field(default_factory=time.monotonic)
    """When things are said: so far apart that it is clear whose the words are."""

    @property
    def lounge(self) -> Channel:
        return self.scene.world.voice_channels[0]

    @property
    def guild_id(self) -> int:
        return self.scene.world.guild.id

    def open(self, call_id: str = "") -> CallCaptions:
        channel = self.scene.bot.get_channel(self.lounge.id)
        text = self.scene.bot.get_channel(self.scene.world.text.id)
        assert isinstance(channel, discord.VoiceChannel) and isinstance(text, discord.TextChannel)
        self.sink = self.calls.open(channel, text, call_id or new_call_id(channel.id, time.time()))
        return self.sink

    def says(self, name: str, text: str, user_id: int = 1) -> None:
        """Have a person say something in a second."""
        assert self.sink is not None
        self.now += 5.0
        self.sink.turn_began(user_id, name, self.now - 1.0)
        self.sink.told(InputTranscript(text), self.now, held=False)
        self.sink.turn_ended(self.now, 1.0)

    def answers(self, text: str, *, ends: bool = True) -> None:
        """Have the bot say something in four seconds."""
        assert self.sink is not None
        self.now += 0.5
        for fragment in text.split(" "):
            self.sink.told(OutputTranscript(f" {fragment}"), self.now, held=False)
        self.sink.told(AnswerAudio(bytes(2 * RATE_HZ * 4), RATE_HZ, self.now), self.now, held=False)
        if ends:
            self.sink.told(AnswerEnded(self.now), self.now, held=False)

    def seen(self, channel: Channel | None = None) -> list[str]:
        return [message.text for message in self.messages(channel)]

    def messages(self, channel: Channel | None = None) -> list[Message]:
        bot = self.scene.world.bot.id
        posts = self.scene.world.messages((channel or self.lounge).id)
        return [post for post in posts if post.author.id == bot]

    def rows(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.scene.path)) as plain:
            return list(plain.execute("SELECT name, text FROM utterances ORDER BY at, id"))


@pytest.fixture
async def talk(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Talk]:
    def nothing(_: object) -> tuple[list[discord.ext.commands.Cog], list[discord.app_commands.ContextMenu]]:
        return [], []

    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, nothing) as scene:
        guilds = await GuildStore.load(scene.parts.database, DEFAULTS)
        store = TranscriptStore(scene.parts.database)
        calls = CaptionCalls(guilds, store)
        await scene.bot.add_cog(CallWords(calls, guilds, store, scene.parts.answers))
        await scene.bot.tree.sync()
        talk = Talk(scene, guilds, store, calls)
        yield talk
        if talk.sink is not None:
            began = time.monotonic()
            await talk.sink.close()
            assert time.monotonic() - began < 0.35
    left = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in left if name.startswith(("captions-", "transcript"))]


def line(number: int, text: str, *, final: bool = True, at: float | None = None) -> CaptionLine:
    when = float(number) if at is None else at
    return CaptionLine(number, when, Kind.PERSON, 1, "Ada", text, final)
