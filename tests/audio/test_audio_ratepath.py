"""Both rate paths on real speech, on losses and on broken packets."""

import wave
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.opus import Decoder, Encoder, OpusError, packet_has_lbrr, packet_samples
from bot.audio.pcm import Pcm16, level_dbfs
from bot.audio.ratepath import rate_path

MEDIA = Path(__file__).parent.parent / "media"
SPEECH = sorted(MEDIA.glob("speech-*.wav"))
PATHS: tuple[Literal["native", "resample"], ...] = ("native", "resample")
Name = Literal["native", "resample"]


def speech(path: Path, rate_hz: int) -> Pcm16:
    with wave.open(str(path), "rb") as wav:
        pcm = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
        return np.asarray(soxr.resample(pcm, wav.getframerate(), rate_hz), np.int16)


def as_discord_sends(path: Path, *, fec: bool = False) -> list[bytes]:
    stereo = np.repeat(speech(path, 48_000), 2).tobytes()
    if fec:
        encoder = Encoder(
            48_000, 2, bitrate=40_000, fec=True, loss_percent=15, application="voip", signal="voice"
        )
    else:
        # Not "voip": its high-pass takes up to 0.6 dB of rumble out of these recordings, in the sender, which
        # would hide what the path under test does to the level.
        encoder = Encoder(48_000, 2, bitrate=64_000, application="audio")
    return [encoder.encode(stereo[at : at + 3840]) for at in range(0, len(stereo) - 3839, 3840)]


