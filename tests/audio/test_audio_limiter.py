import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.limiter import BLOCK, CEILING, LATENCY, LOOKAHEAD, Limiter
from bot.audio.pcm import LIVE_IN_HZ, Pcm16

Ints = npt.NDArray[np.int32]


def limited(total: Ints, chunks: list[int] | None = None) -> Pcm16:
    """Everything that comes out for a sum that goes in, in chunks or at once."""
    limiter, out, at = Limiter(), [], 0
    for size in chunks or []:
        out.append(limiter.feed(total[at : at + size]))
        at += size
    return np.concatenate([*out, limiter.feed(total[at:]), limiter.flush()])


@st.composite
def sums(draw: st.DrawFn) -> Ints:
    """Bursts of noise, tones, clicks and steps, up to the sum of 25 people at full scale."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = []
    for _ in range(draw(st.integers(1, 6))):
        size, peak = draw(st.integers(1, 1500)), draw(st.integers(0, 25 * 32768))
        kind = draw(st.sampled_from(["noise", "tone", "click", "step"]))
        time = np.arange(size)
        shape = {
            "noise": rng.uniform(-1, 1, size),
            "tone": np.sin(time * draw(st.floats(0.001, 3.0))),
            "click": (time == size // 2).astype(float),
            "step": np.ones(size),
        }[kind]
        parts.append((shape * peak).astype(np.int32))
    return np.concatenate(parts)


@settings(max_examples=80, deadline=None)
@given(sums())
def test_nothing_clips_and_no_sign_changes(total: Ints) -> None:
    out = limited(total).astype(np.int64)
    assert out.size == total.size + LATENCY
    assert np.abs(out).max(initial=0) <= CEILING <= 32767
    behind = out[LATENCY:]
    assert np.all(np.abs(behind) <= np.abs(total))
    assert np.all(behind * total.astype(np.int64) >= 0)


@settings(max_examples=60, deadline=None)
@given(sums(), st.lists(st.integers(0, 700), max_size=12))
def test_the_same_samples_at_any_chunking(total: Ints, chunks: list[int]) -> None:
    assert np.array_equal(limited(total, chunks), limited(total))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4000))
def test_what_is_below_the_ceiling_passes_unchanged_and_late_by_what_is_said(seed: int, size: int) -> None:
    total = np.random.default_rng(seed).integers(-int(CEILING), int(CEILING) + 1, size, np.int32)
    out = limited(total)
    assert np.array_equal(out[LATENCY:], total)
    assert not out[:LATENCY].any()


def test_a_loud_second_is_turned_down_and_the_next_comes_back_to_unity() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(LIVE_IN_HZ) / LIVE_IN_HZ)
    total = np.concatenate([tone * 8000, tone * 90_000, tone * 8000, tone * 8000]).astype(np.int32)
    out = limited(total)[LATENCY:]
    loud = out[LIVE_IN_HZ + 800 : 2 * LIVE_IN_HZ - 800]
    assert 31_000 < np.abs(loud).max() <= CEILING
    spectrum = np.abs(np.fft.rfft(loud[:8000] * np.hanning(8000)))
    peak = int(np.argmax(spectrum))
    harmonics = float(np.sqrt(np.sum(spectrum[peak + 20 :] ** 2)) / spectrum[peak])
    assert harmonics < 0.01, "turned down, not cut off: a clipped sine has a third harmonic of a quarter"
    assert np.array_equal(out[-LIVE_IN_HZ // 2 :], total[-LIVE_IN_HZ // 2 :])


def test_the_gain_goes_down_smoothly_before_a_peak_and_comes_back_slowly_after_it() -> None:
    total = np.full(LIVE_IN_HZ, 20_000, np.int32)
    total[8000] = 100_000
    gain = limited(total)[LATENCY:] / total
    assert gain[8000] <= 0.32
    assert np.abs(np.diff(gain)).max() <= 1.5 * 0.68 / LOOKAHEAD, "a ramp over the look-ahead, and no jump"
    assert gain[8000 - LOOKAHEAD - BLOCK] == 1.0, "nothing is turned down long before it"
    later = gain[8000 + LOOKAHEAD + LIVE_IN_HZ // 20]
    assert 0.4 < later < 0.75, "half way back after the half of the release"
    assert gain[-1] > 0.99


def test_a_limiter_begins_anew_after_a_flush() -> None:
    limiter = Limiter()
    limiter.feed(np.full(1600, 300_000, np.int32))
    limiter.flush()
    quiet = np.arange(1600, dtype=np.int32)
    assert np.array_equal(np.concatenate([limiter.feed(quiet), limiter.flush()]), limited(quiet))
