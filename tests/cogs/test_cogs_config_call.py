"""The panel and the call that runs meanwhile: the whole bot on the loopback Discord and Gemini."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from call_bot import choose, started
from loopback import PATIENCE_S, RunningBot, eventually

from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16
from bot.conversation.personas import personas
from bot.emulators.discord.model import ChannelType, Message, Role
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.gemini.setup import Setup
from bot.emulators.person import Person
from cogs.consent import GIVE_ID, WITHDRAW_ID
from cogs.greeting import JOIN_ID

SPEECH = Path(__file__).parent.parent / "media" / "speech-austen-0880.wav"
LIVE_S = 3.0  # within which a change is live in a call that is idle
TUTOR = personas().instruction("tutor", None)
FRAME = LIVE_IN_HZ * FRAME_MS // 1000


@pytest.fixture
async def bot(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[RunningBot]:
    role = Role(discord_emulator.world.places.snowflakes.next(), "DJ", 0)
    discord_emulator.world.guild.roles[role.id] = role
    async with started(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as bot:
        yield bot


async def in_call(bot: RunningBot, name: str) -> tuple[Person, Message]:
    """Have a person join and run /join."""
    world = bot.discord.world
    person = Person(bot.discord, world.add_user(name))
    await person.join(world.voice_channels[0].id)
    message = await person.run_command(world.text.id, "join")
    await person.secured_with(world.bot.id)
    return person, message


def heard(bot: RunningBot) -> Pcm16:
    return np.concatenate([np.frombuffer(each.log.pcm(), np.int16) for each in bot.gemini.sessions])


async def test_a_change_is_live_in_the_idle_call(bot: RunningBot) -> None:
    person, _ = await in_call(bot, "Ada")
    try:
        await bot.noticed()
        assert not set_up(bot).instruction.startswith(TUTOR)
        await choose(bot, "character:persona", "tutor")
        await eventually(lambda: set_up(bot).instruction.startswith(TUTOR), LIVE_S)
        await choose(bot, "character:voice", "Achernar")
        await eventually(lambda: set_up(bot).voice == "Achernar", LIVE_S)
        assert set_up(bot).resumption
        await choose(bot, "privacy:retention_days", "0")
        await eventually(lambda: not set_up(bot).resumption, LIVE_S)
        assert (set_up(bot).voice, set_up(bot).instruction[: len(TUTOR)]) == ("Achernar", TUTOR)
        await person.speak(SPEECH)
        await eventually(lambda: len(bot.turns()) == 1)
    finally:
        await person.leave()


def set_up(bot: RunningBot) -> Setup:
    """Return how the newest session was set up that has got that far."""
    return [session.log.setup for session in bot.gemini.sessions if session.log.setup is not None][-1]


async def test_notice_hears_who_said_nothing_until_they_object(bot: RunningBot) -> None:
    ada, _ = await in_call(bot, "Ada")
    world = bot.discord.world
    bob = Person(bot.discord, world.add_user("Bob"))
    await bob.join(world.voice_channels[0].id)
    try:
        await bob.secured_with(world.bot.id)
        await bob.speak(SPEECH)
        await unheard(bot, 1)
        assert heard(bot).size == 0, "he has not agreed"
        await choose(bot, "privacy:consent", "notice")
        notice = await ada.run_command(world.text.id, "join")
        assert "**Notice:** in this server I hear everyone" in notice.text
        said = await bob.speak(SPEECH)
        await eventually(lambda: len(bot.turns()) == 1)
        size = heard(bot).size
        assert size == len(said.frames) * FRAME
        await bob.click(notice, WITHDRAW_ID)
        before = await bot.count("unconsented")
        said = await bob.speak(SPEECH)
        await unheard(bot, before + len(said.frames))
        assert heard(bot).size == size, "from his objection on nothing of him is heard"
        await bob.click(notice, GIVE_ID)
        await bob.speak(SPEECH)
        await eventually(lambda: len(bot.turns()) == 2)
    finally:
        await bob.leave()
        await ada.leave()


async def unheard(bot: RunningBot, frames: int) -> None:
    """Wait until so many frames were dropped before they were decrypted."""
    async with asyncio.timeout(PATIENCE_S):
        while await bot.count("unconsented") < frames:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.05)


async def test_only_who_has_the_role_has_the_bot_join(bot: RunningBot) -> None:
    world = bot.discord.world
    (role,) = (each for each in world.guild.roles.values() if each.name == "DJ")
    await choose(bot, "people:join_roles", str(role.id))
    person = world.add_user("Ada")
    world.join_voice(person.id, world.voice_channels[0].id)
    refused = await world.run_command(person.id, world.text.id, "join")
    assert f"only people with <@&{role.id}> can have me join" in refused.text
    assert refused.mention_role_ids == []
    world.guild.members[person.id].role_ids.append(role.id)
    assert "I am Earshot" in (await world.run_command(person.id, world.text.id, "join")).text


async def ready(bot: RunningBot) -> None:
    """Wait until discord.py takes no further guild for one that was there before."""
    url = f"http://127.0.0.1:{bot.metrics_port}/healthz"
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as http:
        while (await http.get(url)).status != 200:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.05)


async def test_the_greetings_button_begins_a_call(bot: RunningBot) -> None:
    world = bot.discord.world
    await ready(bot)
    guild = world.add_guild("Elsewhere", with_bot=False)
    lounge = world.add_channel("Voice", ChannelType.VOICE, guild=guild)
    chat = world.add_channel("chat", guild=guild)
    world.invite_bot(guild)
    await eventually(lambda: bool(world.messages(chat.id)))
    (greeting,) = world.messages(chat.id)
    person = world.add_user("Bob", guild)
    outside = await world.click(person.id, greeting.id, JOIN_ID)
    assert outside.text.startswith("Join a voice channel first")
    world.join_voice(person.id, lounge.id)
    answer = await world.click(person.id, greeting.id, JOIN_ID)
    assert "I am Earshot, an AI, and I am in" in answer.text
    assert guild.voice_states[world.bot.id].channel_id == lounge.id
