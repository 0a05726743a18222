"""Consent as it is heard: what of a talking person reaches the model, from one button to the other."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from loopback import PATIENCE_S, eventually, running_bot

from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ, Pcm16
from bot.demo.measure import arrival
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from cogs.consent import GIVE_ID, WITHDRAW_ID

MEDIA = Path(__file__).parent.parent / "media"
SHORT, LONG = (MEDIA / f"speech-austen-{number}.wav" for number in ("0880", "0920"))
FRAME = LIVE_IN_HZ * FRAME_MS // 1000


async def test_withdrawing_silences_a_talking_person_at_the_next_packet(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what `export` sets goes with the test
    world = discord_emulator.world
    ada = Person(discord_emulator, world.add_user("Ada"))

    def heard() -> Pcm16:
        return np.frombuffer(gemini_emulator.sessions[-1].log.pcm(), np.int16)

    async with running_bot(discord_emulator, gemini_emulator, tmp_path) as bot:
        await ada.join(world.voice_channels[0].id)
        try:
            message = await ada.run_command(world.text.id, "join")
            await ada.secured_with(world.bot.id)
            speaking = asyncio.create_task(ada.speak(LONG), name="speaking")
            await eventually(lambda: heard().size >= 100 * FRAME)
            await ada.click(message, WITHDRAW_ID).acknowledged()
            withdrawn = time.monotonic()
            said = await speaking
            before = sum(frame.at <= withdrawn for frame in said.frames)
            after = len(said.frames) - before
            assert after > 50, "the person went on talking"
            async with asyncio.timeout(PATIENCE_S):
                # All is accounted for, once the last datagram has arrived: heard, dropped unheard from the
                # jitter buffer or from what waited to be sent, or, from the next packet on, dropped before
                # it was decrypted.
                total = unheard = frames = 0
                while total < len(said.frames) + said.silence_frames:
                    unheard, frames = await bot.count("unconsented"), heard().size // FRAME
                    waited = await bot.count("live_audio_forgotten_ms") // FRAME_MS
                    total = frames + unheard + waited + await bot.count("dropped")
            assert unheard >= after + said.silence_frames
            assert 100 <= frames <= before
            assert arrival(said.pcm16k[: frames * FRAME], heard()).whole

            await ada.click(message, GIVE_ID)
            again = await ada.speak(SHORT)
            await eventually(lambda: len(bot.turns()) == 2)
            assert arrival(again.pcm16k, bot.heard(bot.turns()[1])).whole, "heard again, from its first word"
            assert heard().size == (frames + len(again.frames)) * FRAME, "and nothing of before"
            assert await bot.count("unconsented") == unheard
        finally:
            await ada.leave()
