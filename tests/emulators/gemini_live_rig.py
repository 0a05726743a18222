"""The loopback Gemini by the real google-genai SDK: what the tests of its Live sessions share."""

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google import genai
from google.genai import types
from google.genai.live import AsyncSession

from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority

MEDIA = Path(__file__).parents[1] / "media"
MODEL = "gemini-3.8-live"
CHUNK = 3200  # bytes: 100 ms
PATIENCE_S = 30.0  # a hung test ends; nothing is measured against it
MARKS = types.RealtimeInputConfig(
    automatic_activity_detection=types.AutomaticActivityDetection(disabled=True)
)


def recording(name: str) -> bytes:
    with wave.open(str(MEDIA / name)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        frames: bytes = file.readframes(file.getnframes())
        return frames


SPEECH = recording("speech-austen-0880.wav")  # 3.0 s
SILENCE = bytes(32_000)  # 1 s


@dataclass
class Heard:
    """What came of one turn."""

    pcm: bytes = b""
    said: str = ""
    understood: str = ""
    interrupted: bool = False
    generated: bool = False
    usage: types.UsageMetadata | None = None
    messages: list[types.LiveServerMessage] = field(default_factory=list)


def hurry(gemini: GeminiEmulator) -> GeminiEmulator:
    """Let answers be composed and played at once."""
    gemini.knobs.think_s = 0.0
    gemini.knobs.stream_speed = 500.0
    gemini.knobs.playback_speed = 500.0
    return gemini


@asynccontextmanager
async def client_of(
    emulator: GeminiEmulator, ca: CertificateAuthority, key: str | None = None, **ws: Any
) -> AsyncIterator[genai.Client]:
    options = types.HttpOptions(
        base_url=emulator.base_url,
        api_version="v1beta",
        async_client_args={"ssl": ca.client_context(), **ws},
    )
    client = genai.Client(api_key=key or emulator.api_key, http_options=options)
    try:
        yield client
    finally:
        await client.aio.aclose()


@asynccontextmanager
async def live(
    emulator: GeminiEmulator, ca: CertificateAuthority, model: str = MODEL, **config: Any
) -> AsyncIterator[AsyncSession]:
    fields: dict[str, Any] = {
        "response_modalities": ["AUDIO"],
        "input_audio_transcription": {},
        "output_audio_transcription": {},
        **config,
    }
    async with (
        asyncio.timeout(PATIENCE_S),
        client_of(emulator, ca) as client,
        client.aio.live.connect(model=model, config=types.LiveConnectConfig(**fields)) as session,
    ):
        yield session


async def send(session: AsyncSession, pcm: bytes) -> None:
    for at in range(0, len(pcm), CHUNK):
        blob = types.Blob(data=pcm[at : at + CHUNK], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)


async def turn(session: AsyncSession) -> Heard:
    """Receive until the turn is complete."""
    heard = Heard()
    async for message in session.receive():
        heard.messages.append(message)
        heard.usage = message.usage_metadata or heard.usage
        content = message.server_content
        if content is None:
            continue
        heard.interrupted |= bool(content.interrupted)
        heard.generated |= bool(content.generation_complete)
        heard.said += (content.output_transcription and content.output_transcription.text) or ""
        heard.understood += (content.input_transcription and content.input_transcription.text) or ""
        for part in (content.model_turn and content.model_turn.parts) or []:
            if part.inline_data is not None:
                assert part.inline_data.mime_type == "audio/pcm;rate=24000"
                heard.pcm += part.inline_data.data or b""
    return heard


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the emulator signals nothing
            await asyncio.sleep(0.005)
