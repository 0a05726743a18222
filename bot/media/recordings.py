"""Recordings looked into with FFmpeg: what streams they hold, how long they are, whether they can be decoded.

Runs in a thread: PyAV lets go of the GIL while FFmpeg reads, decodes and encodes.
"""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av
import av.error

from bot.media.errors import DISK_FULL, MediaError, UnfitError, is_disk_full

VOICE_HZ = 16_000  # Gemini itself brings sound to 16 kHz mono, at 16 kbit/s
VOICE_BITRATE = 32_000  # bits per second: clear speech, recognizable music; 14 MB an hour
# FFmpeg otherwise follows what a hostile file names: other files, addresses.
_OPTIONS = {"protocol_whitelist": "file"}
MAX_FRAME_PIXELS = 36_000_000  # 8K; more are held at once than one, and a small file may say any size
MAX_FRAME_SAMPLES = 1_000_000  # of sound; honest frames have a second's at most
_LIMITS = {"max_pixels": str(MAX_FRAME_PIXELS), "max_samples": str(MAX_FRAME_SAMPLES)}  # whatever frames say
LOWEST_HZ = 1000  # of sound: nothing is recorded with less, and each sample would become thousands at 16 kHz
# Eight hours of sound have 1,440,000 in Opus's usual frames, four of film at 60 a second with such sound
# 1,584,000. Looking through so many takes some 15 s; a file needs no more than a byte for each.
MOST_PACKETS = 2_000_000
_MOST_STREAMS = 1000  # FFmpeg opens no more; it looks into frames of each already to find out what it is
# FFmpeg tells no size then, nor where it finds none.
SIZELESS = (
    "{name} has frames of more than 36 megapixels, or is damaged: scale it down, or post another copy of it."
)
ENDLESS = (
    "{name} has more pieces than can be looked through: convert it to MP4, MP3 or WAV, or cut it into parts."
)
LONGER = "{name} has more than {hours:.0f} h of sound, which is the limit: cut it into parts."
BROKEN = "{name} is damaged or holds nothing that can be played: post another copy of it."


@dataclass(frozen=True)
class Recording:
    """What a recording holds."""

    duration_s: float
    video: str | None
    """FFmpeg's name of the video's codec; None where there are no moving pictures."""
    audio: str | None


class Stopped(Exception):  # noqa: N818 - no error: whoever asked went away
    """The work was given up because nobody waits for it any more."""


def probe(path: Path, container: str, name: str, stop: threading.Event, *, sound: bool = True) -> Recording:
    """Return what the recording in `path` holds; `container` is FFmpeg's name for its format.

    Without `sound`, what it holds besides that. Raises MediaError, which calls it `name`, where nothing of
    it, or not all, can be decoded; Stopped once `stop` is set.
    """
    with opened(path, container, name) as file:
        video = next((each for each in file.streams.video if not each.disposition & COVER), None)
        audio = next(iter(file.streams.audio), None) if sound else None
        streams = [each for each in (video, audio) if each is not None]
        if not streams:
            raise UnfitError(BROKEN.format(name=name))
        for stream in streams:
            _check_decodes(file, stream, name, stop)
        duration_s = _duration_s(file, streams, name, stop)
        return Recording(duration_s, *(each and each.codec_context.name for each in (video, audio)))


def to_voice(
    path: Path, container: str, into: Path, name: str, longest_s: float, stop: threading.Event
) -> None:
    """Write the sound of a recording to `into` as Ogg Opus, 16 kHz mono.

    Raises as `probe`, and where there is more than `longest_s` of it, whatever its head says.
    """
    with opened(path, container, name) as file, av.open(str(into), "w", format="ogg") as out:
        voice = out.add_stream("libopus", rate=VOICE_HZ, layout="mono")
        voice.bit_rate = VOICE_BITRATE
        voice.codec_context.open()
        resampler = av.AudioResampler("s16", "mono", VOICE_HZ, frame_size=voice.codec_context.frame_size)
        samples = 0
        for frame in _frames(file, name, stop):
            for part in resampler.resample(frame):
                samples += part.samples
                out.mux(voice.encode(part))
            if samples > longest_s * VOICE_HZ:
                raise UnfitError(LONGER.format(name=name, hours=longest_s / 3600))
        for part in resampler.resample(None):
            out.mux(voice.encode(part))
        out.mux(voice.encode(None))


