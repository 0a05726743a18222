"""The binding to libopus, against discord.py's own binding and against broken packets."""

import math

import discord.opus
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio.opus import (
    Application,
    Decoder,
    Encoder,
    OpusError,
    library_path,
    packet_has_lbrr,
    packet_samples,
)
from bot.audio.pcm import Pcm16, level_dbfs

RATES = (8_000, 12_000, 16_000, 24_000, 48_000)


def tone(rate_hz: int, channels: int, ms: float, hz: float = 440.0, amplitude: float = 10_000.0) -> Pcm16:
    at = np.arange(round(rate_hz * ms / 1000)) / rate_hz
    mono = np.round(amplitude * np.sin(2 * math.pi * hz * at)).astype(np.int16)
    return mono if channels == 1 else np.repeat(mono, 2).reshape(-1, 2)


def packets_of(pcm: Pcm16, encoder: Encoder, frame_ms: float = 20.0) -> list[bytes]:
    data = pcm.tobytes()
    size = round(encoder.rate_hz * frame_ms / 1000) * encoder.channels * 2
    return [encoder.encode(data[at : at + size]) for at in range(0, len(data) - size + 1, size)]


def test_the_library_is_the_one_in_pyavs_wheel() -> None:
    assert "opus" in library_path().name
    assert {"av.libs", ".dylibs"} & set(library_path().parts)


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60])
def test_a_tone_comes_back_at_every_rate_and_frame(rate_hz: int, channels: int, frame_ms: float) -> None:
    pcm = tone(rate_hz, channels, 600)
    packets = packets_of(pcm, Encoder(rate_hz, channels), frame_ms)
    decoder = Decoder(rate_hz, channels)
    frames = [decoder.decode(packet) for packet in packets]
    samples = round(rate_hz * frame_ms / 1000)
    assert {frame.shape for frame in frames} == {(samples,) if channels == 1 else (samples, 2)}
    assert {packet_samples(packet, rate_hz) for packet in packets} == {samples}
    heard = np.concatenate(frames)[rate_hz // 10 :]
    assert level_dbfs(heard) == pytest.approx(level_dbfs(pcm), abs=0.5)


def test_the_decoder_gives_what_discord_py_gives() -> None:
    discord.opus.load_opus(str(library_path()))
    packets = packets_of(tone(48_000, 2, 400), Encoder(48_000, 2))
    ours = Decoder(48_000, 2)
    theirs = discord.opus.Decoder()  # type: ignore[no-untyped-call]
    for packet in packets:
        assert ours.decode(packet).tobytes() == theirs.decode(packet, fec=False)


def test_the_encoder_heeds_its_settings() -> None:
    pcm = tone(48_000, 1, 1000)
    sizes = {
        bitrate: sum(map(len, packets_of(pcm, Encoder(48_000, 1, bitrate=bitrate))))
        for bitrate in (16_000, 64_000, 128_000)
    }
    assert sizes[16_000] * 2 < sizes[64_000] < sizes[128_000]
    # The configuration in the first byte: below 16 is SILK or hybrid, which "lowdelay" never uses.
    kinds: dict[Application, set[bool]] = {}
    for application in ("voip", "lowdelay"):
        encoder = Encoder(16_000, 1, bitrate=16_000, application=application, signal="voice")
        kinds[application] = {packet[0] >> 3 < 16 for packet in packets_of(tone(16_000, 1, 400), encoder)}
    assert kinds == {"voip": {True}, "lowdelay": {False}}


def test_results_belong_to_the_caller() -> None:
    decoder = Decoder(16_000, 1)
    packets = packets_of(tone(16_000, 1, 200), Encoder(16_000, 1))
    first = decoder.decode(packets[5])
    before = first.copy()
    decoder.decode(packets[6])
    assert np.array_equal(first, before)
    assert first.flags.owndata and first.flags.writeable


def test_a_reset_decoder_and_encoder_are_as_new() -> None:
    pcm = tone(24_000, 1, 200)
    encoder, decoder = Encoder(24_000, 1), Decoder(48_000, 2)
    first = packets_of(pcm, encoder)
    heard = [decoder.decode(packet).tobytes() for packet in first]
    assert packets_of(pcm, encoder) != first
    encoder.reset()
    decoder.reset()
    assert packets_of(pcm, encoder) == first
    assert [decoder.decode(packet).tobytes() for packet in first] == heard


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("ms", [2.5, 10, 20, 60, 120])
def test_concealment_gives_the_length_asked_for(rate_hz: int, ms: float) -> None:
    decoder = Decoder(rate_hz, 1)
    for packet in packets_of(tone(rate_hz, 1, 200), Encoder(rate_hz, 1)):
        decoder.decode(packet)
    assert len(decoder.conceal(int(rate_hz * ms / 1000))) == int(rate_hz * ms / 1000)


@pytest.mark.parametrize("samples", [-320, 0, 37, 16_000 * 120 // 1000 + 40])
def test_an_impossible_length_is_refused(samples: int) -> None:
    decoder = Decoder(16_000, 1)
    with pytest.raises(OpusError):
        decoder.conceal(samples)


def test_the_frame_before_is_recovered_from_in_band_fec() -> None:
    encoder = Encoder(
        16_000, 1, bitrate=32_000, fec=True, loss_percent=20, application="voip", signal="voice"
    )
    # A voice-like sweep: what is lost can't be guessed from what came before.
    at = np.arange(16_000) / 16_000
    sweep = np.round(8000 * np.sin(2 * math.pi * (200 * at + 700 * at**2))).astype(np.int16)
    packets = packets_of(sweep, encoder)
    assert not packet_has_lbrr(packets_of(sweep, Encoder(16_000, 1))[30])
    lossless, fec, concealed = Decoder(16_000, 1), Decoder(16_000, 1), Decoder(16_000, 1)
    truth = [lossless.decode(packet) for packet in packets]
    for packet in packets[:30]:
        fec.decode(packet)
        concealed.decode(packet)
    assert packet_has_lbrr(packets[31])
    recovered, invented = fec.decode_fec(packets[31], 320), concealed.conceal(320)
    errors = [np.sum((pcm.astype(float) - truth[30]) ** 2) for pcm in (recovered, invented)]
    assert errors[0] < errors[1] / 2


@pytest.mark.parametrize("question", [packet_has_lbrr, Decoder(16_000, 1).decode])
def test_an_empty_packet_is_an_error_and_no_concealment(question: object) -> None:
    assert callable(question)
    with pytest.raises(OpusError):
        question(b"")
    with pytest.raises(OpusError):
        packet_samples(b"", 48_000)
    with pytest.raises(OpusError):
        Decoder(16_000, 1).decode_fec(b"", 320)


@pytest.mark.parametrize(
    "packet",
    [
        bytes([0b0111_1011]),  # code 3 without its count of frames
        bytes([0b0111_1011, 0x00]),  # no frames
        bytes([0b0111_1011, 0x3F]) + bytes(63),  # more than 120 ms
        bytes([0b0111_1001]) + bytes(3),  # two frames of equal size in an odd number of bytes
        bytes([0b0111_1010, 0xFF]),  # a length that is cut off
    ],
)
def test_a_corrupt_packet_is_an_error_and_the_decoder_lives(packet: bytes) -> None:
    decoder = Decoder(16_000, 1)
    good = packets_of(tone(16_000, 1, 100), Encoder(16_000, 1))
    with pytest.raises(OpusError, match="Opus"):
        decoder.decode(packet)
    assert [len(decoder.decode(each)) for each in good] == [320] * 5


@settings(max_examples=150, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_noise_never_gives_more_than_a_packet_can_hold(packet: bytes) -> None:
    decoder = Decoder(48_000, 2)
    try:
        frames = decoder.decode(packet)
    except OpusError:
        return
    assert frames.shape == (packet_samples(packet, 48_000), 2)
    assert len(frames) <= 48 * 120


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (48_000, 0), (48_000, 3)])
def test_what_opus_has_not_is_refused(rate_hz: int, channels: int) -> None:
    with pytest.raises(OpusError):
        Decoder(rate_hz, channels)
    with pytest.raises(OpusError):
        Encoder(rate_hz, channels)


@pytest.mark.parametrize("size", [0, 1, 639, 642, 640 * 7])
def test_a_frame_of_no_known_length_is_refused(size: int) -> None:
    with pytest.raises(OpusError):
        Encoder(16_000, 1).encode(bytes(size))
