"""Recordings of a scene, put together from what was said and heard."""

import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bot.audio.pcm import DISCORD_HZ, LIVE_IN_HZ, Pcm16
from bot.demo.speech import Line
from bot.demo.turns import HeardTurn
from bot.emulators.client.gate import FRAME, resampled


def said(lines: Iterable[Line], started: float, ended: float) -> Pcm16:
    """Return what people said between two times, 48 kHz mono; each frame where it was due."""
    line = np.zeros(round((ended - started) * DISCORD_HZ), np.int32)
    for each in lines:
        frames = resampled(each.utterance.pcm16k, LIVE_IN_HZ, DISCORD_HZ).reshape(-1, FRAME)
        start = round((each.utterance.started_at - started) * DISCORD_HZ)
        for sent, pcm in zip(each.utterance.frames, frames, strict=True):
            at = start + sent.index * FRAME
            room = line[at : at + FRAME]
            room += pcm[: room.size]
    return np.clip(line, -32768, 32767).astype(np.int16)


def given(turns: Sequence[HeardTurn], started: float, ended: float) -> Pcm16:
    """Return what the model was given, 16 kHz mono: each turn where it began, or after the one before."""
    line = np.zeros(round((ended - started) * LIVE_IN_HZ), np.int16)
    free = 0
    for turn in turns:
        at = max(free, round((turn.started - started) * LIVE_IN_HZ))
        room = line[at : at + turn.pcm.size]
        room[:] = turn.pcm[: room.size]
        free = at + turn.pcm.size
    return line


def write_wav(path: Path, pcm: Pcm16, rate_hz: int) -> None:
    """Write samples, shape (n,) or (n, channels), as 16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm.astype("<i2").tobytes())