def to_pcm(path: Path, container: str, name: str, longest_s: float, stop: threading.Event) -> bytes:
    """Return the sound of a recording, PCM16 little-endian, 16 kHz mono, from the recording's beginning.

    Where it can't be decoded any further it ends, at `longest_s` at the latest. Raises as `probe`.
    """
    most = 2 * round(longest_s * VOICE_HZ)
    pcm = bytearray()
    with opened(path, container, name) as file, contextlib.suppress(av.error.FFmpegError, ValueError):
        begins_s = file.start_time / av.time_base if file.start_time else 0.0
        resampler = av.AudioResampler("s16", "mono", VOICE_HZ)
        for frame in chain(_frames(file, name, stop), [None]):
            if not pcm and frame is not None and frame.time is not None:  # it may begin after the pictures
                pcm += bytes(min(most, 2 * round(max(0.0, frame.time - begins_s) * VOICE_HZ)))
            for part in resampler.resample(frame):
                pcm += part.to_ndarray().tobytes()
            if len(pcm) >= most:
                break
    return bytes(pcm[:most])


COVER = av.stream.Disposition.attached_pic  # a still in a music file is no video


@contextmanager
def opened(path: Path, container: str, name: str) -> Iterator[Any]:
    """Open a recording as what it was found to be, and as nothing else that FFmpeg might take it for.

    Raises MediaError, which calls it `name`, also for FFmpeg's errors in the block.
    """
    try:
        with av.open(
            str(path),
            format=container,
            options=_OPTIONS,
            stream_options=[_LIMITS] * _MOST_STREAMS,
            metadata_errors="replace",
        ) as file:
            for stream in (*file.streams.video, *file.streams.audio):
                if stream.codec_context is not None:
                    stream.codec_context.options = _LIMITS
            yield file
    except (av.error.FFmpegError, ValueError) as error:
        if is_disk_full(error):  # of what is made of the recording meanwhile
            raise MediaError(DISK_FULL) from error
        raise UnfitError(BROKEN.format(name=name)) from error


def _check_decodes(file: Any, stream: Any, name: str, stop: threading.Event) -> None:
    """Decode the first frame of a stream."""
    if stream.codec_context is None:
        raise UnfitError(
            f"{name} uses a codec that can't be decoded here: convert it to MP4, WebM, MP3 or WAV."
        )
    if stream.type == "video":
        size = stream.codec_context.width * stream.codec_context.height
        if not 0 < size <= MAX_FRAME_PIXELS:  # where it stands in the file, some codecs fail at it first
            raise UnfitError(SIZELESS.format(name=name))
    file.seek(0)
    for packet in _packets(file, [stream], name, stop):
        if frames := packet.decode():
            if stream.type == "audio" and frames[0].sample_rate < LOWEST_HZ:
                break
            return
    raise UnfitError(BROKEN.format(name=name))


def _duration_s(file: Any, streams: list[Any], name: str, stop: threading.Event) -> float:
    """Return how long a recording is; where its head does not say, as with what browsers record, look."""
    if file.duration:
        return float(file.duration / av.time_base)
    ends = {stream.index: 0 for stream in streams}  # in each stream's own unit: fractions take long
    file.seek(0)
    for packet in _packets(file, streams, name, stop):
        if packet.pts is not None:
            ends[packet.stream_index] = max(ends[packet.stream_index], packet.pts + (packet.duration or 0))
    return max(float(ends[stream.index] * stream.time_base) for stream in streams)


def _frames(file: Any, name: str, stop: threading.Event) -> Iterator[Any]:
    """Decode the first sound track; what is broken in the middle is left out, as players do."""
    for packet in _packets(file, [file.streams.audio[0]], name, stop):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _packets(file: Any, streams: list[Any], name: str, stop: threading.Event) -> Iterator[Any]:
    """Read on from where the file stands, MOST_PACKETS at most; those of other streams count too."""
    wanted = {stream.index for stream in streams}
    for number, packet in enumerate(file.demux()):
        if stop.is_set():
            raise Stopped
        if number == MOST_PACKETS:
            raise UnfitError(ENDLESS.format(name=name))
        if packet.stream.index in wanted:  # its own stream_index is 0 in what ends each stream
            yield packet
