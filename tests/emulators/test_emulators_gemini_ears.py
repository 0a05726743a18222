"""What the loopback Gemini measures is what was there; what it speaks is speech."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from bot.audio.pcm import LIVE_IN_HZ, Pcm16, level_dbfs
from bot.emulators.gemini.ears import Ears, Ended, Onset, measure
from bot.emulators.gemini.models import catalogue
from bot.emulators.gemini.pitch import pitch_hz
from bot.emulators.gemini.reply import speaker_in
from bot.emulators.gemini.setup import Detection
from bot.emulators.gemini.voice import SPEECH_HZ, espeak_voice, speak

MEDIA = Path(__file__).parents[1] / "media"


def tone(hz: float, seconds: float, *, dbfs: float = -20.0) -> Pcm16:
    """Return a buzz with five harmonics, like a voice."""
    at = np.arange(round(seconds * LIVE_IN_HZ)) / LIVE_IN_HZ
    wave_form = sum(np.sin(2 * np.pi * hz * k * at) / k for k in range(1, 6))
    scale = 32768 * 10 ** (dbfs / 20) / np.sqrt(np.mean(np.square(wave_form)))
    return np.asarray(np.rint(wave_form * scale), dtype=np.int16)


def silence(seconds: float) -> Pcm16:
    return np.zeros(round(seconds * LIVE_IN_HZ), np.int16)


def recording(name: str) -> Pcm16:
    with wave.open(str(MEDIA / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)


@pytest.mark.parametrize("hz", [75.0, 110.0, 142.0, 220.0, 300.0, 430.0])
def test_pitch_of_a_buzz(hz: float) -> None:
    found = pitch_hz(tone(hz, 1.0), floor_dbfs=-45.0)
    assert found == pytest.approx(hz, rel=0.005)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, LIVE_IN_HZ).astype(np.int16)
    assert pitch_hz(noise, floor_dbfs=-45.0) is None
    assert pitch_hz(silence(1.0), floor_dbfs=-45.0) is None
    assert pitch_hz(silence(0.01), floor_dbfs=-45.0) is None


def test_measures_of_two_spans() -> None:
    pcm = np.concatenate((silence(0.5), tone(150, 1.0), silence(0.4), tone(150, 0.6), silence(0.3)))
    measures = measure(pcm)
    assert measures.duration_s == pytest.approx(2.0, abs=0.05)
    assert measures.level_dbfs == pytest.approx(-20.0, abs=0.2)
    assert measures.pitch_hz == pytest.approx(150.0, rel=0.01)
    assert measures.spans == 2


def test_measures_of_nothing() -> None:
    measures = measure(silence(1.0))
    assert (measures.duration_s, measures.pitch_hz, measures.spans) == (0.0, None, 0)
    assert measures.level_dbfs == float("-inf")
    assert measure(silence(0.0)) == measures


def test_a_reading_man_is_measured_as_one() -> None:
    measures = measure(recording("speech-austen-0920.wav"))
    assert measures.duration_s == pytest.approx(6.0, abs=0.2)
    assert measures.pitch_hz is not None
    assert 80.0 < measures.pitch_hz < 160.0


def test_speech_ends_after_the_silence_that_was_set() -> None:
    ears = Ears(Detection(silence_ms=600))
    assert ears.feed(silence(0.5).tobytes()) == []
    (onset,) = ears.feed(tone(140, 1.0).tobytes())
    assert onset == Onset(LIVE_IN_HZ // 2)
    assert ears.feed(silence(0.58).tobytes()) == []
    (ended,) = ears.feed(silence(0.04).tobytes())
    assert isinstance(ended, Ended)
    assert ended.end_sample == pytest.approx(1.5 * LIVE_IN_HZ, abs=LIVE_IN_HZ // 50)
    assert len(ended.pcm) == ended.end_sample - ended.start_sample
    assert measure(ended.pcm).duration_s == pytest.approx(1.0, abs=0.05)


def test_turns_in_quick_succession_do_not_overlap() -> None:
    ears = Ears(Detection(silence_ms=100))
    first, pause, second = tone(140, 0.5), silence(0.14), tone(220, 0.5)
    events = ears.feed(np.concatenate((silence(0.5), first, pause, second, silence(0.2))).tobytes())
    one, other = (event for event in events if isinstance(event, Ended))
    assert one.end_sample <= other.start_sample
    assert measure(other.pcm).pitch_hz == pytest.approx(220.0, rel=0.01)


def test_without_trailing_audio_nothing_ends() -> None:
    ears = Ears(Detection())
    events = ears.feed(recording("speech-austen-0880.wav").tobytes())
    assert [type(event) for event in events] == [Onset]
    assert ears.speaking


def test_a_click_is_no_speech() -> None:
    ears = Ears(Detection())
    assert ears.feed(np.concatenate((silence(0.3), tone(900, 0.03), silence(1.0))).tobytes()) == []


def test_low_sensitivity_lets_soft_speech_pass() -> None:
    soft = tone(140, 0.5, dbfs=-40.0).tobytes()
    assert Ears(Detection()).feed(soft)
    assert not Ears(Detection(quiet_start=False)).feed(soft)


def test_marks_count_and_nothing_else() -> None:
    ears = Ears(Detection(automatic=False))
    before, speech = tone(140, 0.4), tone(200, 1.0)
    assert ears.feed(np.concatenate((before, silence(2.0))).tobytes()) == []
    ears.mark_start()
    assert ears.feed(speech.tobytes()) == []
    assert np.array_equal(ears.mark_end().pcm, speech)
    assert not ears.speaking


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60))
def test_any_chunking_hears_the_same(sizes: list[int]) -> None:
    pcm = np.concatenate((silence(0.3), tone(140, 0.7), silence(0.9), tone(220, 0.5), silence(0.9)))
    whole = Ears(Detection()).feed(pcm.tobytes())
    ears, events, at = Ears(Detection()), [], 0
    for size in [*sizes, len(pcm)]:
        events += ears.feed(pcm[at : at + size].tobytes())
        at += size
    assert len(events) == len(whole) == 4
    for one, other in zip(events, whole, strict=True):
        if isinstance(one, Ended) and isinstance(other, Ended):
            assert (one.start_sample, one.end_sample) == (other.start_sample, other.end_sample)
            assert np.array_equal(one.pcm, other.pcm)
        else:
            assert one == other


def test_hours_of_silence_take_no_memory_and_the_next_turn_is_whole() -> None:
    ears = Ears(Detection())
    minute = silence(60.0).tobytes()
    for _ in range(10):
        assert ears.feed(minute) == []
        assert len(ears._line) <= 4 * 2 * LIVE_IN_HZ + len(minute)
    assert len(ears._line) <= 4 * 2 * LIVE_IN_HZ
    speech = tone(140, 1.0)
    ended = ears.feed(np.concatenate((speech, silence(1.0))).tobytes())[-1]
    assert isinstance(ended, Ended)
    assert np.array_equal(ended.pcm[-LIVE_IN_HZ:][: len(speech) // 2], speech[: len(speech) // 2])


def test_speech_is_real_and_lasts() -> None:
    words = "I heard you for 3.0 seconds, at minus 21 decibels, with a pitch of 142 hertz."
    spoken = np.frombuffer(speak(words, "Kore"), "<i2").astype(np.int16)
    assert 4.0 < len(spoken) / SPEECH_HZ < 10.0  # 16 words, at 110 to 240 words a minute
    assert -30.0 < level_dbfs(spoken) < -12.0
    assert int(np.abs(spoken.astype(np.int32)).max()) < 32767
    as_heard = np.rint(signal.resample_poly(spoken.astype(np.float64), 2, 3)).astype(np.int16)
    measures = measure(as_heard)
    assert measures.duration_s == pytest.approx(len(spoken) / SPEECH_HZ, abs=0.5)
    assert measures.pitch_hz is not None
    longer = speak(f"{words} {words}", "Kore")
    assert len(longer) > 1.7 * 2 * len(spoken)


def test_each_voice_is_another() -> None:
    voices = catalogue().voices
    assert len(voices) == 30
    assert len({espeak_voice(voice) for voice in voices}) == 30
    assert len({speak("Hello.", voice) for voice in voices}) == 30


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("[Anna is speaking now.]", "Anna"),
        ("Jean-Luc P. is now speaking", "Jean-Luc P."),
        ("(note: Zoë is speaking)", "Zoë"),
        ("The weather is fine.", None),
        ("", None),
    ],
)
def test_who_speaks_is_understood(text: str, speaker: str | None) -> None:
    assert speaker_in(text) == speaker
