"""Streaming sample-rate conversion by a linear-phase FIR: the same samples come out at any chunking.

Theory of operation. The input is cut into blocks of 1 ms. One row of a matrix holds a block and the
samples before it that the filter spans; one matrix product with the taps, arranged by phase, gives the
output. What does not fill a block, down to an odd byte, waits for the next call, so at most 1 ms is held
back beyond the group delay of the filter.

Why bit-exact: BLAS sums in an order that depends on the matrix's shape and the machine. So the taps are
rounded to multiples of 2**-22 and the products are made in float64: each partial sum is then a multiple of
2**-23 far below 2**53 of them, exact in any order. The rounding costs nothing audible (below -120 dB).
"""

import functools

import numpy as np
import numpy.typing as npt

from bot.audio.pcm import Pcm16

ROWS = 20  # blocks in one product: a Discord frame of 20 ms; longer input takes several, in the same memory
_TAP_STEP = 2.0**-22

Taps = npt.NDArray[np.float64]


def _kaiser_low_pass(taps: int, cutoff_hz: float, *, gain: float) -> Taps:
    """Design at 48 kHz; beta 8.5 keeps the stop band under -85 dB. Rounded so that sums are exact."""
    # A windowed sinc, of gain 1 at 0 Hz. scipy designs the same, and takes a second of a start to import.
    at = np.arange(taps) - (taps - 1) / 2
    designed = np.sinc(2 * cutoff_hz / 48_000 * at) * np.kaiser(taps, 8.5)
    steps: Taps = np.round(gain * designed / designed.sum() / _TAP_STEP)
    return steps * _TAP_STEP


@functools.cache
def down_taps() -> Taps:
    """Return the 289 taps for 48 to 16 kHz: flat to 7.2 kHz, and what lies above 8.2 kHz is gone.

    The cut lies below 8 kHz so that hardly anything folds back; 289 makes the delay whole at both rates.
    """
    return _kaiser_low_pass(289, 7_650.0, gain=1.0)


@functools.cache
def up_taps() -> Taps:
    """Return the 145 taps for 24 to 48 kHz: flat to 10.8 kHz, with images of it under -85 dB."""
    return _kaiser_low_pass(145, 11_850.0, gain=2.0)


