import wave
from pathlib import Path

import numpy as np
import pytest

from bot.audio.opus import Decoder, Encoder
from bot.audio.pcm import Pcm16
from bot.demo.measure import FRAME, arrival

MEDIA = Path(__file__).parent.parent / "media"


@pytest.fixture(scope="module")
def speech() -> Pcm16:
    with wave.open(str(MEDIA / "speech-austen-0920.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    return pcm[: pcm.size // FRAME * FRAME]


@pytest.fixture(scope="module")
def through_opus(speech: Pcm16) -> Pcm16:
    encoder = Encoder(16_000, 1, bitrate=64_000, fec=False, loss_percent=0)
    decoder = Decoder(16_000, 1)
    frames = [decoder.decode(encoder.encode(frame.tobytes())) for frame in speech.reshape(-1, FRAME)]
    return np.concatenate(frames).astype(np.int16).reshape(-1)


def test_speech_through_opus_is_whole(speech: Pcm16, through_opus: Pcm16) -> None:
    result = arrival(speech, through_opus)
    assert result.whole
    assert result.frames_compared > 200
    assert 0 < result.delay_ms < 10


@pytest.mark.parametrize("fault", ["lost", "doubled", "swapped", "silenced", "halved", "nothing"])
def test_each_fault_shows(speech: Pcm16, through_opus: Pcm16, fault: str) -> None:
    frames = list(through_opus.reshape(-1, FRAME))
    at = 100
    match fault:
        case "lost":
            del frames[at]
        case "doubled":
            frames.insert(at, frames[at])
        case "swapped":
            frames[at], frames[at + 4] = frames[at + 4], frames[at]
        case "silenced":
            frames[at] = np.zeros_like(frames[at])
        case "halved":
            frames = [frame // 2 for frame in frames]
        case "nothing":
            frames = []
    heard = np.concatenate(frames) if frames else np.zeros(0, np.int16)
    assert not arrival(speech, heard.astype(np.int16)).whole
