"""The log of a whole call at DEBUG holds nothing that opens a door, and nothing that was said."""

import asyncio
import base64
import json
import signal
from collections.abc import Iterator
from pathlib import Path

from bot_process import ended, rigged_bot
from loopback import eventually, people_turns

from bot.conversation.notice import HEAD
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.emulators.tls import CertificateAuthority

MEDIA = Path(__file__).parent / "media"
SHORT = MEDIA / "speech-austen-0880.wav"


def secrets(discord: DiscordEmulator, gemini: GeminiEmulator) -> Iterator[tuple[str, str]]:
    """Yield each secret that the bot was given, and what it is."""
    yield "the bot's token", discord.token
    yield "Gemini's key", gemini.api_key
    for event in (entry.fields for entry in discord.trace.of("gateway.out")):
        if event["event"] == "READY":
            yield "a gateway session", event["data"]["session_id"]
        elif event["event"] == "VOICE_SERVER_UPDATE":
            yield "a voice token", event["data"]["token"]
        elif event["event"] == "INTERACTION_CREATE":
            yield "an interaction's token", event["data"]["token"]
    for message in (entry.fields for entry in discord.trace.of("voice.out")):
        if message["op"] == 4:
            key = bytes(message["data"]["secret_key"])
            for form in (str(list(key)), json.dumps(list(key), separators=(",", ":")), repr(key), key.hex()):
                yield "a voice key", form
            yield "a voice key", base64.b64encode(key).decode()
    for session in gemini.sessions:
        yield "a Live session's handle", f"{session.log.name}-handle-"


async def test_the_log_of_a_call_holds_no_secret_and_no_words(
    tmp_path: Path,
    ca: CertificateAuthority,
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
) -> None:
    world = discord_emulator.world
    ada = Person(discord_emulator, world.add_user("Ada"))
    bot = rigged_bot(tmp_path, ca, discord_emulator, gemini_emulator)
    bot.environment["LOG_LEVEL"] = "DEBUG"
    process = await bot.start()
    ending = asyncio.create_task(ended(process, 120.0))
    await eventually(lambda: bool(discord_emulator.gateway.sessions) or ending.done(), 60.0)
    await ada.join(world.voice_channels[0].id)
    try:
        await ada.run_command(world.text.id, "join")
        await ada.secured_with(world.bot.id)
        await ada.speak(SHORT)
        await eventually(lambda: any(turn.ended_at for turn in people_turns(gemini_emulator)))
        discord_emulator.gateway.abort_all()  # a lost gateway, and
        discord_emulator.voice.close_socket(world.bot.id, 1006)  # a lost voice gateway: both are logged
        await ada.run_command(world.text.id, "status")
        await ada.run_command(world.text.id, "leave")
    finally:
        await ada.leave()
        process.send_signal(signal.SIGTERM)
        result = await ending
    log = result.out + result.err
    assert " DEBUG bot." in log
    assert "[secret]" in log
    known = list(secrets(discord_emulator, gemini_emulator))
    assert len({what for what, _ in known}) == 7, "one of each was there to be logged"
    for what, secret in known:
        assert secret not in log, what
    answers = [turn.answer for turn in people_turns(gemini_emulator)]
    assert all(answers)
    # The transcripts, and what the model was told.
    for text in (*answers, "[speech, ", "is speaking now", HEAD, "I am Earshot, an AI, and"):
        assert text not in log
