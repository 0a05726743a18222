"""Links of the CDN: they expire, whoever fetches the message again gets fresh ones; some never come again."""

import io
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import discord
import pytest
from discord.ext import commands
from loopback_bot import make_bot, running

from bot.emulators.discord.cdn import LINK_LIFE_S
from bot.emulators.discord.model import EmulatedUser, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    bot = make_bot(discord_emulator)
    async with running(bot, discord_emulator.token):
        await bot.tree.sync()
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


@pytest.fixture
def ann(world: World) -> EmulatedUser:
    return world.add_user("ann")


def a_day_later(emulator: DiscordEmulator) -> None:
    emulator.knobs.cdn_clock_offset_s += LINK_LIFE_S + 60


async def test_old_links_are_dead_and_fresh_ones_are_not(
    discord_emulator: DiscordEmulator, bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    post = world.post(ann.id, world.open_dm(ann.id).id, "look", [Upload("a.txt", b"words")])
    channel = bot.get_partial_messageable(post.channel_id)
    before = await channel.fetch_message(post.id)
    keys = parse_qs(urlsplit(before.attachments[0].url).query)
    assert int(keys["ex"][0], 16) - int(keys["is"][0], 16) == LINK_LIFE_S
    assert len(keys["hm"][0]) == 64
    assert await before.attachments[0].read() == b"words"
    a_day_later(discord_emulator)
    with pytest.raises(discord.NotFound):
        await before.attachments[0].read()
    with pytest.raises(discord.NotFound):
        await before.attachments[0].read(use_cached=True)
    after = await channel.fetch_message(post.id)
    assert await after.attachments[0].read() == b"words"


async def test_what_components_show_gets_fresh_links_too(
    discord_emulator: DiscordEmulator, bot: commands.Bot, world: World
) -> None:
    view: discord.ui.LayoutView = discord.ui.LayoutView()
    view.add_item(discord.ui.File[discord.ui.LayoutView]("attachment://notes.txt"))
    channel = bot.get_partial_messageable(world.text.id)
    sent = await channel.send(view=view, file=discord.File(io.BytesIO(b"notes"), "notes.txt"))

    async def link() -> str:
        (part,) = (await channel.fetch_message(sent.id)).components
        assert isinstance(part, discord.FileComponent)
        return part.media.url

    old = await link()
    assert await bot.http.get_from_cdn(old) == b"notes"
    a_day_later(discord_emulator)
    with pytest.raises(discord.NotFound):
        await bot.http.get_from_cdn(old)
    assert await bot.http.get_from_cdn(await link()) == b"notes"


async def test_the_file_of_an_option_is_ephemeral_and_gone_with_its_link(
    discord_emulator: DiscordEmulator, bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    @bot.tree.command(description="Take a file")
    async def take(interaction: discord.Interaction, file: discord.Attachment) -> None:
        bot.dispatch("taken", interaction, file)

    await bot.tree.sync()
    world.run_command(ann.id, world.text.id, "take", {"file": Upload("a.txt", b"words")})
    interaction, file = await bot.wait_for("taken", timeout=10)
    await interaction.response.defer()
    assert file.ephemeral
    assert urlsplit(file.url).path == f"/ephemeral-attachments/{world.text.id}/{file.id}/a.txt"
    assert await file.read() == b"words"
    a_day_later(discord_emulator)
    with pytest.raises(discord.NotFound):
        await file.read()


async def test_a_reply_shows_what_it_answers_with_fresh_links(
    discord_emulator: DiscordEmulator, bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    direct = world.open_dm(ann.id)
    first = world.post(ann.id, direct.id, "look", [Upload("a.txt", b"words")])
    a_day_later(discord_emulator)
    reply = world.post(ann.id, direct.id, "that one", reply_to=first.id)
    got = await bot.get_partial_messageable(direct.id).fetch_message(reply.id)
    assert got.reference is not None
    assert isinstance(got.reference.resolved, discord.Message)
    assert await got.reference.resolved.attachments[0].read() == b"words"
