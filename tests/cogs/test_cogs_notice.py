"""The bot says what it is by voice when it joins; and goes by settings that come while it is on its way."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from call_bot import ada, bot, choose, started
from loopback import RunningBot, eventually

from bot.audio.pcm import level_dbfs
from bot.emulators.discord.model import ChannelType
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Fault, Late, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from cogs.greeting import JOIN_ID

__all__ = ["ada", "bot"]

FIRST_S = 2.0  # from the join to the first sound, of which the model thinks for 0.2 s
BUSY = 4  # times as long as on a machine that does nothing else
DAY_S = 24 * 3600.0


def told(bot: RunningBot) -> str:
    (notice,) = bot.notices()
    return "\n".join(notice.texts)


# -- what it says of itself


async def test_it_is_heard_at_once_by_who_had_it_join(
    bot: RunningBot, ada: Person, record_property: Callable[[str, object], None]
) -> None:
    world = bot.discord.world

    def datagrams() -> list[float]:
        entries = bot.discord.trace.of("udp.in")
        mine = [entry for entry in entries if entry.fields.get("user_id") == world.bot.id]
        return [entry.at for entry in mine if entry.fields.get("silence") is False]

    joined: list[float] = []
    stop = world.watch(world.bot.id, lambda _event: joined.append(time.monotonic()))
    await ada.run_command(world.text.id, "join")
    answered = time.monotonic()
    await eventually(lambda: bool(datagrams()))
    stop()
    first_s = datagrams()[0] - joined[0]
    record_property("first_datagram_after_the_join_ms", round(1000 * first_s))
    record_property("first_datagram_after_the_answer_ms", round(1000 * (datagrams()[0] - answered)))
    assert first_s < FIRST_S * BUSY
    await bot.noticed()
    assert "you are Earshot, an AI, and that you hear those here who have agreed to it" in told(bot)
    assert level_dbfs(ada.recording(joined[0], time.monotonic(), world.bot.id)) > -40, "and she hears it"
    chat = world.voice_channels[0].id
    await eventually(
        lambda: any(
            "I am Earshot, an AI, and I hear those" in message.text for message in world.messages(chat)
        )
    )
    assert len(bot.gemini.sessions[-1].log.pcm()) == 0


async def test_in_the_servers_language_and_by_its_policy(bot: RunningBot, ada: Person) -> None:
    await choose(bot, "privacy:consent", "notice")
    await choose(bot, "character:language", "de-DE")
    await ada.run_command(bot.discord.world.text.id, "join")
    await bot.noticed()
    assert "you hear everyone here who has not objected. Speak German." in told(bot)


async def test_what_is_set_before_anybody_came_is_what_is_said(bot: RunningBot, ada: Person) -> None:
    world = bot.discord.world
    await ada.run_command(world.text.id, "join", channel=world.voice_channels[1].id)
    await choose(bot, "privacy:consent", "notice")
    ben = Person(bot.discord, world.add_user("Ben"))
    await ben.join(world.voice_channels[1].id)
    try:
        await bot.noticed()
        assert "everyone here who has not objected" in told(bot)
    finally:
        await ben.leave()


# -- settings that come while the bot is on its way


async def test_a_change_while_it_joins_holds_in_the_call(bot: RunningBot, ada: Person) -> None:
    world = bot.discord.world
    bot.gemini.knobs.faults.append(Fault(Where.SETUP, Late(3.0)))
    joining = ada.run_command(world.text.id, "join")
    await eventually(lambda: bool(bot.gemini.sessions))
    await choose(bot, "talk:mode", "push-to-talk")
    await choose(bot, "character:voice", "Achernar")
    assert joining.answer is None, "it is still on its way"
    await joining
    assert (await ada.run_command(world.text.id, "talk")).text.startswith("I hear you: talk")

    def voices() -> list[str]:
        setups = [session.log.setup for session in bot.gemini.sessions]
        return [setup.voice for setup in setups if setup is not None]

    await eventually(lambda: voices()[-1] == "Achernar")


# -- what is kept for a shorter time


async def test_what_is_kept_no_longer_goes_at_once(bot: RunningBot, tmp_path: Path) -> None:
    guild_id = bot.discord.world.guild.id

    def rows() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "earshot.db")) as plain:
            return [text for (text,) in plain.execute("SELECT text FROM utterances ORDER BY at")]

    with closing(sqlite3.connect(tmp_path / "earshot.db")) as plain, plain:
        for days, whose, text in ((3, guild_id, "old"), (0.1, guild_id, "new"), (3, guild_id + 1, "others'")):
            row = (whose, "1-a", time.time() - days * DAY_S, 1, "Ada", text)
            columns = "guild_id, call_id, at, user_id, name, text"
            plain.execute(f"INSERT INTO utterances ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)
    await choose(bot, "privacy:retention_days", "7")
    await asyncio.sleep(0.5)
    assert set(rows()) == {"old", "new", "others'"}
    await choose(bot, "privacy:retention_days", "1")
    await eventually(lambda: "old" not in rows(), 5.0)
    assert set(rows()) == {"new", "others'"}
    await choose(bot, "privacy:retention_days", "0")
    await eventually(lambda: rows() == ["others'"], 5.0)


# -- the greeting's button


async def test_the_greetings_button_begins_a_call_after_a_restart_too(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    discord_emulator.knobs.identify_interval_s = 0.0
    world = discord_emulator.world
    guild = world.add_guild("Elsewhere", with_bot=False)
    lounge = world.add_channel("Voice", ChannelType.VOICE, guild=guild)
    chat = world.add_channel("chat", guild=guild)
    bob = world.add_user("Bob", guild)
    async with started(discord_emulator, gemini_emulator, tmp_path, monkeypatch):
        # discord.py tells of a guild that it did not know at the start once it is ready.
        await asyncio.sleep(3.0)
        world.invite_bot(guild)
        await eventually(lambda: bool(world.messages(chat.id)))
    (greeting,) = world.messages(chat.id)
    assert len(greeting.text.splitlines()) == 3
    async with started(discord_emulator, gemini_emulator, tmp_path, monkeypatch):
        outside = await world.click(bob.id, greeting.id, JOIN_ID)
        assert outside.text == "Join a voice channel first, or name one: /join channel."
        assert outside.ephemeral, "which is for him alone"
        world.join_voice(bob.id, lounge.id)
        answer = await world.click(bob.id, greeting.id, JOIN_ID)
        assert "I am Earshot, an AI, and I am in" in answer.text
        assert guild.voice_states[world.bot.id].channel_id == lounge.id
