"""PCM samples: the types and figures that every other module shares."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pcm16: TypeAlias = npt.NDArray[np.int16]
"""int16 samples; mono unless said otherwise: shape (samples,)."""

LIVE_IN_HZ = 16_000  # what the Live model hears
LIVE_OUT_HZ = 24_000  # what it speaks
DISCORD_HZ = 48_000  # Opus on Discord; the RTP clock
FRAME_MS = 20


def level_dbfs(pcm: Pcm16) -> float:
    """Return the RMS level in dB relative to full scale (a full-scale square wave is 0); -inf for silence."""
    if pcm.size == 0:
        return float("-inf")
    mean_square = float(np.mean(np.square(pcm, dtype=np.float64)))
    return 10.0 * float(np.log10(mean_square / 32768.0**2)) if mean_square else float("-inf")
