"""The loudness of a voice: a gain that changes without a click, and a limiter where it is above 1.

The limiter looks 5 ms ahead, so it gives samples out later than it takes them in. Here that is no delay that
anyone hears, since speech comes faster than it is played: nothing is put in its place, the samples are only
held back until more come, or until `flush`. So the limiter can come in at any sample. It stays until the
flush: while its gain comes back, taking it out would click.
"""

import numpy as np
import numpy.typing as npt

from bot.audio.limiter import Limiter
from bot.audio.pcm import Pcm16

RAMP_MS = 20  # from one gain to another: too slow for a click, too quick to be heard as fading


class Fader:
    """Makes one voice louder or softer; the same samples whatever the chunks."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._ramp = rate_hz * RAMP_MS // 1000  # samples
        self._gain = self._target = 1.0
        self._step = 0.0
        self._limiter: Limiter | None = None
        self._skip = 0  # of the limiter's first samples, which stand for what came before it

    @property
    def gain(self) -> float:
        """What amplitudes are multiplied with, now or soon."""
        return self._target

    def set(self, gain: float) -> None:
        """Go to a gain within 20 ms of the sound that comes next."""
        self._target = gain
        self._step = (gain - self._gain) / self._ramp

    def feed(self, pcm: Pcm16) -> Pcm16:
        """Take in samples; return those that are ready."""
        if self._gain == self._target == 1.0 and self._limiter is None:
            return pcm
        scaled = pcm * self._gains(pcm.size)
        if self._limiter is None and max(self._gain, self._target) > 1.0:
            self._limiter = Limiter(self._rate_hz)
            self._skip = self._limiter.latency
        if self._limiter is None:
            return np.asarray(np.rint(scaled), np.int16)
        return self._after_limiter(self._limiter.feed(np.asarray(np.rint(scaled), np.int32)))

    def flush(self) -> Pcm16:
        """Return what is held back: the speech ends here."""
        rest = np.zeros(0, np.int16)
        if self._limiter is not None:
            rest = self._after_limiter(self._limiter.flush())
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget what is held back; what comes next has the gain from its first sample."""
        self._gain, self._step, self._limiter, self._skip = self._target, 0.0, None, 0

    def _gains(self, size: int) -> npt.NDArray[np.float64]:
        """Return the gain of each of the next samples."""
        if self._gain == self._target:
            return np.full(size, self._target)
        low, high = sorted((self._gain, self._target))
        ramp = self._gain + self._step * np.arange(1, size + 1)
        gains: npt.NDArray[np.float64] = np.clip(ramp, low, high)
        if size:
            self._gain = float(gains[-1])
        return gains

    def _after_limiter(self, limited: Pcm16) -> Pcm16:
        out = limited[self._skip :]
        self._skip -= limited.size - out.size
        return out
