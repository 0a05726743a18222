"""RTP headers, header extensions and padding, right and wrong."""

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.emulators.discord.voice.rtp import RtpHeader as ServerHeader
from bot.voice.rtp import (
    InvalidDatagramError,
    build_header,
    parse_header,
    sequence_delta,
    timestamp_delta,
)

words = st.one_of(st.none(), st.integers(0, 3))


def test_a_built_header_is_what_it_says() -> None:
    header = parse_header(build_header(65_536 + 7, 2**32 + 960, 4242))
    assert (header.payload_type, header.sequence, header.timestamp, header.ssrc) == (120, 7, 960, 4242)
    assert (header.size, header.extension_size, header.padded) == (12, 0, False)


@settings(max_examples=150)
@given(
    extension_words=words,
    csrcs=st.integers(0, 15),
    padding=st.integers(0, 255),
    payload=st.binary(max_size=60),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFF_FFFF),
    marker=st.booleans(),
)
def test_the_payload_survives_everything_around_it(
    extension_words: int | None,
    csrcs: int,
    padding: int,
    payload: bytes,
    sequence: int,
    timestamp: int,
    marker: bool,
) -> None:
    sent = ServerHeader(
        sequence,
        timestamp,
        99,
        marker=marker,
        padding=padding > 0,
        csrcs=bytes(4 * csrcs),
        extension_words=extension_words,
    )
    filler = bytes(padding - 1) + bytes([padding]) if padding else b""
    clear = sent.serialize()
    header = parse_header(clear + b"sealed")
    assert (header.sequence, header.timestamp, header.ssrc) == (sequence, timestamp, 99)
    assert (header.payload_type, header.size) == (120, len(clear))
    assert header.payload(b"\xee" * (4 * (extension_words or 0)) + payload + filler) == payload


@pytest.mark.parametrize("plaintext", [b"", b"abc\0", b"abc\5", b"\xff"])
def test_padding_of_zero_or_too_much_is_refused(plaintext: bytes) -> None:
    header = parse_header(b"\xa0" + build_header(1, 2, 3)[1:])
    with pytest.raises(InvalidDatagramError):
        header.payload(plaintext)


def test_padding_may_be_the_whole_payload_but_not_reach_into_the_extension() -> None:
    header = parse_header(b"\xb0" + build_header(1, 2, 3)[1:] + struct.pack(">HH", 0xBEDE, 1))
    assert header.payload(b"EXTN" + b"\0\0\3") == b""
    with pytest.raises(InvalidDatagramError):
        header.payload(b"EXTN" + b"\0\0\4")


def test_an_extension_longer_than_the_packet_is_refused() -> None:
    header = parse_header(b"\x90" + build_header(1, 2, 3)[1:] + struct.pack(">HH", 0xBEDE, 3))
    with pytest.raises(InvalidDatagramError):
        header.payload(b"only eight"[:8])


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        build_header(1, 2, 3)[:11],
        b"\x00\x02\x00\x46" + bytes(70),  # an IP discovery reply
        b"\x2a\0\0\0\0\0\0\0",  # a keepalive's echo
        b"\x90" + build_header(1, 2, 3)[1:],  # announces an extension and ends
        b"\x85" + build_header(1, 2, 3)[1:] + bytes(19),  # announces five CSRCs and ends
    ],
)
def test_what_is_no_whole_rtp_header_is_refused(datagram: bytes) -> None:
    with pytest.raises(InvalidDatagramError):
        parse_header(datagram)


@settings(max_examples=300)
@given(datagram=st.binary(max_size=40), plaintext=st.binary(max_size=40))
@example(datagram=b"\xbf" + bytes(11), plaintext=b"")
def test_no_bytes_raise_anything_else(datagram: bytes, plaintext: bytes) -> None:
    try:
        header = parse_header(datagram)
        assert header.size <= len(datagram)
        assert len(header.payload(plaintext)) <= len(plaintext)
    except InvalidDatagramError:
        pass


@given(reference=st.integers(0, 2**32 - 1), delta=st.integers(-32_000, 32_000))
def test_distances_cross_the_wrap(reference: int, delta: int) -> None:
    assert sequence_delta((reference + delta) & 0xFFFF, reference & 0xFFFF) == delta
    assert timestamp_delta((reference + delta) & 0xFFFF_FFFF, reference) == delta
