"""An app that a person has on their account, in places where the bot is not: what it gets and may do."""

from collections.abc import AsyncIterator

import discord
import pytest
from discord import app_commands
from discord.ext import commands
from loopback_bot import make_bot, running

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Channel, EmulatedUser, Guild, MessageFlag
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World


class Nowhere(discord.ui.View):
    @discord.ui.button(label="Who", custom_id="who")
    async def who(self, interaction: discord.Interaction, button: discord.ui.Button[discord.ui.View]) -> None:
        await interaction.response.send_message(f"{interaction._integration_owners}", ephemeral=True)


def add_everywhere(tree: app_commands.CommandTree[commands.Bot]) -> None:
    installs = app_commands.AppInstallationType(guild=True, user=True)
    contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)

    @tree.command(description="Use anywhere")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def anywhere(interaction: discord.Interaction, file: discord.Attachment | None = None) -> None:
        interaction.client.dispatch("used", interaction)

    async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"“{message.content}”", view=Nowhere(timeout=None))

    tree.add_command(
        app_commands.ContextMenu(
            name="Quote", callback=quote, allowed_installs=installs, allowed_contexts=contexts
        )
    )


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    bot = make_bot(discord_emulator)
    add_everywhere(bot.tree)
    async with running(bot, discord_emulator.token):
        await bot.tree.sync()
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


@pytest.fixture
def elsewhere(world: World) -> Guild:
    return world.add_guild("Elsewhere", with_bot=False)


@pytest.fixture
def square(world: World, elsewhere: Guild) -> Channel:
    return world.add_channel("square", guild=elsewhere)


@pytest.fixture
def ann(world: World, elsewhere: Guild) -> EmulatedUser:
    ann = world.add_user("ann", elsewhere)
    world.install(ann.id)
    return ann


async def used(bot: commands.Bot, world: World, user: EmulatedUser, channel: Channel) -> discord.Interaction:
    return (await watched(bot, world, user, channel))[1]


async def watched(
    bot: commands.Bot, world: World, user: EmulatedUser, channel: Channel
) -> tuple[Interaction, discord.Interaction]:
    seen = world.run_command(user.id, channel.id, "anywhere")
    got: discord.Interaction = await bot.wait_for("used", timeout=10)
    return seen, got


async def test_only_the_person_let_the_app_in(
    bot: commands.Bot, world: World, ann: EmulatedUser, square: Channel
) -> None:
    got = await used(bot, world, ann, square)
    assert (got.is_guild_integration(), got.is_user_integration()) == (False, True)
    assert got._integration_owners == {1: ann.id}
    assert (got.guild_id, got.user.name, got.context.guild) == (square.guild_id, "ann", True)
    assert got.app_permissions == discord.Permissions(attach_files=True, embed_links=True)
    await got.response.send_message("hello")
    assert [message.content for message in world.messages(square.id)] == ["hello"]


async def test_where_the_guild_has_the_bot_both_let_it_in(bot: commands.Bot, world: World) -> None:
    bea = world.add_user("bea")
    guild_only = await used(bot, world, bea, world.text)
    assert guild_only._integration_owners == {0: world.guild.id}
    await guild_only.response.defer()
    world.install(bea.id)
    both = await used(bot, world, bea, world.text)
    assert both._integration_owners == {0: world.guild.id, 1: bea.id}
    assert both.app_permissions.send_messages
    await both.response.defer()


async def test_without_the_app_there_is_nothing_to_use(
    bot: commands.Bot, world: World, elsewhere: Guild, square: Channel, ann: EmulatedUser
) -> None:
    cy = world.add_user("cy", elsewhere)
    with pytest.raises(ActError, match="can't be used here"):
        world.run_command(cy.id, square.id, "anywhere")
    with pytest.raises(ActError, match="can't be used here"):
        world.run_command(ann.id, square.id, "ping")  # not for those who installed it
    with pytest.raises(ActError, match="may not use commands"):
        world.run_command(cy.id, world.text.id, "anywhere")  # of a guild that cy is not in
    world.install(ann.id, installed=False)
    with pytest.raises(ActError, match="can't be used here"):
        world.run_command(ann.id, square.id, "anywhere")


async def test_the_bot_itself_is_not_there(
    bot: commands.Bot, world: World, ann: EmulatedUser, square: Channel
) -> None:
    got = await used(bot, world, ann, square)
    await got.response.defer()
    channel = bot.get_partial_messageable(square.id)
    with pytest.raises(discord.Forbidden, match="50001"):
        await channel.send("out of nowhere")
    post = world.post(ann.id, square.id, f"<@{world.bot.id}> are you there?")
    with pytest.raises(discord.Forbidden, match="50001"):
        await channel.fetch_message(post.id)
    with pytest.raises(discord.Forbidden):
        await bot.fetch_guild(square.guild_id or 0)
    assert [guild.id for guild in bot.guilds] == [world.guild.id]


