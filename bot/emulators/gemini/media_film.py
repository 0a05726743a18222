"""Watching and listening: what is measured in video and audio, read once from front to end.

Every packet is counted, key frames are decoded (they stand where an encoder sees a new scene), and so is the
sound. Memory stays bounded, however long the film: frames are kept as small copies, sound as levels.
"""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np

from bot.audio.pcm import LIVE_IN_HZ
from bot.emulators.gemini.media_colours import Rgb, dominant
from bot.emulators.gemini.media_facts import Clip, SoundFacts, Span, UnreadableError, VideoFacts
from bot.emulators.gemini.media_sound import Meter

_SMALL = (64, 36)  # pixels of the copies of frames
_MOST_FRAMES = 256  # copies kept; of a longer film the first key frames stand for it
_MOST_SCENES = 12


def watch(source: Path | bytes, clip: Clip) -> VideoFacts:
    """Return what a video shows and sounds like; raise UnreadableError if it can't be decoded."""
    film = _read(source, clip, picture=True)
    duration_s = film.duration_s()
    if film.frames == 0 or not film.shots:
        raise UnreadableError("The video is corrupted or has no frames that can be decoded.")
    return VideoFacts(
        codec=film.codec,
        duration_s=duration_s,
        frames=film.frames,
        fps=round(film.frames / duration_s, 3) if duration_s else 0.0,
        width=film.width,
        height=film.height,
        colours=dominant(np.stack([pixels for _, pixels in film.shots])),
        scenes=_scenes([at for at, _ in film.shots], clip.start_s, clip.start_s + duration_s),
        sound=film.sound(),
    )


def listen(source: Path | bytes, clip: Clip) -> SoundFacts:
    """Return what a recording sounds like; raise UnreadableError if it can't be decoded."""
    sound = _read(source, clip, picture=False).sound()
    if sound is None or not sound.duration_s:
        raise UnreadableError("The audio is corrupted or has no sound that can be decoded.")
    return sound


class _Film:
    """What has been read so far."""

    def __init__(self, clip: Clip) -> None:
        self.clip = clip
        self.codec = ""
        self.width = self.height = self.frames = 0
        self.first_s = self.last_s = 0.0
        self.shots: list[tuple[float, Rgb]] = []
        self.meter: Meter | None = None

    def see(self, at_s: float, lasts_s: float) -> None:
        """Count a frame."""
        if self.clip.holds(at_s):
            self.first_s = min(self.first_s, at_s) if self.frames else at_s
            self.last_s = max(self.last_s, at_s + lasts_s)
            self.frames += 1

    def keep(self, at_s: float, pixels: Rgb) -> None:
        """Keep a key frame that lies in the clip, or the last one before it, which is what it begins with."""
        if at_s <= self.clip.start_s:
            self.shots = [(self.clip.start_s, pixels)]
        elif self.clip.holds(at_s):
            self.shots.append((at_s, pixels))

    def duration_s(self) -> float:
        """Return how long the frames last that were counted."""
        return round(max(0.0, self.last_s - self.first_s), 3)

    def sound(self) -> SoundFacts | None:
        """Return what was heard; None if there was nothing."""
        return self.meter.facts() if self.meter is not None else None


def _read(source: Path | bytes, clip: Clip, *, picture: bool) -> _Film:
    film = _Film(clip)
    try:
        with av.open(
            str(source) if isinstance(source, Path) else io.BytesIO(source), metadata_errors="ignore"
        ) as container:
            _play(container, film, picture=picture)
    except (av.error.FFmpegError, UnicodeDecodeError, ValueError):
        raise UnreadableError("The media file is corrupted or its format is not supported.") from None
    return film


def _play(container: Any, film: _Film, *, picture: bool) -> None:
    video = next(iter(container.streams.video), None) if picture else None
    audio = next(iter(container.streams.audio), None)
    if video is not None:
        video.codec_context.skip_frame = "NONKEY"
        film.codec, film.width, film.height = video.codec.canonical_name, video.width, video.height
    if audio is not None:
        film.meter = Meter(audio.codec.canonical_name, audio.rate, audio.channels, film.clip)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=LIVE_IN_HZ)
    for packet in container.demux([stream for stream in (video, audio) if stream is not None]):
        if packet.stream is video:
            _watch_packet(packet, film, video)
        elif film.meter is not None:
            for frame in packet.decode():
                _hear(film.meter, resampler.resample(frame), frame.time)
    if film.meter is not None:
        _hear(film.meter, resampler.resample(None), None)


def _watch_packet(packet: Any, film: _Film, video: Any) -> None:
    start_s = float((video.start_time or 0) * video.time_base)
    if packet.pts is not None and packet.size:
        at_s = float(packet.pts * packet.time_base)
        film.see(at_s - start_s, float((packet.duration or 0) * packet.time_base))
    for frame in packet.decode():
        if frame.time is not None and len(film.shots) < _MOST_FRAMES:
            small = frame.reformat(width=_SMALL[0], height=_SMALL[1], format="rgb24")
            film.keep(frame.time - start_s, small.to_ndarray())


def _hear(meter: Meter, frames: list[Any], at_s: float | None) -> None:
    """Feed resampled frames, int16 mono; the first begins at `at_s`, each other where the last ended."""
    for frame in frames:
        meter.feed(at_s, frame.to_ndarray()[0])
        at_s = None


def _scenes(starts: list[float], begin_s: float, end_s: float) -> tuple[Span, ...]:
    """Return the scenes between cuts, none shorter than an equal share; three equal parts without cuts."""
    least_s = (end_s - begin_s) / _MOST_SCENES
    cuts = [begin_s]
    for start in starts:
        if start - cuts[-1] >= least_s and end_s - start >= least_s:
            cuts.append(start)
    if len(cuts) == 1:
        cuts = [begin_s + (end_s - begin_s) * third / 3 for third in range(3)]
    cuts = [round(cut, 3) for cut in cuts]
    return tuple(Span(*pair) for pair in zip(cuts, [*cuts[1:], round(end_s, 3)], strict=True))
