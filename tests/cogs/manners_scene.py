"""The whole bot with people in a call with it, who say what it does, and hear whether it does."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from loopback import RunningBot, eventually, running_bot

from bot.emulators.client.hearing import HeardFrame
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, VoiceState
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person

SPEECH = Path(__file__).parents[1] / "media" / "speech-austen-0880.wav"
QUIET_S = 0.6  # without a packet of speech: the bot has finished


@dataclass
class Scene:
    """Ada is in the lounge and has run /join."""

    bot: RunningBot
    ada: Person
    joined: Message
    people: list[Person] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.bot.discord.world

    @property
    def lounge(self) -> int:
        return self.world.voice_channels[0].id

    @property
    def me(self) -> int:
        return self.world.bot.id

    @property
    def nick(self) -> str | None:
        return self.world.guild.members[self.me].nick

    def state(self) -> VoiceState | None:
        return self.world.guild.voice_states.get(self.me)

    def run(self, command: str, who: Person | None = None, **options: object) -> Interaction:
        return (who or self.ada).run_command(self.world.text.id, command, **options)

    async def told(self, command: str, who: Person | None = None, **options: object) -> str:
        """Run a command and return what it answered, to that person alone."""
        message = await self.run(command, who, **options)
        assert message.ephemeral
        return message.text

    def voiced(self, since: float = 0.0) -> list[HeardFrame]:
        """Return the packets with speech of the bot that came to Ada after then."""
        return [frame for frame in self.ada.heard(self.me) if not frame.silence and frame.at >= since]

    async def hears(self, since: float) -> None:
        """Wait until Ada hears the bot."""
        await eventually(lambda: bool(self.voiced(since)))

    async def quiet(self) -> None:
        """Wait until the bot has not been heard for a while."""
        began = time.monotonic()

        def is_quiet() -> bool:
            last = max([began, *(frame.at for frame in self.voiced(began))])
            return time.monotonic() - last > QUIET_S

        await eventually(is_quiet)

    async def bob(self) -> Person:
        """Have another person come in."""
        bob = Person(self.bot.discord, self.world.add_user("Bob"))
        await bob.join(self.lounge)
        await bob.secured_with(self.me)
        self.people.append(bob)
        return bob


@asynccontextmanager
async def manners_scene(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Run the bot, have Ada join, and wait until the bot has said what it is."""
    monkeypatch.chdir(folder)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    gemini.knobs.playback_speed = 50.0
    async with running_bot(discord, gemini, folder) as bot:
        ada = Person(discord, discord.world.add_user("Ada"))
        await ada.join(discord.world.voice_channels[0].id)
        joined = await ada.run_command(discord.world.text.id, "join")
        scene = Scene(bot, ada, joined, [ada])
        try:
            await ada.secured_with(scene.me)
            await scene.hears(0.0)
            await scene.quiet()
            yield scene
        finally:
            await asyncio.gather(*(person.leave() for person in scene.people))
