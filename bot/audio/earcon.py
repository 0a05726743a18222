"""A short sound that says: I am at it. Two soft rising tones, made here."""

import numpy as np

from bot.audio.pcm import LIVE_OUT_HZ, Pcm16

TONES_HZ = (587.33, 880.0)  # D5 and A5: a fifth is heard as a question that is being looked into
TONE_S = 0.12
LEVEL = 0.08  # of full scale, -22 dBFS: under a voice, and heard in a quiet room


def earcon() -> Pcm16:
    """Return the sound, 24 kHz mono; each tone swells and fades, so that nothing clicks."""
    at = np.arange(round(TONE_S * LIVE_OUT_HZ)) / LIVE_OUT_HZ
    swell = np.sin(np.pi * at / TONE_S) ** 2
    tones = [swell * np.sin(2 * np.pi * hertz * at) for hertz in TONES_HZ]
    return np.round(np.concatenate(tones) * LEVEL * np.iinfo(np.int16).max).astype(np.int16)
