"""Hearing: when speech begins and ends in a stream of 16 kHz PCM, and what can be measured of it.

Theory of operation. The stream is cut into frames of 20 ms. Speech begins when frames above the opening level
have lasted `prefix_ms`, and ends when `silence_ms` have passed without a frame above the closing level, which
lies lower (hysteresis), so that a soft syllable ends nothing. Time is counted in samples heard: a client that
just stops sending ends no turn, as with the real model, and one that sends faster than real time is heard
the same. Where the client marks activity itself, the marks are all that counts.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from bot.audio.pcm import LIVE_IN_HZ, Pcm16, level_dbfs
from bot.emulators.gemini.pitch import pitch_hz
from bot.emulators.gemini.setup import Detection

FRAME = LIVE_IN_HZ // 50  # samples
_FRAME_MS = 20
_OPEN_DBFS = -45.0  # speech in a voice chat has -30 to -15; the noise of a codec and a quiet room lies below
_OPEN_LOW_DBFS = -35.0  # START_SENSITIVITY_LOW
_HYSTERESIS_DB = 6.0
_SPAN_GAP = 10  # frames: pauses under 200 ms lie within a span of speech
_KEEP = LIVE_IN_HZ  # samples kept while nobody speaks: the onset lies within the last second
_PRE_ROLL = LIVE_IN_HZ * 3 // 10  # samples: a soft first consonant comes before what opens the detector
_LONGEST_TURN = 900 * LIVE_IN_HZ  # samples: 15 min, the longest session without compression


@dataclass(frozen=True, slots=True)
class Onset:
    """Someone began to speak, at that sample of all that was heard."""

    sample: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The speech between these samples is over; `pcm` is what was said: int16 mono at 16 kHz."""

    start_sample: int
    end_sample: int
    pcm: Pcm16


EarEvent: TypeAlias = Onset | Ended


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured in a turn."""

    duration_s: float
    """From the first frame of speech to the last."""
    level_dbfs: float
    """Of the frames of speech; -inf if there are none."""
    pitch_hz: float | None
    spans: int
    """Stretches of speech between pauses."""


class Ears:
    """One session's hearing: PCM in, onsets and ends out."""

    def __init__(self, detection: Detection) -> None:
        self.samples = 0
        """How many samples were heard."""
        self._automatic = detection.automatic
        self._open = _OPEN_DBFS if detection.quiet_start else _OPEN_LOW_DBFS
        self._onset_frames = max(1, -(-detection.prefix_ms // _FRAME_MS))
        self._silent_frames = max(1, -(-detection.silence_ms // _FRAME_MS))
        self._line = bytearray()
        self._line_start = 0  # the sample at which _line begins
        self._framed = 0  # the sample up to which frames were looked at
        self._start: int | None = None  # of the speech that goes on
        self._voiced_end = 0
        self._ended_at = 0  # the sample at which the last turn ended
        self._run = 0  # frames above the opening level in a row

    @property
    def speaking(self) -> bool:
        """Whether speech, or a marked activity, goes on."""
        return self._start is not None

    def feed(self, pcm: bytes) -> list[EarEvent]:
        """Hear whole samples."""
        self._line += pcm
        self.samples += len(pcm) // 2
        events = self._detect() if self._automatic else []
        self._trim()
        return events

    def mark_start(self) -> None:
        """Begin a marked activity here."""
        self._start = self.samples

    def mark_end(self) -> Ended:
        """End the speech, or the marked activity, here."""
        return self._end(self.samples)

    def _detect(self) -> list[EarEvent]:
        events: list[EarEvent] = []
        while self._framed + FRAME <= self.samples:
            level = level_dbfs(self._pcm(self._framed, self._framed + FRAME))
            self._framed += FRAME
            if self._start is None:
                self._listen(level, events)
            else:
                self._follow(level, events)
        return events

    def _listen(self, level: float, events: list[EarEvent]) -> None:
        self._run = self._run + 1 if level > self._open else 0
        if self._run >= self._onset_frames:
            onset = self._framed - self._run * FRAME
            self._start = max(self._ended_at, onset - _PRE_ROLL)
            self._voiced_end = self._framed
            events.append(Onset(onset))

    def _follow(self, level: float, events: list[EarEvent]) -> None:
        assert self._start is not None
        if level > self._open - _HYSTERESIS_DB:
            self._voiced_end = self._framed
        silent = self._framed - self._voiced_end >= self._silent_frames * FRAME
        if silent or self._framed - self._start >= _LONGEST_TURN:
            events.append(self._end(self._voiced_end))

    def _end(self, sample: int) -> Ended:
        assert self._start is not None
        start = max(self._start, self._line_start)
        self._start = None
        self._run = 0
        self._ended_at = sample
        return Ended(start, sample, self._pcm(start, sample).copy())

    def _pcm(self, start: int, end: int) -> Pcm16:
        first = (start - self._line_start) * 2
        return np.frombuffer(bytes(self._line[first : first + (end - start) * 2]), "<i2").astype(np.int16)

    def _trim(self) -> None:
        """Forget what no turn can hold any more: the line stays bounded."""
        keep = _KEEP if self._start is None else _LONGEST_TURN
        excess = len(self._line) // 2 - 2 * keep  # half of the line at once, so that moving it costs little
        if excess > 0:
            del self._line[: 2 * (excess + keep)]
            self._line_start += excess + keep


def spoken_s(pcm: Pcm16) -> float:
    """Return the seconds from the first frame of speech to the last (int16 mono at 16 kHz)."""
    active = _active(_frames(pcm))
    return float(active[-1] - active[0] + 1) * _FRAME_MS / 1000 if len(active) else 0.0


def measure(pcm: Pcm16) -> Measures:
    """Measure a turn (int16 mono at 16 kHz)."""
    frames = _frames(pcm)
    active = _active(frames)
    if not len(active):
        return Measures(0.0, float("-inf"), None, 0)
    return Measures(
        duration_s=spoken_s(pcm),
        level_dbfs=level_dbfs(frames[active].reshape(-1)),
        pitch_hz=pitch_hz(pcm, floor_dbfs=_OPEN_DBFS),
        spans=1 + int(np.count_nonzero(np.diff(active) > _SPAN_GAP)),
    )


def _frames(pcm: Pcm16) -> Pcm16:
    """Return whole frames, shape (frames, FRAME)."""
    return pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)


def _active(frames: Pcm16) -> npt.NDArray[np.intp]:
    """Return the indices of the frames of speech."""
    floor = (32768.0 * 10 ** ((_OPEN_DBFS - _HYSTERESIS_DB) / 20)) ** 2
    return np.flatnonzero(np.mean(np.square(frames, dtype=np.float64), axis=1) > floor)
