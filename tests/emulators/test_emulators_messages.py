"""Messages to the bot as it gets them: mentions, replies, threads; and channels that go in mid-answer."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
from discord.ext import commands
from loopback_bot import make_bot, running, until

from bot.emulators.discord.model import FILE_LIMIT, MIB, Channel, EmulatedUser, Upload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


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


async def heard(
    bot: commands.Bot, world: World, user: EmulatedUser, channel: Channel, *args: Any, **kw: Any
) -> discord.Message:
    """Post as a person, and return what the bot was told."""
    waiting = asyncio.create_task(bot.wait_for("message", check=lambda it: it.author.id == user.id))
    await asyncio.sleep(0)
    world.post(user.id, channel.id, *args, **kw)
    async with asyncio.timeout(10):
        message: discord.Message = await waiting
    return message


async def test_a_mention_opens_a_message_and_its_files(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    files = [Upload("cat.png", PNG)]
    closed = await heard(bot, world, ann, world.text, "look", files)
    assert (closed.content, closed.attachments) == ("", [])
    called = await heard(bot, world, ann, world.text, f"<@{world.bot.id}> look", files)
    assert called.content == f"<@{world.bot.id}> look"
    assert await called.attachments[0].read() == PNG
    assert bot.user in called.mentions


async def answered(bot: commands.Bot, world: World) -> discord.Message:
    """Let the bot post a message with a component and a file in it."""
    view: discord.ui.LayoutView = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay("the answer"))
    view.add_item(discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://plot.png")))
    channel = bot.get_partial_messageable(world.text.id)
    return await channel.send(view=view, file=discord.File(io.BytesIO(PNG), "plot.png"))


async def test_a_pinged_reply_mentions_the_bot_and_shows_what_it_answers(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    answer = await answered(bot, world)
    reply = await heard(bot, world, ann, world.text, "and then?", reply_to=answer.id)
    assert reply.content == "and then?"
    assert [user.id for user in reply.mentions] == [world.bot.id]
    assert reply.reference is not None
    assert reply.reference.message_id == answer.id
    shown = reply.reference.resolved
    assert isinstance(shown, discord.Message)
    assert [type(part).__name__ for part in shown.components] == ["TextDisplay", "MediaGalleryComponent"]
    assert await shown.attachments[0].read() == PNG


async def test_a_reply_without_a_ping_stays_closed(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    answer = await answered(bot, world)
    reply = await heard(bot, world, ann, world.text, "and then?", reply_to=answer.id, ping=False)
    assert (reply.content, reply.mentions) == ("", [])
    assert reply.reference is not None
    shown = reply.reference.resolved
    assert isinstance(shown, discord.Message)
    assert shown.components  # the bot's own message is open to it
    other = await heard(bot, world, ann, world.text, "hm", reply_to=reply.id)
    assert other.reference is not None
    assert isinstance(other.reference.resolved, discord.Message)
    assert other.reference.resolved.content == ""  # and those of people are not


async def test_a_reply_to_a_slash_answer_never_pings(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    pong = await world.run_command(ann.id, world.text.id, "ping")
    reply = await heard(bot, world, ann, world.text, "again", reply_to=pong.id)
    assert (reply.content, reply.mentions) == ("", [])


async def test_the_intent_opens_everything(ca: Any, openapi: Any) -> None:
    intents = discord.Intents(guilds=True, messages=True, message_content=True)
    async with DiscordEmulator(ca, message_content_intent=True, openapi=openapi) as emulator:
        world = emulator.world
        ann = world.add_user("ann")
        async with running(make_bot(emulator, intents), emulator.token) as bot:
            await bot.tree.sync()
            pong = await world.run_command(ann.id, world.text.id, "ping")
            reply = await heard(
                bot, world, ann, world.text, "again", [Upload("a.png", PNG)], reply_to=pong.id
            )
            assert reply.content == "again"
            assert await reply.attachments[0].read() == PNG
            assert reply.reference is not None
            assert isinstance(reply.reference.resolved, discord.Message)
            assert reply.reference.resolved.content == "pong"
        assert emulator.openapi_violations == []


async def test_direct_messages_are_open_and_need_their_intent(
    discord_emulator: DiscordEmulator, world: World, bot: commands.Bot, ann: EmulatedUser
) -> None:
    direct = world.open_dm(ann.id)
    message = await heard(bot, world, ann, direct, "psst", [Upload("a.png", PNG)])
    assert (message.content, message.guild) == ("psst", None)
    assert await message.attachments[0].read() == PNG
    (session,) = discord_emulator.gateway.sessions
    session.intents &= ~(1 << 12)
    before = session.sequence
    world.post(ann.id, direct.id, "unheard")
    assert session.sequence == before


async def test_threads(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    thread = world.add_thread(world.text.id, "aside", ann.id)
    await until(lambda: bot.get_channel(thread.id) is not None)
    message = await heard(bot, world, ann, thread, f"<@{world.bot.id}> here?", [Upload("a.png", PNG)])
    assert isinstance(message.channel, discord.Thread)
    assert (message.channel.name, message.channel.parent_id) == ("aside", world.text.id)
    assert message.content == f"<@{world.bot.id}> here?"
    await message.reply("yes")
    assert [post.content for post in world.messages(thread.id)][1:] == ["yes"]
    assert (await bot.fetch_channel(thread.id)).id == thread.id
    assert (await world.run_command(ann.id, thread.id, "ping")).content == "pong"
    world.set_permissions(world.text.id, world.guild.id, deny=Permission.SEND_MESSAGES_IN_THREADS)
    with pytest.raises(discord.Forbidden, match="50013"):
        await message.reply("no more")
    world.delete_channel(world.text.id)
    with pytest.raises(discord.NotFound, match="10003"):
        await message.reply("gone")


async def test_what_the_bot_may_not_see_is_not_told(
    discord_emulator: DiscordEmulator, bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    (session,) = discord_emulator.gateway.sessions
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.VIEW_CHANNEL)
    before = session.sequence
    world.post(ann.id, world.text.id, f"<@{world.bot.id}> hello")
    assert session.sequence == before
    with pytest.raises(discord.Forbidden, match="50001"):
        await bot.get_partial_messageable(world.text.id).send("x")


async def test_an_answer_outlives_the_bots_rights(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    seen = world.run_command(ann.id, world.text.id, "forget")
    interaction: discord.Interaction = await bot.wait_for("forgotten", timeout=10)
    await interaction.response.defer()
    everything = Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES
    world.set_permissions(world.text.id, world.bot.id, deny=everything)
    await interaction.edit_original_response(content="still")
    assert (await seen).content == "still"
    message = await interaction.original_response()
    with pytest.raises(discord.Forbidden, match="50001"):
        await bot.get_partial_messageable(world.text.id).get_partial_message(message.id).edit(content="x")


async def test_an_answer_goes_with_its_channel(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    room = world.add_channel("room")
    world.run_command(ann.id, room.id, "forget")
    interaction: discord.Interaction = await bot.wait_for("forgotten", timeout=10)
    await interaction.response.defer()
    message = await interaction.edit_original_response(content="half")
    world.delete_channel(room.id)
    with pytest.raises(discord.NotFound, match="10008"):
        await interaction.edit_original_response(content="whole")
    with pytest.raises(discord.NotFound, match="10003"):
        await interaction.followup.send("more")
    with pytest.raises(discord.NotFound, match="10003"):
        await bot.get_partial_messageable(room.id).get_partial_message(message.id).edit(content="x")


async def test_files_are_as_large_as_the_guild_allows(
    bot: commands.Bot, world: World, ann: EmulatedUser
) -> None:
    def file(size: int) -> discord.File:
        return discord.File(io.BytesIO(bytes(size)), "big.bin")

    world.run_command(ann.id, world.text.id, "forget")
    interaction: discord.Interaction = await bot.wait_for("forgotten", timeout=10)
    assert interaction.filesize_limit == FILE_LIMIT
    await interaction.response.defer()
    with pytest.raises(discord.HTTPException, match="40005") as refused:
        await interaction.edit_original_response(attachments=[file(FILE_LIMIT + 1)])
    assert refused.value.status == 413
    world.boost(world.guild, 2)
    await until(lambda: bot.guilds[0].filesize_limit == 50 * MIB)
    await interaction.edit_original_response(attachments=[file(FILE_LIMIT + 1)])
    world.run_command(ann.id, world.text.id, "forget")
    interaction = await bot.wait_for("forgotten", timeout=10)
    assert interaction.filesize_limit == 50 * MIB
    await interaction.response.defer()
    large = world.post(ann.id, world.text.id, "mine", [Upload("film.bin", bytes(60 * MIB))])
    assert len(large.attachments[0].data) == 60 * MIB


async def test_edits_of_messages_have_a_bucket_for_each_channel(
    bot: commands.Bot, world: World, discord_emulator: DiscordEmulator
) -> None:
    other = world.add_channel("other")
    messages = {
        channel.id: await bot.get_partial_messageable(channel.id).send("0") for channel in (world.text, other)
    }
    connector = aiohttp.TCPConnector(ssl=discord_emulator.ca.client_context())
    headers = {"Authorization": f"Bot {discord_emulator.token}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:

        async def edit(channel: Channel, text: str) -> int:
            url = f"https://discord.com/api/v10/channels/{channel.id}/messages/{messages[channel.id].id}"
            async with http.patch(url, json={"content": text}, proxy=discord_emulator.proxy_url) as response:
                return response.status

        statuses = [await edit(world.text, str(number)) for number in range(6)]
        assert statuses == [200] * 5 + [429]
        assert await edit(other, "1") == 200
