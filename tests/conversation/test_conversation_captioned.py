"""What is said in a call, written down as it is said: in the channel's chat, and in the transcript."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from loopback import eventually, running_bot

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person

SPEECH = Path(__file__).parents[1] / "media" / "speech-austen-0880.wav"


async def test_both_sides_are_written_down(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as bot:
        world = discord_emulator.world
        ada = Person(discord_emulator, world.add_user("Ada"))
        voice = world.voice_channels[0]
        await ada.join(voice.id)

        def chat() -> str:
            return "\n".join(message.text for message in world.messages(voice.id))

        try:
            await ada.run_command(world.text.id, "join")
            await ada.secured_with(world.bot.id)
            await bot.noticed()
            await eventually(lambda: chat().startswith(f"**{world.bot.name}:** I am Earshot, an AI"))
            await ada.speak(SPEECH)
            await eventually(lambda: "I heard you for 3.0 seconds" in chat())
            assert chat().index("Ada") < chat().index("I heard you"), "in order, and attributed"
            assert all(not message.mentions for message in world.messages(voice.id))
            await ada.run_command(world.text.id, "leave")
        finally:
            await ada.leave()
    with closing(sqlite3.connect(tmp_path / "earshot.db")) as plain:
        rows = plain.execute("SELECT user_id, name, text FROM utterances ORDER BY at, id").fetchall()
    notice, asked, answer = rows[:3]
    assert notice[:2] == (None, world.bot.name), "what it says of itself is marked as its own"
    assert notice[2].startswith("I am Earshot, an AI, and I hear those here who have agreed")
    assert [asked[0], answer[0]] == [ada.user.id, None]
    assert "I heard you for 3.0 seconds" in answer[2]


async def test_a_call_in_which_nobody_speaks_ends_and_says_so(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.app.MINUTE_S", 0.4)  # ten minutes are four seconds
    async with running_bot(discord_emulator, gemini_emulator, tmp_path):
        world = discord_emulator.world
        ada = Person(discord_emulator, world.add_user("Ada"))
        await ada.join(world.voice_channels[0].id)
        try:
            await ada.run_command(world.text.id, "join")
            await ada.secured_with(world.bot.id)
            await ada.speak(SPEECH)
            assert world.bot.id in world.guild.voice_states
            await eventually(lambda: "Nobody has spoken" in world.messages(world.text.id)[-1].text)
            await eventually(lambda: world.bot.id not in world.guild.voice_states)
        finally:
            await ada.leave()