def bands(pcm: Pcm16) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the level in dB of each 20 ms in 8 bands up to 4 kHz, with a floor of -60 dB."""
    frames = pcm[: len(pcm) // 320 * 320].reshape(-1, 320) / 32768 * np.hanning(320)
    power = np.abs(np.fft.rfft(frames, axis=1))[:, :80] ** 2
    return np.asarray(10 * np.log10(power.reshape(-1, 8, 10).sum(axis=2) + 1e-6))


def test_there_is_speech_to_test_with() -> None:
    assert len(SPEECH) >= 3


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("path", SPEECH, ids=lambda path: path.stem)
def test_speech_is_heard_at_its_level(name: Name, path: Path) -> None:
    decoder = rate_path(name).decoder()
    frames = [decoder.decode(packet) for packet in as_discord_sends(path)]
    assert {frame.shape for frame in frames} == {(320,)}
    said, heard = speech(path, 16_000), np.concatenate(frames)
    assert level_dbfs(heard) == pytest.approx(level_dbfs(said), abs=0.5)
    delay = int(np.argmax(np.correlate(heard[4_000:16_000].astype(float), said[4_000:15_000].astype(float))))
    assert delay / 16 < 12  # the codec's own 6.5 ms and the filter's 3


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("path", SPEECH, ids=lambda path: path.stem)
def test_speech_is_spoken_at_its_level(name: Name, path: Path) -> None:
    said = speech(path, 24_000)
    encoder = rate_path(name).encoder()
    packets = encoder.feed(said.tobytes()) + encoder.flush()
    assert len(packets) == -(-len(said) // 480)
    assert {packet_samples(packet, 48_000) for packet in packets} == {960}
    person = Decoder(48_000, 2)
    heard = np.concatenate([person.decode(packet) for packet in packets])
    assert level_dbfs(heard) == pytest.approx(level_dbfs(said), abs=0.5)


@pytest.mark.parametrize("name", PATHS)
@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(0, 4_000), max_size=12))
def test_any_chunking_gives_the_same_packets(name: Name, sizes: list[int]) -> None:
    data = speech(SPEECH[0], 24_000)[10_000:].tobytes()[: sum(sizes)]
    whole, parts = rate_path(name).encoder(), rate_path(name).encoder()
    expected = [*whole.feed(data), *whole.flush()]
    got, at = [], 0
    for size in sizes:
        got += parts.feed(data[at : at + size])
        at += size
    assert got + parts.flush() == expected
    assert len(expected) == -(-(len(data) // 2) // 480)


@pytest.mark.parametrize("name", PATHS)
def test_a_packet_goes_out_as_soon_as_it_is_complete(name: Name) -> None:
    encoder = rate_path(name).encoder()
    assert encoder.feed(bytes(959)) == []
    assert len(encoder.feed(bytes(1))) == 1
    assert encoder.flush() == []
    assert encoder.feed(b"\x01") == [] and encoder.flush() == []  # half a sample says nothing


@pytest.mark.parametrize("name", PATHS)
def test_a_new_answer_carries_nothing_of_the_old(name: Name) -> None:
    old, new = speech(SPEECH[0], 24_000)[9_000:].tobytes(), speech(SPEECH[1], 24_000).tobytes()
    used, fresh = rate_path(name).encoder(), rate_path(name).encoder()
    used.feed(old[: 960 * 20 + 333])
    used.reset()
    assert used.feed(new[: 960 * 20]) == fresh.feed(new[: 960 * 20])


@pytest.mark.parametrize("name", PATHS)
def test_a_reset_decoder_is_as_new(name: Name) -> None:
    packets = as_discord_sends(SPEECH[0])
    decoder = rate_path(name).decoder()
    first = np.concatenate([decoder.decode(packet) for packet in packets])
    decoder.reset()
    assert np.array_equal(first, np.concatenate([decoder.decode(packet) for packet in packets]))


@pytest.mark.parametrize("name", PATHS)
def test_at_5_percent_loss_fec_beats_concealment_beats_silence(name: Name) -> None:
    packets = as_discord_sends(SPEECH[1], fec=True)
    lost = set(np.flatnonzero(np.random.default_rng(5).random(len(packets)) < 0.05)) - {0, len(packets) - 1}
    lost = {index for index in lost if index + 1 not in lost and packet_has_lbrr(packets[index + 1])}
    assert len(lost) >= 4

    def heard(mend: str) -> Pcm16:
        decoder, frames = rate_path(name).decoder(), []
        for index, packet in enumerate(packets):
            if index not in lost or mend == "lossless":
                frames.append(decoder.decode(packet))
            elif mend == "fec":
                frames.append(decoder.decode_fec(packets[index + 1], 320))
            elif mend == "conceal":
                frames.append(decoder.conceal(320))
            else:
                frames.append(np.zeros(320, np.int16))
        return np.concatenate(frames)

    truth = bands(heard("lossless"))
    errors = {
        mend: float(np.mean(np.abs(bands(heard(mend)) - truth)[sorted(lost)]))
        for mend in ("fec", "conceal", "silence")
    }
    assert errors["fec"] < errors["conceal"] / 1.5
    assert errors["conceal"] < errors["silence"] / 1.5


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("packet", [b"", b"\x7b", b"\x7a\xff"])
def test_a_corrupt_packet_is_an_error_and_the_next_is_heard(name: Name, packet: bytes) -> None:
    decoder = rate_path(name).decoder()
    good = as_discord_sends(SPEECH[0])
    with pytest.raises(OpusError):
        decoder.decode(packet)
    with pytest.raises(OpusError):
        decoder.decode_fec(packet, 320)
    with pytest.raises(OpusError):
        decoder.conceal(321)
    assert level_dbfs(np.concatenate([decoder.decode(each) for each in good])) > -40


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("frame_ms", [10, 20, 40, 60])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_client_is_understood(name: Name, frame_ms: int, channels: int) -> None:
    pcm = speech(SPEECH[2], 48_000)
    frames = pcm if channels == 1 else np.repeat(pcm, 2)
    encoder, decoder = Encoder(48_000, channels), rate_path(name).decoder()
    size = 48 * frame_ms * channels
    packets = [
        encoder.encode(frames[at : at + size].tobytes()) for at in range(0, len(frames) - size + 1, size)
    ]
    heard = [decoder.decode(packet) for packet in packets]
    assert {len(each) for each in heard} == {16 * frame_ms}
    assert level_dbfs(np.concatenate(heard)) == pytest.approx(level_dbfs(pcm), abs=0.5)
