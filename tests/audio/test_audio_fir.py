"""The streaming filter, measured from outside, beside soxr HQ in the same run.

Bars: ripple at most 0.1 dB to 7.2 kHz, alias at most -80 dB above 8.8 kHz, worst latency at most 5 ms, signal
to noise at least 89 dB.
"""

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from bot.audio.fir import Down48StereoTo16Mono, Up24MonoTo48Stereo, down_taps, up_taps
from bot.audio.pcm import Pcm16

Feed = Callable[[Pcm16], Pcm16]
Floats = npt.NDArray[np.float64]

AMPLITUDE = 29_000.0
NOISE = np.random.default_rng(7).integers(-32768, 32768, 9_000, dtype=np.int16).tobytes()


def sine(hz: float, rate_hz: int, seconds: float = 0.3) -> Pcm16:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return np.round(AMPLITUDE * np.sin(2 * math.pi * hz * at + 0.3)).astype(np.int16)


def ours_down() -> Feed:
    down = Down48StereoTo16Mono()
    return lambda mono: down.feed(np.repeat(mono, 2).tobytes())


def ours_up() -> Feed:
    up = Up24MonoTo48Stereo()
    return lambda mono: np.ascontiguousarray(up.feed(mono.tobytes())[:, 0])


def soxr_hq(rate_in: int, rate_out: int) -> Feed:
    stream: Any = soxr.ResampleStream(rate_in, rate_out, 1, dtype="int16", quality="HQ")
    return lambda mono: np.asarray(stream.resample_chunk(mono), np.int16)


def in_frames(feed: Feed, pcm: Pcm16, samples: int) -> Iterable[Pcm16]:
    return (feed(pcm[at : at + samples]) for at in range(0, len(pcm), samples))


