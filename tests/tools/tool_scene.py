"""The whole bot in a call, with a model that calls functions as a test says, and people who speak."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from loopback import RunningBot, eventually, running_bot

from bot.emulators.client.gate import read_wav
from bot.emulators.discord.model import Channel, Message, Upload, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.emulators.gemini.knobs import Call, Search, ToolRule
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.gemini.wire import ToolResult
from bot.emulators.person import Person
from cogs.consent import GIVE_ID

MEDIA = Path(__file__).parents[1] / "media"
COFFEE = MEDIA / "photo-coffee.png"
SECONDS = 1.2  # of speech, of which the model measures something


class Scene:
    """A call in the lounge, and who is in it."""

    def __init__(self, bot: RunningBot, people: dict[str, Person]) -> None:
        self.bot = bot
        self.people = people
        self.pcm, self.rate = read_wav(MEDIA / "speech-austen-0880.wav")

    @property
    def world(self) -> World:
        return self.bot.discord.world

    @property
    def lounge(self) -> Channel:
        return self.world.voice_channels[0]

    def rule(self, *calls: Call | Search) -> ToolRule:
        """Have the model do this in the next turn of speech."""
        made = ToolRule(calls)
        self.bot.gemini.knobs.tool_rules.append(made)
        return made

    async def say(self, name: str = "Ada", *, seconds: float = SECONDS) -> None:
        await self.people[name].speak(self.pcm[: int(seconds * self.rate)], rate_hz=self.rate)

    def results(self) -> list[ToolResult]:
        return [each for session in self.bot.gemini.sessions for each in session.log.tool_results]

    async def ask(self, name: str, args: dict[str, Any] | None = None, *, by: str = "Ada") -> dict[str, Any]:
        """Have a person say something for which the model calls a function; return what it was answered."""
        before = len(self.results())
        rule = self.rule(Call(name, args or {}))
        await self.say(by)
        await eventually(lambda: len(self.results()) > before)
        assert rule.hits == 1
        result = self.results()[-1]
        assert result.name == name
        return dict(result.response)

    async def told(self, words: str) -> None:
        """Wait until the model says something aloud."""
        await eventually(
            lambda: any(words in turn.answer and turn.first_audio_at for turn in self.bot.turns())
        )

    def notes(self) -> list[str]:
        """Return the texts that the model was given."""
        sessions = self.bot.gemini.sessions
        return [note.text for each in sessions for note in each.log.notes if note.kind == "text"]

    def chat(self, *, captions: bool = False) -> list[Message]:
        """Return what the bot wrote in the lounge's chat."""
        messages = [one for one in self.world.messages(self.lounge.id) if one.author is self.world.bot]
        return [one for one in messages if captions or not is_caption(one)]

    async def post(self, words: str) -> Message:
        """Wait for a message of the bot's with these words."""
        await eventually(lambda: any(words in one.content for one in self.chat()))
        return next(one for one in self.chat() if words in one.content)

    async def look(self, name: str = "Ada") -> None:
        person = self.people[name]
        given = Upload(COFFEE.name, COFFEE.read_bytes())
        await person.run_command(self.world.text.id, "look", file=given)
        await eventually(lambda: any("shows you a picture" in note for note in self.notes()))


def is_caption(message: Message) -> bool:
    return message.content.startswith(
        ("**Ada:**", "**Ben:**", "**Earshot", "-# Earshot", "-# …", "**Someone")
    )


def buttons(message: Message) -> dict[str, str]:
    """Return the custom ids of a message's buttons, by their labels."""
    parts = walk(message.components)
    return {part["label"]: part["custom_id"] for part in parts if part.get("custom_id") and part.get("label")}


@contextlib.asynccontextmanager
async def tool_scene(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, names: Sequence[str] = ("Ada",)
) -> AsyncIterator[Scene]:
    """Run the bot, in a call with these people, who all agreed to be heard."""
    gemini.knobs.playback_speed = 4.0
    async with contextlib.AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.chdir(folder)  # no .env there
        patch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what the bot exports goes with the scene
        bot = await stack.enter_async_context(running_bot(discord, gemini, folder))
        world = discord.world
        people = {name: Person(discord, world.add_user(name)) for name in names}
        for person in people.values():
            await person.join(world.voice_channels[0].id)
        try:
            joined = await people[names[0]].run_command(world.text.id, "join")
            for name in names[1:]:
                await people[name].click(joined, GIVE_ID)
            everyone = [person.user.id for person in people.values()]
            for person in people.values():
                await person.secured_with(world.bot.id, *everyone)
            yield Scene(bot, people)
        finally:
            for person in people.values():
                await person.leave()
