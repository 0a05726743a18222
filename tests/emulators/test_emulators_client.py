"""The parts of a person's voice client that need no server: gate, RTP, discovery, and what was heard when."""

import struct

import discord.opus
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from bot.audio.pcm import Pcm16
from bot.emulators.client.dave import SILENCE, DaveClient, UndecryptableError
from bot.emulators.client.gate import FRAME, script
from bot.emulators.client.hearing import Hearing, load_codec
from bot.emulators.client.rtp import (
    MODES,
    XCHACHA,
    Packet,
    Transport,
    TransportError,
    discovered,
    discovery_request,
)

KEY = bytes(range(32))
# Faded at both ends, so that the change of rate does not make the neighbours loud.
LOUD = (5000 * np.hanning(320) * np.sin(np.arange(320) / 4)).astype(np.int16)
QUIET = np.zeros(320, np.int16)


def spoken(pattern: str) -> Pcm16:
    """Return 16 kHz speech of 20 ms a letter: "x" is loud, "." is not."""
    return np.concatenate([LOUD if letter == "x" else QUIET for letter in pattern])


def sent(pattern: str, *, gated: bool = True) -> str:
    """Return what goes out in each slot: a frame of speech "x" or ".", a silence frame "s", nothing " "."""
    made = script(spoken(pattern), 16_000, gated=gated)
    slots = [" "] * (max(step.slot for step in made.steps) + 1)
    for step in made.steps:
        slots[step.slot] = "s" if step.index is None else "x" if step.voiced else "."
    return "".join(slots)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("xx", "xxsssss"),
        ("..xx", "  xxsssss"),
        ("x" + "." * 10 + "x", "x" + "." * 10 + "xsssss"),
        ("x" + "." * 13 + "x", "x" + "." * 10 + "sssxsssss"),
        ("x" + "." * 20 + "x", "x" + "." * 10 + "sssss" + " " * 5 + "xsssss"),
        ("x" + "." * 13, "x" + "." * 10 + "sssss"),
        ("x" + "." * 20, "x" + "." * 10 + "sssss"),
    ],
)
def test_the_gate_lets_through_what_is_voiced_and_200_ms_after(said: str, expected: str) -> None:
    assert sent(said) == expected


def test_without_the_gate_everything_goes_out() -> None:
    assert sent("." * 20 + "x" + "." * 20, gated=False) == "." * 20 + "x" + "." * 20 + "sssss"
    assert sent("...", gated=False) == "...sssss"
    assert script(spoken("..."), 16_000, gated=True).steps == []


def test_a_script_has_the_same_speech_at_both_rates() -> None:
    made = script(spoken("xxx")[:-7], 16_000, gated=True)
    assert [len(frame) for frame in made.frames] == [FRAME * 4] * 3
    assert np.array_equal(made.pcm16k, np.concatenate((spoken("xxx")[:-7], np.zeros(7, np.int16))))


@pytest.mark.parametrize("mode", MODES)
@given(payload=st.binary(min_size=1, max_size=300), sequence=st.integers(0, 65_535))
def test_what_was_sealed_opens(mode: str, payload: bytes, sequence: int) -> None:
    packet = Packet(77, sequence, 4_294_967_295, payload)
    sealer, opener = Transport(mode, KEY), Transport(mode, KEY)
    datagrams = [sealer.seal(packet), sealer.seal(packet)]
    assert datagrams[0][-4:] != datagrams[1][-4:]
    assert [opener.open(each) for each in datagrams] == [packet, packet]
    spoiled = bytearray(datagrams[0])
    spoiled[13] ^= 1  # in the preamble, which is authenticated though it is in clear
    with pytest.raises(TransportError):
        opener.open(bytes(spoiled))
    with pytest.raises(TransportError):
        Transport(mode, KEY[::-1]).open(datagrams[0])


def sealed_by_hand(*, csrcs: int, words: int | None, padding: int, payload: bytes) -> bytes:
    first = 0x80 | (0x20 if padding else 0) | (0x10 if words is not None else 0) | csrcs
    header = struct.pack(">BBHII", first, 120, 5, 960, 77) + b"CSRC" * csrcs
    if words is not None:
        header += struct.pack(">HH", 0xBEDE, words)
    body = b"\x99" * 4 * (words or 0) + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")
    nonce = b"\x01\x02\x03\x04"
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(body, header, nonce.ljust(24, b"\0"), KEY)
    return header + sealed + nonce


@pytest.mark.parametrize("csrcs", [0, 2])
@pytest.mark.parametrize("words", [None, 0, 1, 3])
@pytest.mark.parametrize("padding", [0, 1, 200])
def test_extension_and_padding_are_stripped(csrcs: int, words: int | None, padding: int) -> None:
    datagram = sealed_by_hand(csrcs=csrcs, words=words, padding=padding, payload=b"opus")
    assert Transport(XCHACHA, KEY).open(datagram).payload == b"opus"


@pytest.mark.parametrize(
    "datagram", [b"", b"\x80", bytes(74), b"\x90\x78" + bytes(10), b"\x80\x78" + bytes(20)]
)
def test_what_is_no_media_is_refused(datagram: bytes) -> None:
    with pytest.raises(TransportError):
        Transport(XCHACHA, KEY).open(datagram)


def test_padding_longer_than_the_packet_is_refused() -> None:
    header = struct.pack(">BBHII", 0xA0, 120, 5, 960, 77)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(b"ab\xff", header, bytes(24), KEY)
    with pytest.raises(TransportError):
        Transport(XCHACHA, KEY).open(header + sealed + bytes(4))


