"""What a client sends of what a microphone hears: gated by level, in frames of 20 ms."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal

from bot.audio.pcm import DISCORD_HZ, FRAME_MS, LIVE_IN_HZ, Pcm16, level_dbfs

FRAME = DISCORD_HZ * FRAME_MS // 1000
OPEN_DBFS = -50.0  # below quiet speech, above a quiet room; Discord's own slider goes from -100 to 0
HOLD_FRAMES = 10  # 200 ms stay open after the last voiced frame
SILENCE_FRAMES = 5  # what Discord asks of a client that stops sending


@dataclass(frozen=True, slots=True)
class Step:
    """What goes out in one slot of 20 ms: frame `index` of the speech, or a silence frame (None)."""

    slot: int
    index: int | None
    voiced: bool


@dataclass(frozen=True)
class Script:
    """Speech cut into frames, and when each is to be sent."""

    frames: list[bytes]
    """48 kHz stereo PCM16, 20 ms each; the last is filled with zeros."""
    pcm16k: Pcm16
    """The same at 16 kHz mono, to compare with what was heard."""
    steps: list[Step]


def read_wav(path: Path) -> tuple[Pcm16, int]:
    """Return the samples of a PCM16 WAV as mono, and their rate in Hz."""
    with wave.open(str(path), "rb") as wav:
        if wav.getsampwidth() != 2:
            raise ValueError(f"{path.name} is not 16-bit PCM")
        pcm = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, wav.getnchannels())
        return pcm.mean(axis=1).astype(np.int16), wav.getframerate()


def resampled(pcm: Pcm16, rate_hz: int, to_hz: int) -> Pcm16:
    """Return the whole of a recording at another rate."""
    if rate_hz == to_hz:
        return pcm
    exact = signal.resample_poly(pcm.astype(np.float64), to_hz, rate_hz)
    return np.asarray(np.clip(np.rint(exact), -32768, 32767), np.int16)


def script(pcm: Pcm16, rate_hz: int, *, gated: bool) -> Script:
    """Plan what to send of mono samples at any rate."""
    wide, narrow = _filled(resampled(pcm, rate_hz, DISCORD_HZ), FRAME), resampled(pcm, rate_hz, LIVE_IN_HZ)
    cut = wide.reshape(-1, FRAME)
    voiced = [level_dbfs(frame) > OPEN_DBFS for frame in cut]
    frames = [np.repeat(frame, 2).tobytes() for frame in cut]
    per_frame = LIVE_IN_HZ * FRAME_MS // 1000
    fitting = np.zeros(len(frames) * per_frame, np.int16)  # rounding may differ by a sample
    fitting[: len(narrow)] = narrow[: len(fitting)]
    return Script(frames, fitting, _steps(voiced, gated=gated))


def _filled(pcm: Pcm16, frame: int) -> Pcm16:
    return np.concatenate((pcm, np.zeros(-len(pcm) % frame, np.int16)))


def _steps(voiced: list[bool], *, gated: bool) -> list[Step]:
    steps: list[Step] = []
    hold = silences = 0
    for slot, loud in enumerate([*voiced, *[False] * SILENCE_FRAMES]):
        speech = slot < len(voiced)
        hold = HOLD_FRAMES + 1 if loud else max(0, hold - 1)
        if speech and (hold or not gated):
            steps.append(Step(slot, slot, loud))
            silences = SILENCE_FRAMES
        elif silences:
            steps.append(Step(slot, None, False))
            silences -= 1
    return steps
