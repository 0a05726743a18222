"""Small files that are made to take memory or time when they are opened."""

import struct


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def flat_jpeg(side: int, scans: int, *, progressive: bool = True) -> bytes:
    """Return a JPEG, `side` pixels wide and high, of one colour, in which each scan says nothing new.

    Progressive, it has one scan and so many more; otherwise one a component.
    """
    blocks = ((side + 7) // 8) ** 2
    frame = struct.pack(">BHHB", 8, side, side, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    made = b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64) + _segment(0xC2 if progressive else 0xC0, frame)
    # One code of one bit in each table: no difference (DC); a run of 32,767 blocks that end (AC).
    made += _segment(0xC4, b"\0\1" + bytes(15) + b"\0") + _segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")
    if not progressive:
        one = bytes(blocks // 4 + 1)
        return (
            made + b"".join(_segment(0xDA, bytes([1, c, 0, 0, 63, 0])) + one for c in (1, 2, 3)) + b"\xff\xd9"
        )
    made += _segment(0xDA, b"\3\1\0\2\0\3\0\0\0\0") + bytes((3 * blocks + 7) // 8)
    bits = ("0" + "1" * 14) * (blocks // 32_767 + 1)
    bits += "1" * (-len(bits) % 8)
    run = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\0")
    each = [_segment(0xDA, bytes([1, component, 0, 1, 63, 0])) + run for component in (1, 2, 3)]
    return made + b"".join(each[number % 3] for number in range(scans)) + b"\xff\xd9"


def _element(name: str, data: bytes) -> bytes:
    """Return an EBML element (RFC 8794), its length in eight bytes."""
    return bytes.fromhex(name) + (1 << 56 | len(data)).to_bytes(8) + data


def _sound_track(codec: bytes, hz: float, bits: int, private: bytes = b"") -> bytes:
    sound = _element("b5", struct.pack(">d", hz)) + _element("9f", b"\1") + _element("6264", bytes([bits]))
    entry = _element("d7", b"\1") + _element("73c5", b"\1") + _element("83", b"\2") + _element("86", codec)
    return _element("1654ae6b", _element("ae", entry + _element("63a2", private) + _element("e1", sound)))


def _matroska(track: bytes, clusters: list[bytes]) -> bytes:
    head = _element("4282", b"matroska") + _element("4287", b"\4") + _element("4285", b"\2")
    info = _element("1549a966", _element("2ad7b1", (1_000_000).to_bytes(3)))
    whole = b"".join([info, track, *clusters])
    return _element("1a45dfa3", head) + bytes.fromhex("18538067") + b"\1" + b"\xff" * 7 + whole


def laced_sound(packets: int) -> bytes:
    """Return a recording without a duration, of Opus frames of one byte: 256 to a block, 20 ms each."""
    track = _sound_track(b"A_OPUS", 48_000.0, 16, b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0))
    clusters = []
    for number in range(-(-packets // 256)):  # the flags say: a key frame, fixed lacing
        block = _element("a3", b"\x81\0\0\x84\xff" + b"\xf8" * 256)
        clusters.append(_element("1f43b675", _element("e7", (number * 256 * 20).to_bytes(4)) + block))
    return _matroska(track, clusters)


def slow_sound(hz: float, samples: int) -> bytes:
    """Return a recording of silence in one packet, 8 bits a sample."""
    track = _sound_track(b"A_PCM/INT/LIT", hz, 8)
    block = _element("a3", b"\x81\0\0\x80" + bytes(samples))
    return _matroska(track, [_element("1f43b675", _element("e7", b"\0") + block)])
