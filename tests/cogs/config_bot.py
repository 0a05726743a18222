"""A real discord.py bot with the panel, /privacy and the greeting, on the loopback Discord.

A test module imports the fixture `scene` and names it in `__all__`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import discord
import pytest
from answer_bot import bot_with
from discord.ext import commands

from bot.conversation.call import CallError
from bot.conversation.personas import personas
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Json, Message, Role, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World
from bot.live.capabilities import catalogue
from bot.live.setup import LiveSetup
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.kept import KeptStore
from bot.storage.settings_rules import Choices
from cogs.config import Config
from cogs.greeting import Greeting
from cogs.privacy import Privacy

DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")


@dataclass
class Hall:
    """Stands for the calls: who is in one hears samples, and goes by new settings."""

    calls: set[int] = field(default_factory=set)
    said: list[tuple[int, int, str]] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        if guild_id not in self.calls:
            raise CallError("I am in no call here; /join begins one.")
        self.said.append((guild_id, user_id, text))

    async def join(self, interaction: discord.Interaction) -> None:
        if not self.calls:
            raise CallError("Join a voice channel first, or name one: /join channel.")
        self.joined.append(interaction.user.id)
        await interaction.response.send_message("I am there.")


@dataclass
class Scene:
    """The guild, its owner, who may all, and one person who may nothing in particular."""

    emulator: DiscordEmulator
    path: Path
    hall: Hall
    paid: bool
    ada: EmulatedUser
    crew: Role
    dj: Role
    database: Database = field(init=False)
    guilds: GuildStore = field(init=False)
    consents: ConsentStore = field(init=False)
    bot: commands.Bot = field(init=False)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def world(self) -> World:
        return self.emulator.world

    @property
    def guild_id(self) -> int:
        return self.world.guild.id

    @property
    def owner_id(self) -> int:
        return self.world.guild.owner_id

    @property
    def settings(self) -> GuildSettings:
        return self.guilds.get(self.guild_id)

    async def start(self) -> None:
        """Start the bot, as after a restart where it ran before."""
        await self.stack.aclose()
        self.stack = AsyncExitStack()
        self.database = await Database.open(f"sqlite+aiosqlite:///{self.path}", busy_s=0.2)
        self.stack.push_async_callback(self.database.close)
        self.guilds = await GuildStore.load(self.database, DEFAULTS)
        self.consents = await ConsentStore.load(
            self.database, lambda guild_id: self.guilds.get(guild_id).consent
        )
        known = catalogue()
        config = Config(
            self.guilds,
            Choices(tuple(known.models), known.voices, tuple(personas().ready), known.retired),
            paid=self.paid,
            speaker=self.hall,
            check=lambda settings: LiveSetup(settings.model, settings.voice, "", turns="marks"),
            applied=self.hall.applied.append,
        )
        privacy = Privacy(self.consents, self.guilds, KeptStore(self.database), paid=self.paid)
        cogs = [config, privacy, Greeting(self.hall.join, self.guilds.get)]
        self.bot = await self.stack.enter_async_context(bot_with(self.emulator, cogs, []))

    def run(self, command: str, user_id: int) -> Interaction:
        return self.world.run_command(user_id, self.world.text.id, command)

    async def panel(self, user_id: int | None = None, page: str = "character") -> Message:
        """Open the panel at a page, as its owner where nobody else is named."""
        user = user_id or self.owner_id
        message = await self.run("config", user)
        if page != "character":
            await shown(self.world.click(user, message.id, f"earshot:config:page:{page}:"))
        return message

    async def choose(
        self, panel: Message, name: str, values: list[str], user_id: int | None = None
    ) -> Message:
        user = user_id or self.owner_id
        return await shown(self.world.select(user, panel.id, f"earshot:config:set:{name}", values))

    async def type_in(self, panel: Message, name: str, value: str, user_id: int | None = None) -> Interaction:
        """Press the button that opens a modal, and submit it."""
        user = user_id or self.owner_id
        opened = self.world.click(user, panel.id, f"earshot:config:form:{name}")
        await opened.opened_modal()
        return self.world.submit_modal(opened, {"value": value})


async def shown(used: Interaction) -> Message:
    """Return the panel after it was shown anew."""
    await used.wait_for(lambda it: any(seen.what == "edit" for seen in it.history))
    assert used.original is not None
    return used.original


@asynccontextmanager
async def config_scene(emulator: DiscordEmulator, folder: Path, *, paid: bool = True) -> AsyncIterator[Scene]:
    guild = emulator.world.guild
    crew, dj = (Role(emulator.world.places.snowflakes.next(), name, 0) for name in ("Crew", "DJ"))
    guild.roles |= {crew.id: crew, dj.id: dj}
    ada = emulator.world.add_user("Ada")
    scene = Scene(emulator, folder / "earshot.db", Hall(), paid, ada, crew, dj)
    await scene.start()
    try:
        yield scene
    finally:
        await scene.stack.aclose()


def component(message: Message, custom_id: str) -> Json:
    return next(part for part in walk(message.components) if part.get("custom_id") == custom_id)


def chosen(message: Message, name: str) -> list[str]:
    """Return the labels that a setting's selects show as chosen."""
    prefix = f"earshot:config:set:{name}"
    selects = [part for part in walk(message.components) if str(part.get("custom_id")).startswith(prefix)]
    assert selects
    return [option["label"] for select in selects for option in select["options"] if option.get("default")]


def grant(scene: Scene, user: EmulatedUser, role: Role) -> None:
    scene.world.guild.members[user.id].role_ids.append(role.id)


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator, tmp_path: Path) -> AsyncIterator[Scene]:
    async with config_scene(discord_emulator, tmp_path) as scene:
        yield scene


async def told(used: Interaction) -> str:
    """Return the sentence that a person was told beside the panel."""
    await used.wait_for(
        lambda it: bool(it.followups) or (it.answer is not None and it.answer is not it.source)
    )
    message = used.followups[0] if used.followups else used.answer
    assert message is not None
    assert message.ephemeral
    return message.text
