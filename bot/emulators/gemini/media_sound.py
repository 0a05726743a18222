"""How loud, how high and when: levels of decoded sound, gathered while it is read."""

import math

import numpy as np
import numpy.typing as npt

from bot.audio.pcm import LIVE_IN_HZ, Pcm16
from bot.emulators.gemini.media_facts import Clip, SoundFacts, Span
from bot.emulators.gemini.pitch import pitch_hz

_FRAME = LIVE_IN_HZ // 50  # samples: 20 ms
_FRAME_S = _FRAME / LIVE_IN_HZ
_BELOW_PEAK_DB = 30.0  # what is softer than the loudest frames by this is a pause
_FLOOR_DBFS = -50.0  # and so is what is softer than this
_GAP = 15  # frames: pauses under 300 ms lie within a span
_SHORTEST = 5  # frames: shorter sounds are clicks
_MOST_SPANS = 200
_PITCH_SAMPLES = 20 * LIVE_IN_HZ  # what the pitch is measured in: the first 20 s
_VOICE_SAMPLES = 300 * LIVE_IN_HZ  # what is kept for the pitches of spans: 9.6 MB
_SPAN_SAMPLES = 3 * LIVE_IN_HZ  # a span's pitch is that of its first 3 s
_MOST_VOICES = 60  # spans whose pitch is measured; it costs a few ms each

Floats = npt.NDArray[np.float64]


class Meter:
    """Takes 16 kHz mono in order and tells what it was; `rate_hz` and `channels` are those of the file."""

    def __init__(self, codec: str, rate_hz: int, channels: int, clip: Clip) -> None:
        self._codec, self._rate_hz, self._channels = codec, rate_hz, channels
        self._clip = clip
        self._samples = 0
        self._energy = 0.0
        self._peak = 0
        self._levels: list[float] = []
        self._carry: Pcm16 = np.empty(0, np.int16)
        self._voice: list[Pcm16] = []
        self._voice_samples = 0
        self._next_s = 0.0

    def feed(self, at_s: float | None, pcm: Pcm16) -> None:
        """Take sound that begins at `at_s`; None: where the last ended."""
        start_s = self._next_s if at_s is None else at_s
        self._next_s = start_s + len(pcm) / LIVE_IN_HZ
        pcm = self._within(start_s, pcm)
        if not len(pcm):
            return
        wide = pcm.astype(np.float64)
        self._samples += len(pcm)
        self._energy += float(np.square(wide).sum())
        self._peak = max(self._peak, int(np.abs(wide).max()))
        if self._voice_samples < _VOICE_SAMPLES:
            self._voice.append(pcm)
            self._voice_samples += len(pcm)
        self._measure_frames(pcm)

    def facts(self) -> SoundFacts:
        """Return what was heard so far."""
        mean = self._energy / max(1, self._samples)
        voice = np.concatenate(self._voice) if self._voice else np.empty(0, np.int16)
        pitch = pitch_hz(voice[:_PITCH_SAMPLES], floor_dbfs=_FLOOR_DBFS)
        return SoundFacts(
            codec=self._codec,
            duration_s=round(self._samples / LIVE_IN_HZ, 3),
            sample_rate_hz=self._rate_hz,
            channels=self._channels,
            loudness_dbfs=_dbfs(math.sqrt(mean)),
            peak_dbfs=_dbfs(self._peak),
            pitch_hz=None if pitch is None else round(pitch, 1),
            spans=self._spans(voice),
        )

    def _within(self, start_s: float, pcm: Pcm16) -> Pcm16:
        """Return the part that lies in the clip."""
        first = max(0, round((self._clip.start_s - start_s) * LIVE_IN_HZ))
        last = len(pcm)
        if self._clip.end_s is not None:
            last = min(last, max(0, round((self._clip.end_s - start_s) * LIVE_IN_HZ)))
        return pcm[first:last]

    def _measure_frames(self, pcm: Pcm16) -> None:
        joined = np.concatenate((self._carry, pcm))
        whole = len(joined) // _FRAME * _FRAME
        frames = joined[:whole].reshape(-1, _FRAME).astype(np.float64)
        self._levels += np.sqrt(np.mean(np.square(frames), axis=1)).tolist()
        self._carry = joined[whole:]

    def _spans(self, voice: Pcm16) -> tuple[Span, ...]:
        """Return where sound is, in seconds of the file."""
        levels = np.asarray(self._levels)
        if not len(levels):
            return ()
        loudest = float(np.percentile(levels, 98))
        floor = max(loudest * 10 ** (-_BELOW_PEAK_DB / 20), 32768.0 * 10 ** (_FLOOR_DBFS / 20))
        runs: list[list[int]] = []
        for frame in np.flatnonzero(levels > floor).tolist():
            if runs and frame - runs[-1][1] <= _GAP:
                runs[-1][1] = frame + 1
            else:
                runs.append([frame, frame + 1])
        kept = [run for run in runs if run[1] - run[0] >= _SHORTEST][:_MOST_SPANS]
        return tuple(
            Span(self._at(first), self._at(end), self._pitch(voice, first, end) if n < _MOST_VOICES else None)
            for n, (first, end) in enumerate(kept)
        )

    def _pitch(self, voice: Pcm16, first: int, end: int) -> float | None:
        """Return the pitch of the frames from `first` to `end`, as far as they were kept."""
        start = first * _FRAME
        found = pitch_hz(voice[start : min(end * _FRAME, start + _SPAN_SAMPLES)], floor_dbfs=_FLOOR_DBFS)
        return None if found is None else round(found, 1)

    def _at(self, frame: int) -> float:
        return round(self._clip.start_s + frame * _FRAME_S, 2)


def _dbfs(amplitude: float) -> float:
    return round(20.0 * math.log10(amplitude / 32768.0), 1) if amplitude > 0.0 else -math.inf
