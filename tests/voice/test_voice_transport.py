"""Both transport modes, against the voice server's own implementation."""

import os
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.emulators.discord.voice.transport import Transport
from bot.voice.rtp import InvalidDatagramError, build_header
from bot.voice.transport import MODES, TransportError, cipher_for

HEADER = build_header(7, 960, 4242)

modes = pytest.mark.parametrize("mode", MODES)


def test_aes_is_preferred_and_the_guaranteed_mode_is_there() -> None:
    assert MODES == ("aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize")


@modes
@settings(max_examples=30)
@given(payload=st.binary(max_size=200), header_tail=st.binary(max_size=64))
def test_what_is_sealed_opens_on_the_other_side(mode: str, payload: bytes, header_tail: bytes) -> None:
    key, header = os.urandom(32), HEADER + header_tail
    assert Transport(mode, key).open(cipher_for(mode, key).seal(header, payload), len(header)) == payload
    assert cipher_for(mode, key).open(Transport(mode, key).seal(header, payload), len(header)) == payload


@modes
@settings(max_examples=60)
@given(data=st.data())
def test_any_flipped_bit_is_noticed(mode: str, data: st.DataObject) -> None:
    cipher = cipher_for(mode, bytes(32))
    datagram = bytearray(cipher.seal(HEADER, b"speech"))
    position = data.draw(st.integers(0, 8 * len(datagram) - 1))
    datagram[position // 8] ^= 1 << position % 8
    with pytest.raises(InvalidDatagramError):
        cipher.open(bytes(datagram), len(HEADER))


@modes
def test_truncated_or_sealed_with_another_key_is_refused(mode: str) -> None:
    datagram = cipher_for(mode, bytes(32)).seal(HEADER, b"speech")
    cipher = cipher_for(mode, bytes(32))
    for size in range(len(HEADER), len(datagram)):
        with pytest.raises(InvalidDatagramError):
            cipher.open(datagram[:size], len(HEADER))
    with pytest.raises(InvalidDatagramError):
        cipher_for(mode, b"\1" * 32).open(datagram, len(HEADER))


@modes
def test_each_datagram_has_a_nonce_of_its_own(mode: str) -> None:
    cipher = cipher_for(mode, bytes(32))
    datagrams = [cipher.seal(HEADER, b"same") for _ in range(300)]
    assert [int.from_bytes(datagram[-4:], "big") for datagram in datagrams] == list(range(300))
    assert len({datagram[12:-4] for datagram in datagrams}) == 300


@modes
def test_a_used_up_key_seals_no_more(mode: str) -> None:
    cipher = cipher_for(mode, bytes(32))
    cipher._counter = count(2**32 - 1)
    cipher.seal(HEADER, b"last")
    with pytest.raises(TransportError, match="used up"):
        cipher.seal(HEADER, b"one too many")


def test_unknown_modes_and_bad_keys_are_refused() -> None:
    with pytest.raises(TransportError, match="xsalsa20"):
        cipher_for("xsalsa20_poly1305", bytes(32))
    with pytest.raises(TransportError, match="16 bytes"):
        cipher_for(MODES[0], bytes(16))