def fitted(pcm: Pcm16, hz: float, rate_hz: int) -> tuple[float, float]:
    """Return amplitude of the tone, and RMS of all else, by least squares on the settled middle."""
    middle = pcm[rate_hz // 10 : -rate_hz // 100].astype(np.float64)
    at = 2 * math.pi * hz * np.arange(len(middle)) / rate_hz
    base = np.stack([np.sin(at), np.cos(at), np.ones_like(at)], axis=1)
    found = np.linalg.lstsq(base, middle, rcond=None)[0]
    return math.hypot(found[0], found[1]), float(np.std(middle - base @ found))


def passed(feed: Feed, hz: float, rate_in: int, rate_out: int) -> tuple[float, float]:
    """Return gain and signal-to-noise ratio of a tone in dB."""
    out = np.concatenate(list(in_frames(feed, sine(hz, rate_in), rate_in // 50)))
    amplitude, noise = fitted(out, hz, rate_out)
    return 20 * math.log10(amplitude / AMPLITUDE), 20 * math.log10(amplitude / math.sqrt(2) / noise)


def leaked(feed: Feed, hz: float, rate_in: int, rate_out: int) -> float:
    """Return the level in dB of whatever a tone leaves behind that should be gone."""
    out = np.concatenate(list(in_frames(feed, sine(hz, rate_in), rate_in // 50)))
    middle = out[rate_out // 10 :].astype(np.float64)
    return 20 * math.log10(max(1e-9, float(np.std(middle)) * math.sqrt(2) / AMPLITUDE))


def worst_latency_ms(feed: Feed, rate_in: int, rate_out: int, chunks: Iterable[int]) -> float:
    """Return the longest time that a sample spends inside: what was fed, less what has come out of it.

    The delay of the stream is not believed but found, by correlation with an ideal conversion.
    """
    pcm = np.round(6000 * np.random.default_rng(3).normal(size=rate_in)).clip(-32768, 32767).astype(np.int16)
    outs, fed, made, ahead = [], 0, 0, 0.0
    for size in chunks:
        if fed >= len(pcm):
            break
        outs.append(feed(pcm[fed : fed + size]))
        fed, made = min(len(pcm), fed + size), made + len(outs[-1])
        ahead = max(ahead, fed / rate_in - made / rate_out)
    out = np.concatenate(outs).astype(np.float64)
    ideal = np.asarray(soxr.resample(pcm.astype(np.float64), rate_in, rate_out, quality="VHQ"))
    probe = ideal[rate_out // 5 : rate_out // 5 + 2000]
    near = out[rate_out // 5 : rate_out // 5 + 4000]
    shift = int(np.argmax(np.correlate(near, probe, mode="valid")))
    return (ahead + shift / rate_out) * 1000


@pytest.mark.parametrize("hz", [60, 300, 1000, 3000, 5000, 6800, 7000, 7200])
def test_down_is_flat_and_clean(hz: float) -> None:
    gain, snr = passed(ours_down(), hz, 48_000, 16_000)
    theirs_gain, theirs_snr = passed(soxr_hq(48_000, 16_000), hz, 48_000, 16_000)
    assert abs(gain) <= 0.1
    assert abs(gain - theirs_gain) <= 0.1
    assert snr >= 89
    assert snr >= theirs_snr - 3


def test_down_folds_nothing_back() -> None:
    tones = [*range(8_800, 24_000, 433), 23_990]
    assert max(leaked(ours_down(), hz, 48_000, 16_000) for hz in tones) <= -80
    assert max(leaked(soxr_hq(48_000, 16_000), hz, 48_000, 16_000) for hz in tones) <= -80
    assert leaked(ours_down(), 8_300, 48_000, 16_000) <= -80  # stricter than the bar: soxr lets this pass


@pytest.mark.parametrize("chunks", [[960], [480], [120], [7, 1, 960, 333, 48, 47, 5]])
def test_down_is_quick(chunks: list[int]) -> None:
    ours = worst_latency_ms(ours_down(), 48_000, 16_000, chunks * 48_000)
    theirs = worst_latency_ms(soxr_hq(48_000, 16_000), 48_000, 16_000, chunks * 48_000)
    assert ours <= 5
    assert ours < theirs / 3
    if chunks == [960]:  # no block is left to fill: the group delay alone, as documented
        assert ours == pytest.approx(Down48StereoTo16Mono.DELAY_SAMPLES / 16, abs=0.07)


@pytest.mark.parametrize("hz", [60, 1000, 5000, 7900, 10_400])
def test_up_is_flat_and_its_images_are_gone(hz: float) -> None:
    gain, snr = passed(ours_up(), hz, 24_000, 48_000)
    theirs_gain, _ = passed(soxr_hq(24_000, 48_000), hz, 24_000, 48_000)
    assert abs(gain) <= 0.1
    assert abs(gain - theirs_gain) <= 0.1
    assert snr >= 85  # all that is not the tone, the image included


def test_up_is_quick() -> None:
    ours = worst_latency_ms(ours_up(), 24_000, 48_000, [480] * 100)
    assert ours == pytest.approx(Up24MonoTo48Stereo.DELAY_SAMPLES / 48, abs=0.03)
    assert worst_latency_ms(ours_up(), 24_000, 48_000, [7, 1, 333, 23, 25] * 24_000) <= 5


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, len(NOISE)), cuts=st.lists(st.integers(0, len(NOISE)), max_size=30), up=st.booleans()
)
def test_any_chunking_gives_the_same_samples(size: int, cuts: list[int], up: bool) -> None:
    def converter() -> Down48StereoTo16Mono | Up24MonoTo48Stereo:
        return Up24MonoTo48Stereo() if up else Down48StereoTo16Mono()

    data = NOISE[:size]
    whole, parts = converter(), converter()
    expected = [whole.feed(data), whole.flush()]
    edges = [0, *sorted(min(cut, size) for cut in cuts), size]
    got = [parts.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    got.append(parts.flush())
    assert np.array_equal(np.concatenate(expected), np.concatenate(got))


@pytest.mark.parametrize("samples", [0, 1, 47, 48, 49, 960, 1001])
@pytest.mark.parametrize("odd", [b"", b"\x7f"])
def test_a_flush_gives_the_rest_and_starts_anew(samples: int, odd: bytes) -> None:
    down, up = Down48StereoTo16Mono(), Up24MonoTo48Stereo()
    for _ in range(2):
        given_down = len(down.feed(NOISE[: 4 * samples] + odd)) + len(down.flush())
        given_up = len(up.feed(NOISE[: 2 * samples] + odd)) + len(up.flush())
        assert given_down == -(-samples // 3) + down.DELAY_SAMPLES
        assert given_up == 2 * samples + up.DELAY_SAMPLES


def test_a_reset_stream_is_as_new() -> None:
    down, up = Down48StereoTo16Mono(), Up24MonoTo48Stereo()
    first = down.feed(NOISE[:3845]), up.feed(NOISE[:961])
    down.reset()
    up.reset()
    assert np.array_equal(down.feed(NOISE[:3845]), first[0])
    assert np.array_equal(up.feed(NOISE[:961]), first[1])


def test_what_is_too_loud_is_clipped_and_never_wraps() -> None:
    square = np.where(np.arange(48_000) // 50 % 2, 32767, -32768).astype(np.int16)
    down, up = ours_down()(square)[100:], ours_up()(square)[200:]
    # The filter overshoots at each edge: without the clip the sign would turn over.
    for out, width in ((down, 50 / 3), (up, 100)):
        assert out.max() == 32767 and out.min() == -32768
        turns = int(np.count_nonzero(np.diff(np.signbit(out).astype(np.int8))))
        assert turns == pytest.approx(len(out) / width, abs=2)


def test_both_channels_count_alike() -> None:
    left = np.stack([sine(1000, 48_000), np.zeros(14_400, np.int16)], axis=1)
    right = np.ascontiguousarray(left[:, ::-1])
    of_left, of_right = (
        Down48StereoTo16Mono().feed(left.tobytes()),
        Down48StereoTo16Mono().feed(right.tobytes()),
    )
    assert np.array_equal(of_left, of_right)
    assert fitted(of_left, 1000, 16_000)[0] == pytest.approx(AMPLITUDE / 2, rel=0.001)


@pytest.mark.parametrize(
    ("ours", "cutoff_hz", "gain"),
    [(down_taps(), 7_650.0, 1.0), (up_taps(), 11_850.0, 2.0)],
    ids=["down", "up"],
)
def test_the_taps_are_those_that_scipy_designs(ours: Floats, cutoff_hz: float, gain: float) -> None:
    theirs = gain * signal.firwin(len(ours), cutoff_hz, window=("kaiser", 8.5), fs=48_000)
    assert np.abs(ours - theirs).max() <= 2.0**-23 + 1e-12, "but for their rounding"