async def test_the_gateway_tells_nothing_of_it(
    bot: commands.Bot, world: World, ann: EmulatedUser, square: Channel, discord_emulator: DiscordEmulator
) -> None:
    group = world.add_group([ann.id, world.guild.owner_id], "friends")
    (session,) = discord_emulator.gateway.sessions
    before = session.sequence
    for channel in (square, group):
        world.post(ann.id, channel.id, f"<@{world.bot.id}> hello")
    assert session.sequence == before
    bea = world.add_user("bea")
    world.post(bea.id, world.text.id, "hello")
    assert session.sequence == before + 1


async def test_five_follow_ups_and_no_more(
    bot: commands.Bot, world: World, ann: EmulatedUser, square: Channel
) -> None:
    got = await used(bot, world, ann, square)
    await got.response.defer()
    await got.edit_original_response(content="first")
    for number in range(1, 5):
        await got.followup.send(str(number), wait=True)
    last = await got.followup.send("5", wait=True)
    with pytest.raises(discord.HTTPException, match="40094") as refused:
        await got.followup.send("6", wait=True)
    assert refused.value.status == 400
    await last.edit(content="edits are free")
    assert [message.content for message in world.messages(square.id)][-1] == "edits are free"


async def test_where_the_bot_is_there_is_no_such_limit(bot: commands.Bot, world: World) -> None:
    bea = world.add_user("bea")
    world.install(bea.id)
    got = await used(bot, world, bea, world.text)
    await got.response.send_message("0")
    for number in range(1, 8):
        await got.followup.send(str(number))
    assert len(world.messages(world.text.id)) == 8


@pytest.mark.parametrize("denied", [Permission.USE_EXTERNAL_APPS, Permission.SEND_MESSAGES])
async def test_where_external_apps_are_off_answers_are_private(
    bot: commands.Bot, world: World, ann: EmulatedUser, square: Channel, denied: Permission
) -> None:
    world.set_permissions(square.id, square.guild_id or 0, deny=denied)
    seen, got = await watched(bot, world, ann, square)
    await got.response.defer()
    await got.edit_original_response(content="for your eyes")
    await got.followup.send("only", wait=True)
    assert (await seen).flags & MessageFlag.EPHEMERAL
    assert seen.followups[0].ephemeral
    assert world.messages(square.id) == []


async def test_private_places(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    bea = world.add_user("bea")
    for channel in (world.add_group([ann.id, bea.id], "friends"), world.open_private(ann.id, bea.id)):
        got = await used(bot, world, ann, channel)
        assert (got.context.private_channel, got.guild_id, got._integration_owners) == (
            True,
            None,
            {1: ann.id},
        )
        assert got.app_permissions.value == 180_224
        await got.response.send_message("hello")
        post = world.post(bea.id, channel.id, "what bea said")
        quoted = await world.run_on_message(ann.id, post.id, "Quote")
        assert quoted.content == "“what bea said”"
        with pytest.raises(discord.Forbidden, match="50001"):
            await bot.get_partial_messageable(channel.id).send("x")
        with pytest.raises(ActError):
            world.run_command(bea.id, channel.id, "anywhere")
    with pytest.raises(ActError, match="may not write"):
        world.post(world.add_user("cy").id, channel.id, "hello")


async def test_whose_app_it_is_stays_when_others_press(
    bot: commands.Bot, world: World, ann: EmulatedUser, elsewhere: Guild, square: Channel
) -> None:
    cy = world.add_user("cy", elsewhere)
    post = world.post(cy.id, square.id, "words")
    quoted = await world.run_on_message(ann.id, post.id, "Quote")
    pressed = await world.click(cy.id, quoted.id, "who")
    assert pressed.content == f"{{1: {ann.id}}}"


async def test_direct_with_the_bot(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    direct = world.open_dm(ann.id)
    got = await used(bot, world, ann, direct)
    assert got._integration_owners == {1: ann.id}  # ann is in no guild with the bot
    assert (got.context.dm_channel, got.app_permissions.value) == (True, 442_368)
    await got.response.send_message("hello")
    bea = world.add_user("bea")
    got = await used(bot, world, bea, world.open_dm(bea.id))
    assert got._integration_owners == {0: 0}
    await got.response.defer()


async def test_direct_messages_need_a_way(bot: commands.Bot, world: World, ann: EmulatedUser) -> None:
    user = await bot.fetch_user(ann.id)
    await user.send("you installed me")
    world.install(ann.id, installed=False)
    with pytest.raises(discord.Forbidden, match="50278"):
        await user.send("no guild in common")
    bea = world.add_user("bea")
    closed = await bot.fetch_user(bea.id)
    await closed.send("open")
    world.close_dms(bea.id)
    with pytest.raises(discord.Forbidden, match="50007"):
        await closed.send("closed")
    world.close_dms(bea.id, closed=False)
    await closed.send("open again")
    assert [message.content for message in world.messages(world.open_dm(bea.id).id)] == ["open", "open again"]