def _phases(taps: Taps, *, up: int, down: int, inputs: int) -> Taps:
    """Arrange taps as (history + inputs, outputs): a column gives one output sample of a block.

    Output n of a block lies at n * down on the common grid of 48 kHz, where input k lies at k * up.
    """
    history = -(-(len(taps) - 1) // up)
    outputs = inputs * up // down
    matrix = np.zeros((history + inputs, outputs))
    for row in range(history + inputs):
        for column in range(outputs):
            tap = column * down - (row - history) * up
            if 0 <= tap < len(taps):
                matrix[row, column] = taps[tap]
    return matrix


class StreamingFir:
    """A mono stream of float64 samples through a polyphase filter, in blocks of 1 ms."""

    def __init__(self, taps: Taps, *, up: int, down: int, inputs: int) -> None:
        self._matrix = _phases(taps, up=up, down=down, inputs=inputs)
        self._inputs = inputs
        self._width = len(self._matrix)
        self._history = np.zeros(self._width - inputs)
        self._rows = np.empty((ROWS, self._width))

    def feed(self, samples: npt.NDArray[np.float64]) -> Pcm16:
        """Filter whole blocks (a multiple of `inputs` samples) and return what they give, saturated."""
        line = np.concatenate((self._history, samples))
        self._history = line[len(samples) :].copy()
        blocks = len(samples) // self._inputs
        step = line.itemsize
        views = np.ndarray((blocks, self._width), np.float64, line, 0, (self._inputs * step, step))
        outputs = np.empty((blocks, self._matrix.shape[1]))
        for start in range(0, blocks, ROWS):
            rows = self._rows[: min(ROWS, blocks - start)]
            np.copyto(rows, views[start : start + len(rows)])  # BLAS takes no overlapping rows
            np.matmul(rows, self._matrix, out=outputs[start : start + len(rows)])
        np.rint(outputs, out=outputs)
        np.minimum(np.maximum(outputs, -32768.0, out=outputs), 32767.0, out=outputs)
        return outputs.astype(np.int16).reshape(-1)

    def reset(self) -> None:
        """Start a new stream: what came before is silence."""
        self._history[:] = 0.0


class _Blocks:
    """Bytes in any chunking, out in whole blocks; the rest, odd bytes included, waits."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rest = b""

    def take(self, data: bytes) -> bytes:
        data = self.rest + data
        whole = len(data) - len(data) % self.size
        self.rest = data[whole:]
        return data[:whole]

    def drain(self, frame: int, more: int) -> tuple[bytes, int]:
        """Return the rest and `more` bytes of zeros, filled up to a block; and how many bytes are no filling.

        What does not make a whole frame of `frame` bytes is dropped: half a sample can't be played.
        """
        real = len(self.rest) - len(self.rest) % frame + more
        data = self.rest[: real - more] + bytes(more)
        self.rest = b""
        return data + bytes(-len(data) % self.size), real


class Down48StereoTo16Mono:
    """PCM16LE at 48 kHz stereo, in chunks of any size, to 16 kHz mono; the channels are averaged.

    Group delay: 144 samples in, 48 out, 3.0 ms; up to 1 ms more while a block fills.
    """

    DELAY_SAMPLES = 48
    """At 16 kHz: output n stands for the input at 3 * (n - 48)."""

    def __init__(self) -> None:
        self._blocks = _Blocks(48 * 4)
        self._fir = StreamingFir(down_taps(), up=1, down=3, inputs=48)

    def feed(self, pcm: bytes) -> Pcm16:
        """Return the samples that are complete: mono, shape (samples,)."""
        return self._convert(self._blocks.take(pcm))

    def flush(self) -> Pcm16:
        """Return the rest, up to the last whole sample that was fed, and start a new stream."""
        data, real = self._blocks.drain(4, 144 * 4)
        tail = self._convert(data)[: -(-real // 12)]
        self.reset()
        return tail

    def reset(self) -> None:
        """Drop what waits and start a new stream."""
        self._blocks.rest = b""
        self._fir.reset()

    def _convert(self, data: bytes) -> Pcm16:
        frames = np.frombuffer(data, "<i2").reshape(-1, 2).astype(np.float64)
        return self._fir.feed(frames @ np.array([0.5, 0.5]))


class Up24MonoTo48Stereo:
    """PCM16LE at 24 kHz mono, in chunks of any size, to 48 kHz stereo with both channels alike.

    Group delay: 36 samples in, 72 out, 1.5 ms; up to 1 ms more while a block fills.
    """

    DELAY_SAMPLES = 72
    """At 48 kHz: output n stands for the input at (n - 72) / 2."""

    def __init__(self) -> None:
        self._blocks = _Blocks(24 * 2)
        self._fir = StreamingFir(up_taps(), up=2, down=1, inputs=24)

    def feed(self, pcm: bytes) -> Pcm16:
        """Return the frames that are complete: shape (samples, 2)."""
        return self._convert(self._blocks.take(pcm))

    def flush(self) -> Pcm16:
        """Return the rest, up to the last whole sample that was fed, and start a new stream."""
        data, real = self._blocks.drain(2, 36 * 2)
        tail = self._convert(data)[:real]
        self.reset()
        return tail

    def reset(self) -> None:
        """Drop what waits and start a new stream."""
        self._blocks.rest = b""
        self._fir.reset()

    def _convert(self, data: bytes) -> Pcm16:
        mono = self._fir.feed(np.frombuffer(data, "<i2").astype(np.float64))
        return np.repeat(mono, 2).reshape(-1, 2)
