"""A look-ahead limiter: keeps the sum of several voices within 16 bits without clipping any sample.

The gain that a sample needs is known 5 ms before the sample leaves, so the gain can go down smoothly ahead of
a peak: it is the minimum over the look-ahead of what its samples need, released exponentially, and averaged
over the look-ahead. An average of minima is never above what the sample in its midst needs, which is the
proof that nothing clips. (The usual design; e.g. G. W. McNally, "Dynamic Range Control of Digital Audio
Signals", 1984.) Below the threshold the gain is exactly 1, and the samples pass unchanged.

Streaming, and the same samples whatever the chunks: blocks of fixed size are computed, partial ones wait.
"""

import numpy as np
import numpy.typing as npt

from bot.audio.pcm import LIVE_IN_HZ, Pcm16

LOOKAHEAD_MS = 5  # as long as a vowel's period, so the gain does not follow waves
BLOCK_MS = 10  # of which every frame on Discord is a multiple
LOOKAHEAD = LIVE_IN_HZ * LOOKAHEAD_MS // 1000  # samples, at the rate of what is heard
LATENCY = LOOKAHEAD  # samples by which what comes out is late
BLOCK = LIVE_IN_HZ * BLOCK_MS // 1000  # samples
CEILING = 32_000.0  # 0.2 dB under full scale: what comes after it may round, too
RELEASE_S = 0.1  # back to unity after a peak: slow enough not to pump within a syllable

NO_LOSS = 1e-6  # of gain: below it no sample is changed by rounding

_Floats = npt.NDArray[np.float64]


class Limiter:
    """Takes sums of voices, or a voice made louder, mono; gives them out within 16 bits, `latency` later."""

    def __init__(self, rate_hz: int = LIVE_IN_HZ) -> None:
        self.latency = rate_hz * LOOKAHEAD_MS // 1000
        """In samples."""
        self._lookahead = self.latency
        self._block_size = rate_hz * BLOCK_MS // 1000
        self._release = float(np.exp(-1.0 / (RELEASE_S * rate_hz)))
        self._begin()

    def _begin(self) -> None:
        self._input: _Floats = np.zeros(0)
        self._line: _Floats = np.zeros(self._lookahead)  # samples that wait for the gain
        self._needed: _Floats = np.ones(self._lookahead)  # by the newest samples
        self._smooth: _Floats = np.ones(self._lookahead)  # the newest released minima
        self._loss = 0.0  # how far the released gain is below 1

    def feed(self, total: npt.NDArray[np.int32]) -> Pcm16:
        """Take in samples of a sum; return those that are ready: as many, short of a partial block."""
        self._input = np.concatenate((self._input, total.astype(np.float64)))
        blocks = self._input.size // self._block_size
        ready, self._input = np.split(self._input, [blocks * self._block_size])
        out = [self._block(block) for block in ready.reshape(blocks, self._block_size)]
        return np.concatenate(out) if out else np.zeros(0, np.int16)

    def flush(self) -> Pcm16:
        """Return what is left, filled up to a block with silence, and begin anew."""
        rest = self._input.size + self.latency
        padded = -(-rest // self._block_size) * self._block_size
        out = self.feed(np.zeros(padded - self._input.size, np.int32))
        self._begin()
        return out[:rest]

    def _block(self, block: _Floats) -> Pcm16:
        needed = np.concatenate((self._needed, np.minimum(1.0, CEILING / np.maximum(np.abs(block), 1.0))))
        self._needed = needed[-self._lookahead :]
        released = self._released(_sliding_minima(needed, self._lookahead + 1))
        smooth = np.concatenate((self._smooth, released))
        self._smooth = smooth[-self._lookahead :]
        line = np.concatenate((self._line, block))
        self._line = line[-self._lookahead :]
        gain = self._averaged(smooth)
        return np.asarray(np.rint(line[: self._block_size] * gain), np.int16)

    def _released(self, minima: _Floats) -> _Floats:
        """Return a gain that is never above the minima, falls at once, and rises exponentially.

        Its loss is the largest of all losses so far, each decayed since: a running maximum once the decay
        is divided out.
        """
        decay = self._release ** np.arange(1, minima.size + 1)
        losses = np.concatenate(([self._loss], (1.0 - minima) / decay))
        loss = np.maximum.accumulate(losses)[1:] * decay
        self._loss = float(loss[-1]) if loss[-1] > NO_LOSS else 0.0
        return np.asarray(1.0 - loss, np.float64)

    def _averaged(self, smooth: _Floats) -> _Floats:
        """Return the mean over the look-ahead at each sample; exactly 1 where all of them are."""
        width = self._lookahead + 1
        return np.asarray(np.convolve(smooth, np.ones(width), "valid") / width, np.float64)


def _sliding_minima(values: _Floats, width: int) -> _Floats:
    """Return the minimum of each `width` values that follow one another, by doubling the width."""
    covered = 1
    while 2 * covered <= width:
        values = np.minimum(values[:-covered], values[covered:])
        covered *= 2
    rest = width - covered
    return np.minimum(values[:-rest], values[rest:]) if rest else values
