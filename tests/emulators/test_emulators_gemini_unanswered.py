"""A turn that another one follows at once has no answer, and is understood all the same."""

import re

import pytest
from gemini_live_rig import MARKS, SPEECH, hurry, live, send, turn
from google.genai import types

from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority

SECOND = 32_000  # bytes


@pytest.mark.parametrize("transcripts", [True, False])
async def test_what_was_said_is_told_of_each_turn(
    gemini_emulator: GeminiEmulator, ca: CertificateAuthority, transcripts: bool
) -> None:
    hurry(gemini_emulator)
    asked = types.AudioTranscriptionConfig() if transcripts else None
    async with live(
        gemini_emulator, ca, realtime_input_config=MARKS, input_audio_transcription=asked
    ) as session:
        for pcm in (SPEECH, SPEECH[: 2 * SECOND]):
            await session.send_realtime_input(activity_start=types.ActivityStart())
            await send(session, pcm)
            await session.send_realtime_input(activity_end=types.ActivityEnd())
        first, second = await turn(session), await turn(session)
    assert first.interrupted and not first.pcm
    assert second.pcm
    seconds = re.findall(r"speech, ([\d.]+) s", first.understood + second.understood)
    assert seconds == (["2.9", "2.0"] if transcripts else [])
