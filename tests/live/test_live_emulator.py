"""A session against the loopback Gemini, which hears, measures and speaks: recorded speech in, words out."""

import asyncio
import dataclasses
import random
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from scripted_gemini import Ear, until

from bot.emulators.gemini.faults import Abort, Close, Deform, Deformation, Fault, Send, Status, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.client import make_client, verify
from bot.live.events import AnswerAudio, AnswerEnded, Interrupted, Lost, OutputTranscript, Ready, Usage
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

MEDIA = Path(__file__).parents[1] / "media"
FRAME = 640
PATIENCE_S = 30.0  # espeak-ng on a busy machine; nothing is measured against it


def speech() -> list[bytes]:
    with wave.open(str(MEDIA / "speech-austen-0880.wav")) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return [pcm[start : start + FRAME] for start in range(0, len(pcm), FRAME)]


SPEECH = speech()


class Talk:
    """A session with an ear, and the emulator on the other side."""

    def __init__(self, session: LiveSession, ear: Ear, there: GeminiEmulator) -> None:
        self.session, self.ear, self.there = session, ear, there

    def begin(self, frames: list[bytes]) -> None:
        self.session.activity_start()
        for frame in frames:
            self.session.send_audio(frame, time.monotonic(), speaker=1)

    def say(self, frames: list[bytes]) -> None:
        self.begin(frames)
        self.session.activity_end()

    async def answered(self, count: int = 1) -> None:
        await until(lambda: len(self.ear.of(AnswerEnded)) >= count, PATIENCE_S)

    def heard(self, index: int = -1) -> bytes:
        return self.there.sessions[index].log.pcm()

    def words(self) -> str:
        return "".join(event.text for event in self.ear.of(OutputTranscript))


@pytest.fixture
async def there(gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> GeminiEmulator:
    """The emulator, in a hurry."""
    knobs = gemini_emulator.knobs
    knobs.think_s, knobs.stream_speed, knobs.playback_speed = 0.0, 500.0, 500.0
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    return gemini_emulator


@pytest.fixture
async def talk(there: GeminiEmulator) -> AsyncIterator[Talk]:
    client, ear = make_client(there.api_key), Ear()
    session = LiveSession(client, setup(), ear, name="3", rng=random.Random(1))
    yield Talk(session, ear, there)
    await session.close()
    await client.aio.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("live-")]


def setup(**changes: Any) -> LiveSetup:
    fields: dict[str, Any] = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind."}
    return LiveSetup(**fields | changes)


async def test_every_frame_arrives_and_the_answer_is_spoken(talk: Talk) -> None:
    await talk.session.start()
    talk.session.inform("[Anna is speaking now.]")
    talk.say(SPEECH)
    await talk.answered()
    assert talk.heard() == b"".join(SPEECH)
    assert "Anna" in talk.words()
    assert sum(len(event.pcm) for event in talk.ear.of(AnswerAudio)) > 24_000 * 2
    assert {event.rate_hz for event in talk.ear.of(AnswerAudio)} == {24_000}
    assert talk.ear.of(Usage)[-1].total_tokens > 0


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-3.8-live-extended-thinking"])
async def test_both_models_take_their_setup(there: GeminiEmulator, model: str) -> None:
    client = make_client(there.api_key)
    await verify(client)
    session = LiveSession(client, setup(model=model, turns="model"), Ear(), name="4")
    await session.start()
    await session.close()
    await client.aio.aclose()


async def test_where_the_model_finds_the_turns_trailing_silence_ends_one(there: GeminiEmulator) -> None:
    client, ear = make_client(there.api_key), Ear()
    session = LiveSession(client, setup(turns="model"), ear, name="5")
    await session.start()
    for frame in [*SPEECH, *[bytes(FRAME)] * 60]:
        session.send_audio(frame, time.monotonic(), speaker=1)
    await until(lambda: ear.of(AnswerEnded), PATIENCE_S)
    assert ear.of(AnswerAudio)
    await session.close()
    await client.aio.aclose()


async def test_speech_within_an_answer_interrupts_it(talk: Talk) -> None:
    talk.there.knobs.playback_speed = 1.0
    await talk.session.start()
    talk.say(SPEECH)
    await until(lambda: talk.ear.of(AnswerAudio), PATIENCE_S)
    talk.begin(SPEECH[:20])
    await until(lambda: talk.ear.of(Interrupted), PATIENCE_S)
    talk.session.activity_end()
    audio = len(talk.ear.of(AnswerAudio))
    await until(lambda: len(talk.ear.of(AnswerAudio)) > audio, PATIENCE_S)


async def test_what_is_said_while_the_connection_is_made_anew_is_answered_in_the_same_session(
    talk: Talk,
) -> None:
    await talk.session.start()
    talk.say(SPEECH)
    await talk.answered()
    talk.begin(SPEECH[:50])
    await until(lambda: talk.heard().endswith(SPEECH[49]), PATIENCE_S)
    talk.there.sessions[0].close(1011)
    await until(lambda: talk.ear.of(Lost), PATIENCE_S)
    for frame in SPEECH[50:]:
        talk.session.send_audio(frame, time.monotonic(), speaker=1)
    talk.session.activity_end()
    await talk.answered(2)
    assert len(talk.there.sessions) == 2
    assert talk.there.sessions[1].log.resumed
    assert talk.heard() == b"".join(SPEECH)
    assert talk.there.sessions[1].turns[-1].number == 2


async def test_a_server_that_goes_away_is_left_between_two_turns(talk: Talk) -> None:
    await talk.session.start()
    talk.say(SPEECH)
    await talk.answered()
    talk.there.sessions[0].go_away(60.0)
    await until(lambda: len(talk.ear.of(Ready)) == 2, PATIENCE_S)
    assert talk.ear.of(Ready)[1].resumed
    talk.say(SPEECH)
    await talk.answered(2)
    assert talk.there.sessions[1].turns[-1].number == 2


FAULTS = {
    "refused once": Fault(Where.UPGRADE, Status(503)),
    "closed in speech": Fault(Where.AUDIO_IN, Close(1011), skip=20),
    "closed without reason in speech": Fault(Where.AUDIO_IN, Close(1000), skip=20),
    "aborted in speech": Fault(Where.AUDIO_IN, Abort(), skip=20),
    "closed before the answer": Fault(Where.TURN, Close(1001)),
    "aborted before the answer": Fault(Where.TURN, Abort()),
    "unknown message": Fault(Where.TURN, Send({"neverHeardOf": {}})),
    "bad JSON": Fault(Where.TURN, Send("{")),
    "empty message": Fault(Where.TURN, Send({})),
    **{deformation.value: Fault(Where.TURN, Deform(deformation)) for deformation in Deformation},
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_question_is_answered_whatever_goes_wrong(talk: Talk, name: str) -> None:
    talk.there.knobs.faults.append(dataclasses.replace(FAULTS[name]))  # it counts its hits
    await talk.session.start()
    talk.say(SPEECH[:75])
    await until(lambda: talk.ear.of(AnswerAudio) and talk.ear.of(AnswerEnded), PATIENCE_S)
    assert talk.heard() == b"".join(SPEECH[:75])
    assert talk.session.state is LiveState.READY
    assert "heard" in talk.words()
