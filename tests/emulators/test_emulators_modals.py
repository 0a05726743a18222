"""Modals: opened by commands, right clicks and buttons; files, texts and selects that come back from them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord.ext import commands
from loopback_bot import make_bot, running

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World

Modal = discord.ui.Modal


def ask_modal(most: int = 10) -> Modal:
    modal = Modal(title="Ask", custom_id="ask:1")
    options = [discord.SelectOption(label=name) for name in ("short", "long")]
    parts: dict[str, Any] = {
        "Question": discord.ui.TextInput(custom_id="question", max_length=20),
        "Files": discord.ui.FileUpload(custom_id="files", required=False, min_values=0, max_values=most),
        "Length": discord.ui.Select(custom_id="length", options=options, required=False),
    }
    for text, component in parts.items():
        modal.add_item(discord.ui.Label(text=text, component=component))
    return modal


class Opening(discord.ui.View):
    @discord.ui.button(label="Ask", custom_id="open")
    async def ask(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_modal(ask_modal())


def make(emulator: DiscordEmulator) -> commands.Bot:
    bot = make_bot(emulator)

    @bot.tree.context_menu(name="Ask")
    async def ask_about(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_modal(ask_modal())

    @bot.tree.command(description="Ask anything")
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(ask_modal())

    @bot.tree.command(description="Show a button")
    async def button(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("here", view=Opening(timeout=None))

    @bot.listen()
    async def on_interaction(interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            bot.dispatch("submitted", interaction)

    return bot


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    bot = make(discord_emulator)
    async with running(bot, discord_emulator.token):
        await bot.tree.sync()
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


@pytest.fixture
def ann(world: World) -> EmulatedUser:
    return world.add_user("ann")


async def submitted(
    bot: commands.Bot, world: World, opened: Interaction, values: dict[str, Any]
) -> tuple[Interaction, discord.Interaction]:
    waiting = asyncio.create_task(bot.wait_for("submitted", timeout=10))
    await asyncio.sleep(0)
    seen = world.submit_modal(opened, values)
    return seen, await waiting


async def test_ten_files_come_with_texts_and_choices(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    opened = world.run_command(ann.id, world.text.id, "ask")
    assert (await opened.opened_modal())["title"] == "Ask"
    files = [Upload(f"{number}.txt", f"file {number}".encode()) for number in range(10)]
    values = {"question": "What is it?", "files": files, "length": ["long"]}
    seen, got = await submitted(bot, world, opened, values)
    data: Any = got.data
    labels = [label["component"] for label in data["components"]]
    assert labels[0]["value"] == "What is it?"
    assert labels[2]["values"] == ["long"]
    resolved = data["resolved"]["attachments"]
    assert labels[1]["values"] == list(resolved)
    assert [one["filename"] for one in resolved.values()] == [f"{number}.txt" for number in range(10)]
    last = discord.Attachment(data=list(resolved.values())[-1], state=bot._connection)
    assert await last.read() == b"file 9"
    assert last.ephemeral
    await got.response.send_message("thanks")
    assert (await seen).content == "thanks"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"question": "?", "files": [Upload("a", b"x")] * 11}, "takes 0 to 10 files"),
        ({"question": "x" * 21}, "must be between"),
        ({"files": []}, "'question' is required"),
        ({"question": "?", "length": ["medium"]}, "offers only"),
        ({"question": "?", "other": "x"}, "no field 'other'"),
    ],
)
async def test_what_the_client_lets_nobody_submit(
    bot: commands.Bot, world: World, ann: EmulatedUser, values: dict[str, Any], problem: str
) -> None:
    opened = world.run_command(ann.id, world.text.id, "ask")
    await opened.opened_modal()
    with pytest.raises(ActError, match=problem):
        world.submit_modal(opened, values)


async def test_files_that_are_required(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    opened = world.run_command(ann.id, world.text.id, "forget")
    interaction: discord.Interaction = await bot.wait_for("forgotten", timeout=10)
    modal = Modal(title="Files")
    modal.add_item(discord.ui.Label(text="Files", component=discord.ui.FileUpload(custom_id="files")))
    await interaction.response.send_modal(modal)
    nothings: tuple[dict[str, Any], ...] = ({}, {"files": []})
    for nothing in nothings:
        with pytest.raises(ActError, match="required"):
            world.submit_modal(opened, nothing)
    _, got = await submitted(bot, world, opened, {"files": [Upload("a", b"x")]})
    await got.response.defer(thinking=True)


async def test_after_a_right_click_the_channel_is_that_of_the_message(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    post = world.post(ann.id, world.text.id, "words")
    opened = world.run_on_message(ann.id, post.id, "Ask")
    await opened.opened_modal()
    seen, got = await submitted(bot, world, opened, {"question": "Why?"})
    assert (got.channel_id, got.message) == (world.text.id, None)
    await got.response.send_message("so")
    assert (await seen).channel_id == world.text.id


async def test_after_a_button_the_message_comes_along_and_can_be_updated(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    message = await world.run_command(ann.id, world.text.id, "button")
    opened = world.click(ann.id, message.id, "open")
    await opened.opened_modal()
    seen, got = await submitted(bot, world, opened, {"question": "Why?"})
    assert got.message is not None
    assert got.message.id == message.id
    await got.response.edit_message(content="asked", view=None)
    assert (await seen).id == message.id
    assert message.content == "asked"


async def test_a_modal_outlives_the_process_that_opened_it(
    discord_emulator: DiscordEmulator, ann: EmulatedUser, world: World, bot: commands.Bot
) -> None:
    opened = world.run_command(ann.id, world.text.id, "ask")
    await opened.opened_modal()
    await bot.close()
    discord_emulator.knobs.identify_interval_s = 0.0
    async with running(make(discord_emulator), discord_emulator.token) as restarted:
        values = {"question": "Still there?", "files": [Upload("a.txt", b"words")]}
        seen, got = await submitted(restarted, world, opened, values)
        data: Any = got.data
        assert data["custom_id"] == "ask:1"
        (file,) = data["resolved"]["attachments"].values()
        assert await discord.Attachment(data=file, state=restarted._connection).read() == b"words"
        await got.response.send_message("yes")
        assert (await seen).content == "yes"
