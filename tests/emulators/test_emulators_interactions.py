"""What Discord enforces on interactions: 3 s, once, a fitting kind, and 15 minutes for the token."""

from collections.abc import AsyncIterator

import discord
import pytest
from discord.ext import commands
from loopback_bot import Reply, make_bot, running

from bot.emulators.discord.handles import Interaction, InteractionFailedError, State
from bot.emulators.discord.interactions import FIRST_RESPONSE_S, TOKEN_LIFE_S
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.world import World


@pytest.fixture
async def bot(discord_emulator: DiscordEmulator) -> AsyncIterator[commands.Bot]:
    async with running(make_bot(discord_emulator), discord_emulator.token) as bot:
        await bot.tree.sync()
        yield bot


@pytest.fixture
def world(discord_emulator: DiscordEmulator, bot: commands.Bot) -> World:
    return discord_emulator.world


async def forgotten(bot: commands.Bot, world: World) -> tuple[Interaction, discord.Interaction]:
    """Run a command that the bot leaves to us to answer: as the person sees it, and as the bot does."""
    ann = world.add_user("ann")
    watched = world.run_command(ann.id, world.text.id, "forget")
    got: discord.Interaction = await bot.wait_for("forgotten", timeout=10)
    return watched, got


async def test_too_late_is_unknown(
    bot: commands.Bot, world: World, discord_emulator: DiscordEmulator
) -> None:
    _, interaction = await forgotten(bot, world)
    discord_emulator.knobs.interaction_clock_offset_s = FIRST_RESPONSE_S + 0.1
    with pytest.raises(discord.NotFound, match="10062"):
        await interaction.response.send_message("late")


async def test_no_answer_is_seen_as_such(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    with pytest.raises(InteractionFailedError, match="did not respond"):
        await watched.response(FIRST_RESPONSE_S + 10)
    assert watched.state is State.FAILED
    with pytest.raises(discord.NotFound, match="10062"):
        await interaction.response.defer()


async def test_a_second_first_response_is_refused(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    await interaction.response.send_message("first")
    again = discord.InteractionResponse(interaction)
    with pytest.raises(discord.HTTPException, match="40060"):
        await again.send_message("second")
    assert (await watched).content == "first"
    assert [event.what for event in watched.history] == ["message"]


async def test_a_modal_must_come_first(bot: commands.Bot, world: World) -> None:
    _, interaction = await forgotten(bot, world)
    await interaction.response.defer()
    with pytest.raises(discord.HTTPException, match="40060"):
        await discord.InteractionResponse(interaction).send_modal(Reply(custom_id="reply"))


async def test_a_command_can_not_update_a_message(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    route = discord.http.Route(
        "POST", "/interactions/{id}/{token}/callback", id=interaction.id, token=interaction.token
    )
    with pytest.raises(discord.HTTPException, match="50035"):
        await bot.http.request(route, json={"type": 7, "data": {"content": "x"}})
    assert watched.state is State.PENDING


async def test_tokens_end_after_15_minutes(
    bot: commands.Bot, world: World, discord_emulator: DiscordEmulator
) -> None:
    watched, interaction = await forgotten(bot, world)
    await interaction.response.defer(ephemeral=True)
    discord_emulator.knobs.interaction_clock_offset_s = TOKEN_LIFE_S - 1
    await interaction.edit_original_response(content="in time")
    discord_emulator.knobs.interaction_clock_offset_s = TOKEN_LIFE_S + 1
    with pytest.raises(discord.HTTPException, match="50027"):
        await interaction.edit_original_response(content="late")
    with pytest.raises(discord.HTTPException, match="50027"):
        await interaction.followup.send("late")
    assert (await watched).content == "in time"


async def test_a_follow_up_takes_the_place_of_thinking(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    await interaction.response.defer(ephemeral=True)
    sent = await interaction.followup.send("here", wait=True)
    assert watched.original is not None
    assert sent.id == watched.original.id
    assert watched.original.ephemeral
    later = await interaction.followup.send("and here", wait=True)
    assert watched.followups[0].id == later.id


async def test_private_answers_are_told_to_nobody(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    told: list[str] = []
    world.bus.subscribe(lambda event: told.append(event.name))
    await interaction.response.send_message("secret", ephemeral=True)
    await interaction.edit_original_response(content="secret still")
    answer = await watched
    assert told == []
    with pytest.raises(discord.NotFound, match="10008"):
        await bot.get_partial_messageable(world.text.id).fetch_message(answer.id)


async def test_a_deferred_update_is_answered_by_a_follow_up(bot: commands.Bot, world: World) -> None:
    ann = world.add_user("ann")
    message = await world.run_command(ann.id, world.text.id, "buttons")
    pressed = world.click(ann.id, message.id, "aside")
    assert (await pressed).content == "aside"
    assert pressed.original is message


async def test_original_and_follow_ups_are_fetched_edited_deleted(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    await interaction.response.send_message("one")
    assert (await interaction.original_response()).content == "one"
    after = await interaction.followup.send("two", wait=True)
    await after.edit(content="three")
    assert (await interaction.followup.fetch_message(after.id)).content == "three"
    await after.delete()
    await interaction.delete_original_response()
    with pytest.raises(discord.NotFound, match="10008"):
        await bot.http.request(
            discord.http.Route(
                "GET", "/webhooks/{id}/{token}/messages/@original", id=world.bot.id, token=interaction.token
            )
        )
    assert world.messages(world.text.id) == []
    assert [event.what for event in watched.history] == ["message", "followup", "edit", "delete", "delete"]


async def test_what_a_draft_may_not_be_leaves_the_interaction_open(bot: commands.Bot, world: World) -> None:
    watched, interaction = await forgotten(bot, world)
    with pytest.raises(discord.HTTPException, match="2000 or fewer"):
        await interaction.response.send_message("x" * 2001)
    await interaction.response.send_message("x" * 2000)
    assert len((await watched).content) == 2000
