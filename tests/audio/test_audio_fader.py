"""The fader: exact gains, no click at a change, no clipping, and no sample lost or late."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.fader import RAMP_MS, Fader
from bot.audio.limiter import CEILING
from bot.audio.pcm import LIVE_OUT_HZ, Pcm16, level_dbfs

SECOND = LIVE_OUT_HZ
RAMP = LIVE_OUT_HZ * RAMP_MS // 1000


def tone(peak: float, seconds: float = 1.0) -> Pcm16:
    at = np.arange(round(seconds * LIVE_OUT_HZ)) / LIVE_OUT_HZ
    return np.asarray(np.rint(peak * np.sin(2 * np.pi * 200 * at)), np.int16)


def faded(pcm: Pcm16, changes: dict[int, float], chunks: list[int]) -> Pcm16:
    """Everything that comes out, in chunks, with gains set at samples."""
    fader, out, at = Fader(LIVE_OUT_HZ), [], 0
    edges = sorted({0, pcm.size, *changes, *np.cumsum(chunks).tolist()})
    for edge in (each for each in edges if each <= pcm.size):
        out.append(fader.feed(pcm[at:edge]))
        at = edge
        if edge in changes:
            fader.set(changes[edge])
    return np.concatenate([*out, fader.flush()])


def test_at_unity_samples_pass_as_they_are() -> None:
    fader = Fader(LIVE_OUT_HZ)
    pcm = tone(30_000)
    assert fader.feed(pcm) is pcm
    assert fader.flush().size == 0


@pytest.mark.parametrize(("gain", "db"), [(0.5, -6.02), (2.0, 6.02), (1.5, 3.52), (0.0, float("-inf"))])
def test_a_gain_is_exact_where_nothing_is_limited(gain: float, db: float) -> None:
    pcm = tone(8000)
    fader = Fader(LIVE_OUT_HZ)
    fader.set(gain)
    fader.reset()
    out = np.concatenate([fader.feed(pcm), fader.flush()])
    assert out.size == pcm.size
    assert np.array_equal(out, np.rint(pcm * gain).astype(np.int16)), "in its place, to the sample"
    assert level_dbfs(out) - level_dbfs(pcm) == pytest.approx(db, abs=0.01)


@pytest.mark.parametrize("gains", [(1.0, 2.0), (2.0, 0.5), (0.5, 1.0), (1.0, 0.0), (0.0, 2.0)])
def test_a_change_in_mid_speech_does_not_click(gains: tuple[float, float]) -> None:
    pcm = tone(8000)
    out = faded(pcm, {0: gains[0], SECOND // 2 + 30: gains[1]}, [])
    assert out.size == pcm.size
    steepest = np.abs(np.diff(pcm.astype(int))).max() * max(gains)
    ramp = 8000 * abs(gains[1] - gains[0]) / RAMP
    assert np.abs(np.diff(out.astype(int))).max() <= steepest + ramp + 1
    after = slice(SECOND // 2 + 30 + RAMP, None)
    assert np.array_equal(out[after], np.rint(pcm[after] * gains[1]).astype(np.int16))


def test_what_would_clip_is_turned_down() -> None:
    pcm = tone(30_000)
    out = faded(pcm, {0: 2.0}, [])
    assert out.size == pcm.size
    assert 31_000 < np.abs(out.astype(int)).max() <= CEILING
    part = out[SECOND // 2 : SECOND // 2 + 12_000].astype(float)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(12_000)))
    peak = int(np.argmax(spectrum))
    assert np.sqrt(np.sum(spectrum[peak + 20 :] ** 2)) / spectrum[peak] < 0.01, "and not cut off"


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 6000),
    st.dictionaries(st.integers(0, 6000), st.sampled_from([0.0, 0.3, 1.0, 1.4, 2.0]), max_size=4),
    st.lists(st.integers(0, 900), max_size=10),
)
def test_every_sample_comes_out_in_its_place_at_any_chunking(
    seed: int, size: int, changes: dict[int, float], chunks: list[int]
) -> None:
    pcm = np.random.default_rng(seed).integers(-32768, 32768, size, np.int16)
    out = faded(pcm, changes, chunks)
    assert out.size == size
    whole = faded(pcm, changes, [])
    assert out.size == whole.size
    # The gain of a chunk is computed from its own beginning, so a half may be rounded either way.
    assert not out.size or np.abs(out.astype(int) - whole).max() <= 1
    assert np.all(out.astype(int) * pcm >= 0)
    assert np.all(np.abs(out.astype(int)) <= np.abs(pcm.astype(int)) * 2)
