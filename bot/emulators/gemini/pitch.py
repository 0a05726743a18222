"""The pitch of a voice: the median fundamental frequency over its voiced frames, found with YIN.

de Cheveigne and Kawahara, "YIN, a fundamental frequency estimator for speech and music" (2002), steps 1 to 5:
the difference function, its cumulative mean normalisation, an absolute threshold, parabolic interpolation.
"""

import numpy as np
import numpy.typing as npt

from bot.audio.pcm import LIVE_IN_HZ, Pcm16

_LOWEST_HZ, _HIGHEST_HZ = 60.0, 500.0  # from a deep man's voice to a child's
_WINDOW = 640  # samples: 40 ms, so that two periods of the lowest voice and the window fit in 80 ms
_HOP = 320  # 20 ms
_THRESHOLD = 0.15  # aperiodicity below which a frame counts as voiced; the paper takes 0.1 to 0.15
_MOST_FRAMES = 500  # 10 s of speech tell the median; more would only cost time
_FEWEST_VOICED = 3  # fewer are chance

_SHORTEST = int(LIVE_IN_HZ / _HIGHEST_HZ)
_LONGEST = int(LIVE_IN_HZ / _LOWEST_HZ) + 1
_SPAN = _WINDOW + _LONGEST

Floats = npt.NDArray[np.float64]


def pitch_hz(pcm: Pcm16, *, floor_dbfs: float) -> float | None:
    """Return the median pitch of 16 kHz mono samples; None if there are no voiced frames above the floor."""
    frames = _frames(pcm, 32768.0 * 10 ** (floor_dbfs / 20))
    if not len(frames):
        return None
    normalised = _normalise(_differences(frames))
    found = [period for row in normalised if (period := _period(row)) is not None]
    if len(found) < _FEWEST_VOICED:
        return None
    return LIVE_IN_HZ / float(np.median(found))


def _frames(pcm: Pcm16, floor: float) -> Floats:
    """Return overlapping frames, shape (frames, _SPAN), those that are loud enough, at most _MOST_FRAMES."""
    if len(pcm) < _SPAN:
        return np.empty((0, _SPAN))
    views = np.lib.stride_tricks.sliding_window_view(pcm, _SPAN)[::_HOP]
    step = -(-len(views) // _MOST_FRAMES)
    frames = views[::step].astype(np.float64)
    loud: Floats = frames[np.sqrt(np.mean(np.square(frames), axis=1)) > floor]
    return loud


def _differences(frames: Floats) -> Floats:
    """Return the squared differences of the window and itself, shifted by 0 to _LONGEST samples."""
    size = 2048  # holds _SPAN + _WINDOW without wrapping
    spectrum = np.fft.rfft(frames, size)
    window = np.fft.rfft(frames[:, :_WINDOW], size)
    products = np.fft.irfft(spectrum * np.conj(window), size)[:, : _LONGEST + 1]
    energy = np.cumsum(np.square(frames), axis=1)
    energy = np.hstack((np.zeros((len(frames), 1)), energy))
    shifted = energy[:, _WINDOW : _WINDOW + _LONGEST + 1] - energy[:, : _LONGEST + 1]
    differences: Floats = np.maximum(shifted + shifted[:, :1] - 2.0 * products, 0.0)
    return differences


def _normalise(differences: Floats) -> Floats:
    """Return each difference over the mean of those at shorter lags."""
    lags = np.arange(1, differences.shape[1])
    sums = np.cumsum(differences[:, 1:], axis=1)
    normalised: Floats = np.ones_like(differences)
    np.divide(differences[:, 1:] * lags, sums, out=normalised[:, 1:], where=sums > 0.0)
    return normalised


def _period(row: Floats) -> float | None:
    """Return the period in samples: the first dip under the threshold, at its bottom; None if unvoiced."""
    below = np.flatnonzero(row[_SHORTEST:_LONGEST] < _THRESHOLD)
    if not len(below):
        return None
    lag = _SHORTEST + int(below[0])
    while lag + 1 < _LONGEST and row[lag + 1] < row[lag]:
        lag += 1
    before, here, after = row[lag - 1], row[lag], row[lag + 1]
    curve = before - 2.0 * here + after
    return lag + 0.5 * float(before - after) / float(curve) if curve > 0.0 else float(lag)
