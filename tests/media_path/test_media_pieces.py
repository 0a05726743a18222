"""Small recordings that would take memory or time without end are refused; honest long ones are not."""

import threading
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import pytest
from bomb_files import laced_sound, slow_sound
from posted_rig import complaint, put

from bot.media import recordings
from bot.media.errors import MediaError
from bot.media.recordings import BROKEN, ENDLESS, LONGER, probe, to_voice

HOUR_S = 3600.0


def test_looking_for_the_end_takes_no_memory(tmp_path: Path) -> None:
    path = put(tmp_path, laced_sound(50_000))
    tracemalloc.start()
    try:
        found = probe(path, "matroska", "it", threading.Event())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.duration_s > 1.0
    assert most < 500_000, "that is ten bytes a packet"


def test_a_recording_of_too_many_pieces_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_PACKETS", 2_000)
    path = put(tmp_path, laced_sound(1_792))
    assert complaint(path).startswith("it is a recording without pictures")
    put(tmp_path, laced_sound(2_048))
    assert complaint(path) == ENDLESS.format(name="it")
    with pytest.raises(MediaError, match="more pieces than can be looked through"):
        to_voice(path, "matroska", tmp_path / "voice", "it", HOUR_S, threading.Event())


def test_an_hour_without_a_duration_is_as_long_as_it_is(tmp_path: Path) -> None:
    """As a browser's MediaRecorder writes it: to a stream, so that the head says no length."""
    path = tmp_path / "posted"
    _record(path, 3600)
    with av.open(str(path)) as file:
        assert not file.duration
    assert abs(probe(path, "matroska", "it", threading.Event()).duration_s - HOUR_S) < 0.1


def test_there_is_no_more_sound_than_may_be(tmp_path: Path) -> None:
    path = put(tmp_path, slow_sound(8000.0, 24_000))
    to_voice(path, "matroska", tmp_path / "voice", "it", 3.0, threading.Event())
    with pytest.raises(MediaError) as refused:
        to_voice(path, "matroska", tmp_path / "voice", "it", 2.9, threading.Event())
    assert str(refused.value) == LONGER.format(name="it", hours=2.9 / 3600)


@pytest.mark.parametrize(("hz", "samples"), [(recordings.LOWEST_HZ - 1.0, 3000), (48_000.0, 1_000_001)])
def test_few_samples_are_not_made_many(tmp_path: Path, hz: float, samples: int) -> None:
    path = put(tmp_path, slow_sound(hz, samples))
    assert complaint(path) == BROKEN.format(name="it")


@pytest.mark.parametrize(("hz", "samples"), [(float(recordings.LOWEST_HZ), 3000), (48_000.0, 1_000_000)])
def test_odd_sound_can_be_heard(tmp_path: Path, hz: float, samples: int) -> None:
    path = put(tmp_path, slow_sound(hz, samples))
    assert probe(path, "matroska", "it", threading.Event()).audio == "pcm_u8"


class _Stream:
    """A file that can't be gone back in."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()


def _record(path: Path, seconds: int) -> None:
    sink = _Stream(path)
    with av.open(sink, "w", format="webm") as made:
        stream = made.add_stream("libopus", rate=48_000, layout="mono")
        for number in range(seconds * 50):
            packet = av.Packet(b"\xf8\xff\xfe")  # 20 ms of silence
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 50), True
            packet.pts = packet.dts = number
            packet.duration = 1
            made.mux(packet)
    sink.close()
