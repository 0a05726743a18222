"""The voice detector on recorded speech, in rooms with noise."""

from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from bot.audio.pcm import LIVE_IN_HZ, Pcm16, level_dbfs
from bot.audio.vad import VoiceDetector
from bot.emulators.client.gate import read_wav, resampled

MEDIA = Path(__file__).parent.parent / "media"
FRAME = 320
LOUD_DBFS = -42.0
LEARNS = 35 * LIVE_IN_HZ // 10 // FRAME  # frames until a room is known, and what was heard till then is held


def spoken() -> Pcm16:
    """Three sentences, each between 4 s of silence."""
    parts = [np.zeros(4 * LIVE_IN_HZ, np.int16)]
    for path in sorted(MEDIA.glob("speech-*.wav")):
        pcm = resampled(*read_wav(path), LIVE_IN_HZ)
        parts += [pcm[: pcm.size // FRAME * FRAME], np.zeros(4 * LIVE_IN_HZ, np.int16)]
    return np.concatenate(parts)


def noise(kind: str, size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    white = np.random.default_rng(5).standard_normal(size)
    time = np.arange(size) / LIVE_IN_HZ
    made = {
        "white": white,
        "low": signal.lfilter(*signal.butter(1, 0.05), white),
        "hum": sum(np.sin(2 * np.pi * 50 * k * time) / k for k in range(1, 8)) + 0.05 * white,
    }[kind]
    return np.asarray(made / np.sqrt(np.mean(made**2)))


def passed(voiced: list[bool], frames: int = 15) -> list[bool]:
    """What a gate with 300 ms of hold and of pre-roll lets through."""
    found = np.array(voiced, float)
    return list(np.convolve(found, np.ones(2 * frames + 1), "same") > 0)


@pytest.mark.parametrize("kind", ["white", "low", "hum"])
@pytest.mark.parametrize(("snr_db", "least"), [(25, 0.99), (15, 0.98), (8, 0.94)])
def test_speech_passes_and_the_room_does_not(kind: str, snr_db: float, least: float) -> None:
    clean = spoken()
    levels = np.array([level_dbfs(frame) for frame in clean.reshape(-1, FRAME)])
    loud = levels > LOUD_DBFS
    speech_rms = np.sqrt(np.mean(clean.reshape(-1, FRAME)[loud].astype(float) ** 2))
    noisy = clean + noise(kind, clean.size) * speech_rms * 10 ** (-snr_db / 20)
    frames = np.clip(np.rint(noisy), -32768, 32767).astype(np.int16).reshape(-1, FRAME)
    detector = VoiceDetector()
    voiced = [detector.voiced(frame) for frame in frames]
    through = np.array(passed(voiced))
    assert through[loud].mean() >= least
    silent = np.convolve(levels > -70, np.ones(81), "same") == 0
    silent[:LEARNS] = False
    assert silent.sum() > 300
    assert not through[silent].any()


def test_a_click_is_no_voice_and_a_fan_is_one_only_until_it_is_known() -> None:
    detector = VoiceDetector()
    room = np.random.default_rng(1).normal(0, 30, (1000, FRAME)).astype(np.int16)
    room[50:500:25] *= 100
    assert not any(detector.voiced(frame) for frame in room[:500])
    fan = np.random.default_rng(2).normal(0, 600, (500, FRAME)).astype(np.int16)
    heard = [detector.voiced(frame) for frame in fan]
    assert any(heard[:10])
    assert not any(heard[200:])


def test_silence_and_the_empty_frame_are_no_voice() -> None:
    detector = VoiceDetector()
    assert not any(detector.voiced(np.zeros(size, np.int16)) for size in (0, 160, 960) * 50)
