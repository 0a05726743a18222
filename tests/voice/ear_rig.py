"""Someone who talks without end-to-end encryption, and the pipeline that hears them."""

import numpy as np
import pytest
from voice_room import ANN, Ear, Line, LiveKeys, Talker

from bot.audio.pcm import Pcm16
from bot.voice.events import Heard

SSRC = 11


@pytest.fixture
def ear() -> Ear:
    return Ear(LiveKeys())


@pytest.fixture
def ann(ear: Ear) -> Talker:
    ear.maps(ANN, SSRC)
    return Talker(Line(ear.keys), SSRC)


def pitch_hz(pcm: Pcm16) -> float:
    """Return the strongest frequency in 16 kHz speech."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(pcm.size)))
    return float(np.argmax(spectrum)) * 16_000 / pcm.size


def pcm_of(frames: list[Heard]) -> Pcm16:
    return np.concatenate([frame.pcm for frame in frames])