def test_discovery_is_understood() -> None:
    assert discovery_request(0x01020304)[:8] == b"\x00\x01\x00\x46\x01\x02\x03\x04"
    reply = b"\x00\x02\x00\x46" + bytes(4) + b"127.0.0.1".ljust(64, b"\0") + b"\x12\x34"
    assert discovered(reply) == ("127.0.0.1", 0x1234)
    assert discovered(discovery_request(1)) is None


def opus_frames(count: int) -> list[bytes]:
    load_codec()
    encoder = discord.opus.Encoder()
    at = np.arange(960 * count) / 48_000
    pcm = np.repeat((8000 * np.sin(2 * np.pi * 500 * at)).astype(np.int16), 2).tobytes()
    return [encoder.encode(pcm[index * 3840 :][:3840], 960) for index in range(count)]


def test_numbers_are_unwrapped_and_order_is_mended() -> None:
    hearing, packets = Hearing(), opus_frames(6)
    for index in (0, 2, 1, 3, 3, 5):
        sequence, timestamp = (65_534 + index) % 65_536, (2**32 - 960 + 960 * index) % 2**32
        hearing.add(1, 9, sequence, timestamp, packets[index], at=index * 0.02)
        hearing.frames(1)  # decoding meanwhile must not fix the order
    frames = hearing.frames(1)
    assert [frame.seq - 65_534 for frame in frames] == [0, 1, 2, 3, 5]
    assert [(frame.timestamp - (2**32 - 960)) // 960 for frame in frames] == [0, 1, 2, 3, 5]
    in_order = Hearing()
    for index in (0, 1, 2, 3, 5):
        in_order.add(1, 9, index, 960 * index, packets[index], at=0.0)
    for ours, theirs in zip(frames, in_order.frames(1), strict=True):
        assert np.array_equal(ours.pcm, theirs.pcm)


def test_a_recording_is_placed_by_rtp_time_within_a_talkspurt() -> None:
    hearing, packets = Hearing(), opus_frames(20)
    jitter = np.random.default_rng(1).uniform(0, 0.05, 20)
    jitter[[0, 10]] = 0
    for index, packet in enumerate(packets):
        later = 1.0 if index >= 10 else 0.0
        at = 100.5 + index * 0.02 + later + jitter[index]
        # The second talkspurt goes on at the next timestamp, as discord.py's does, though a second went by.
        hearing.add(1, 9, index, index * 960, packet, at)
    line = np.abs(hearing.recording(100.0, 103.0).astype(int)).reshape(-1, 480).max(axis=1) > 1000
    voiced = [index / 100 for index in np.flatnonzero(line)]
    assert voiced[0] == pytest.approx(0.5, abs=0.021)  # the codec's own delay
    assert voiced[-1] == pytest.approx(0.5 + 1.0 + 0.4, abs=0.021)
    assert sum(line) == pytest.approx(40, abs=3)  # 2 x 200 ms without a hole, in slots of 10 ms
    assert not hearing.recording(100.0, 103.0, user_id=2).any()
    assert len(hearing.recording(100.6, 100.65)) == 2400  # in the middle of it
    assert hearing.recording(100.6, 100.65).any()


def test_silence_frames_count_and_are_not_mixed() -> None:
    hearing = Hearing()
    hearing.add(1, 9, 0, 0, SILENCE, at=1.0)
    assert [frame.silence for frame in hearing.frames(1)] == [True]
    assert hearing.counts == {"silence": 1}
    assert not hearing.recording(0.9, 1.1).any()


def test_a_corrupt_packet_gives_nothing_and_harms_nothing() -> None:
    hearing, packets = Hearing(), opus_frames(3)
    for index, packet in enumerate([packets[0], b"\x7b", packets[2]]):
        hearing.add(1, 9, index, index * 960, packet, at=index * 0.02)
    assert [len(frame.pcm) for frame in hearing.frames(1)] == [960, 0, 960]


def test_an_encrypted_call_takes_and_gives_no_plaintext() -> None:
    dave = DaveClient(1, 2)
    assert dave.seal(b"opus") == b"opus"  # a call without end-to-end encryption, so far
    assert [op for op, _ in dave.json(4, {"dave_protocol_version": 1})] == [26]
    assert dave.seal(b"opus") is None
    assert dave.seal(SILENCE) == SILENCE
    assert dave.open(7, SILENCE) == SILENCE
    with pytest.raises(UndecryptableError) as plain:
        dave.open(7, b"opus")
    assert not plain.value.early
    with pytest.raises(UndecryptableError) as early:
        dave.open(7, bytes(20) + b"\xfa\xfa")
    assert early.value.early
    assert dave.json(21, {"transition_id": 5, "protocol_version": 0}) == [(23, {"transition_id": 5})]
    assert dave.open(7, b"opus") == b"opus"  # announced
    assert dave.seal(b"opus") is None  # and not executed
    dave.json(22, {"transition_id": 5})
    assert dave.seal(b"opus") == b"opus"


def test_what_the_server_says_wrongly_is_survived() -> None:
    dave = DaveClient(1, 2)
    dave.json(4, {"dave_protocol_version": 1})
    assert dave.binary(27, b"\0garbage") == []
    assert dave.ignored == 1
    replies = dave.binary(30, b"\0\7garbage")
    assert [op for op, _ in replies] == [31, 26]
    assert replies[0] == (31, {"transition_id": 7})
    assert dave.recoveries == 1
