"""A real discord.py bot with a command of every kind, led to the emulated Discord by proxy and CA alone."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.emulators.discord.server import DiscordEmulator

READY_TIMEOUT_S = 0.05  # discord.py waits this long for further guilds before it is ready
PATIENCE_S = 20.0

Client = TypeVar("Client", bound=discord.Client)


class Reply(discord.ui.Modal, title="Tell more"):
    """A text field and a file upload."""

    words: discord.ui.Label[Any] = discord.ui.Label(
        text="Words", component=discord.ui.TextInput(custom_id="words")
    )
    files: discord.ui.Label[Any] = discord.ui.Label(
        text="Files", component=discord.ui.FileUpload(custom_id="files", required=False, max_values=2)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.words.component, discord.ui.TextInput)
        assert isinstance(self.files.component, discord.ui.FileUpload)
        sizes = [len(await attachment.read()) for attachment in self.files.component.values]
        await interaction.response.send_message(f"{self.words.component.value} {sizes}", ephemeral=True)


class Buttons(discord.ui.View):
    """A button, a select, and a button that opens the modal."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Press", custom_id="press")
    async def press(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content="pressed", view=None)

    @discord.ui.button(label="Write", custom_id="write")
    async def write(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(Reply(custom_id="reply"))

    @discord.ui.button(label="Aside", custom_id="aside")
    async def aside(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.followup.send("aside", ephemeral=True)

    @discord.ui.select(
        custom_id="pick", options=[discord.SelectOption(label="A"), discord.SelectOption(label="B")]
    )
    async def pick(self, interaction: discord.Interaction, select: discord.ui.Select[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content=f"picked {select.values}")


class Panel(discord.ui.LayoutView):
    """Components V2 with a file in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        section: discord.ui.Section[Any] = discord.ui.Section(
            discord.ui.TextDisplay(text), accessory=discord.ui.Button(label="ok", custom_id="ok")
        )
        container: discord.ui.Container[Any] = discord.ui.Container(
            section, discord.ui.Separator(), discord.ui.File("attachment://notes.txt")
        )
        self.add_item(container)


def notes(text: str = "notes") -> discord.File:
    return discord.File(io.BytesIO(text.encode()), filename="notes.txt")


def add_commands(tree: app_commands.CommandTree[Any]) -> None:
    @tree.command(description="Answer at once")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    @tree.command(description="Answer later")
    async def later(interaction: discord.Interaction, private: bool = False) -> None:
        await interaction.response.defer(ephemeral=private, thinking=True)
        await interaction.edit_original_response(content="one")
        await interaction.edit_original_response(content="two")
        await interaction.followup.send("three", file=notes())

    @tree.command(description="Tell what was given")
    @app_commands.describe(count="how many", who="who", file="what")
    async def given(
        interaction: discord.Interaction,
        count: app_commands.Range[int, 1, 5],
        who: discord.Member,
        file: discord.Attachment | None = None,
    ) -> None:
        data = await file.read() if file else b""
        await interaction.response.send_message(f"{count} {who.display_name} {data.decode()}")

    @given.autocomplete("count")
    async def numbers(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[Any]]:
        return [app_commands.Choice(name="four", value=4)]

    @tree.command(description="Show a panel")
    async def panel(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(view=Panel("hello"), attachments=[notes()])

    @tree.command(description="Show buttons")
    async def buttons(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("press", view=Buttons())

    @tree.command(description="Forget to answer")
    async def forget(interaction: discord.Interaction) -> None:
        interaction.client.dispatch("forgotten", interaction)

    @tree.context_menu(name="Shout")
    async def shout(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(message.content.upper())

    @tree.context_menu(name="Greet")
    async def greet(interaction: discord.Interaction, user: discord.Member) -> None:
        await interaction.response.send_message(f"hello {user.name}", ephemeral=True)

    group = app_commands.Group(name="set", description="Settings")

    @group.command(description="Set the voice")
    async def voice(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(f"voice {name}")

    tree.add_command(group)


def make_bot(emulator: DiscordEmulator, intents: discord.Intents | None = None) -> commands.Bot:
    bot = commands.Bot(
        command_prefix=commands.when_mentioned,
        intents=intents or discord.Intents(guilds=True, voice_states=True, messages=True, reactions=True),
        proxy=emulator.proxy_url,
        connector=aiohttp.TCPConnector(ssl=emulator.ca.client_context()),
        guild_ready_timeout=READY_TIMEOUT_S,
        help_command=None,
    )
    add_commands(bot.tree)
    return bot


@asynccontextmanager
async def running(bot: Client, token: str) -> AsyncIterator[Client]:
    """Run the bot until it is ready, and close it afterwards; what ends it early is raised."""
    task = asyncio.create_task(bot.start(token), name="bot under test")
    try:
        ready = asyncio.create_task(until(bot.is_ready))
        done, _ = await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        for ended in done:
            ended.result()
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nothing announces."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - polled: neither side has an event for it
            await asyncio.sleep(0.01)
