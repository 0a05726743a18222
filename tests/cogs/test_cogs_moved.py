"""The bot is moved by a person: what goes with it, and where it does not stay."""

import sqlite3
from contextlib import closing
from pathlib import Path

from call_bot import ada, bot
from loopback import RunningBot, eventually

from bot.demo.measure import arrival
from bot.emulators.discord.permissions import Permission
from bot.emulators.person import Person
from cogs.call_signs import STATUS

__all__ = ["ada", "bot"]

SPEECH = Path(__file__).parents[1] / "media" / "speech-austen-0880.wav"


async def in_call(bot: RunningBot, ada: Person) -> None:
    world = bot.discord.world
    await ada.run_command(world.text.id, "join")
    await ada.secured_with(world.bot.id)
    await bot.noticed()


def row(folder: Path) -> tuple[int, int] | None:
    """Return the channel and the text channel of the call that is remembered."""
    with closing(sqlite3.connect(folder / "earshot.db")) as plain:
        rows = plain.execute("SELECT channel_id, text_channel_id FROM running_calls").fetchall()
    return rows[0] if rows else None


def told(bot: RunningBot) -> list[str]:
    """Return what the bot has written where the call was asked for, without being asked for that."""
    world = bot.discord.world
    return [message.text for message in world.messages(world.text.id) if not message.origin]


async def test_it_goes_on_where_it_was_moved(bot: RunningBot, ada: Person, tmp_path: Path) -> None:
    world = bot.discord.world
    lounge, workshop = world.voice_channels[:2]
    await in_call(bot, ada)
    assert row(tmp_path) == (lounge.id, world.text.id)
    await eventually(lambda: lounge.status == STATUS)
    world.move(world.bot.id, workshop.id)
    await ada.join(workshop.id)
    await ada.secured_with(world.bot.id)
    await eventually(lambda: row(tmp_path) == (workshop.id, world.text.id))
    await eventually(lambda: workshop.status == STATUS)
    said = await ada.speak(SPEECH)
    await eventually(lambda: bool(bot.turns()) and bot.turns()[-1].ended_at is not None)
    assert arrival(said.pcm16k, bot.heard(bot.turns()[-1])).whole, "consent is the guild's"
    assert len(bot.gemini.sessions) == 1, "the talk is the same"
    assert len(bot.notices()) == 1
    await eventually(lambda: any("I heard you" in each.text for each in world.messages(workshop.id)))
    assert not any("I heard you" in each.text for each in world.messages(lounge.id))
    again = await ada.run_command(world.text.id, "join")
    assert again.text.startswith(f"I am already in <#{workshop.id}>")
    assert told(bot) == []
    await ada.run_command(world.text.id, "leave")
    assert row(tmp_path) is None


async def test_on_a_stage_it_does_not_stay(bot: RunningBot, ada: Person, tmp_path: Path) -> None:
    world = bot.discord.world
    await in_call(bot, ada)
    world.move(world.bot.id, world.stage.id)
    await eventually(lambda: bool(told(bot)))
    assert told(bot) == [
        f"I was moved and have left: <#{world.stage.id}> is a stage, where I can't talk with you. "
        "/join brings me to another channel."
    ]
    assert world.bot.id not in world.guild.voice_states
    assert row(tmp_path) is None
    await eventually(lambda: not bot.gemini.sessions[-1].open)
    assert "I am Earshot" in (await ada.run_command(world.text.id, "join")).text


async def test_where_it_may_not_speak_it_does_not_stay(bot: RunningBot, ada: Person) -> None:
    world = bot.discord.world
    workshop = world.voice_channels[1]
    world.set_permissions(workshop.id, world.bot.id, deny=Permission.SPEAK)
    await in_call(bot, ada)
    world.move(world.bot.id, workshop.id)
    await eventually(lambda: bool(told(bot)))
    assert f"I may not speak in <#{workshop.id}>" in told(bot)[0]
    assert world.bot.id not in world.guild.voice_states


async def test_who_disconnects_it_ends_the_call(bot: RunningBot, ada: Person, tmp_path: Path) -> None:
    world = bot.discord.world
    await in_call(bot, ada)
    world.kick_from_voice(world.bot.id)
    await eventually(lambda: bool(told(bot)))
    assert told(bot) == ["I was disconnected from the voice channel; /join brings me back."]
    assert row(tmp_path) is None
    assert (await ada.run_command(world.text.id, "status")).text.startswith("I am in no call here")
