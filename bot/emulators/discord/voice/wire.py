"""The presentation language of MLS (RFC 9420, section 2.1): big-endian integers and vectors `<V>`."""

from bot.emulators.discord.voice.errors import MalformedError

# The two top bits of a vector's length give the size of the length itself (as QUIC does; 8 B is not MLS).
_ONE, _TWO, _FOUR = 0x40, 0x4000, 0x4000_0000


def u16(value: int) -> bytes:
    """Encode a uint16."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Encode a uint32."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Encode a uint64."""
    return value.to_bytes(8, "big")


def vec(body: bytes) -> bytes:
    """Encode a vector: its length in the fewest of 1, 2 or 4 bytes, then the body."""
    size = len(body)
    if size < _ONE:
        return bytes((size,)) + body
    if size < _TWO:
        return u16(size | _TWO) + body
    if size < _FOUR:
        return u32(size | 0x8000_0000) + body
    raise MalformedError(f"a vector of {size} bytes is longer than MLS can say")


class Reader:
    """Takes values off the front of some bytes; raises `MalformedError` where they end early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self.at + size
        if end > len(self.data):
            raise MalformedError(f"{size} bytes wanted, {len(self.data) - self.at} left")
        part = self.data[self.at : end]
        self.at = end
        return part

    def uint(self, size: int) -> int:
        """Return the next unsigned integer of that many bytes."""
        return int.from_bytes(self.take(size), "big")

    def vec(self) -> bytes:
        """Return the body of the next vector; a length in more bytes than it needs is malformed."""
        prefix = self.uint(1)
        extra = {0: 0, 1: 1, 2: 3}.get(prefix >> 6)
        if extra is None:
            raise MalformedError("a vector's length of 8 bytes is not MLS")
        size = (prefix & 0x3F) << (8 * extra) | self.uint(extra)
        if (extra == 1 and size < _ONE) or (extra == 3 and size < _TWO):
            raise MalformedError("a vector's length is not in its shortest form")
        return self.take(size)

    def since(self, start: int) -> bytes:
        """Return what was read from that position on."""
        return self.data[start : self.at]

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(len(self.data) - self.at)

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at == len(self.data)

    def expect(self, size: int, value: int, what: str) -> None:
        """Take an integer that can have one value only."""
        found = self.uint(size)
        if found != value:
            raise MalformedError(f"{what} is {found}, not {value}")
