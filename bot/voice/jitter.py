"""A jitter buffer of depth 0: packets leave in order and at once, and only a hole makes later ones wait.

The listener is no loudspeaker but a model, so a fixed playout delay would only add latency. What arrives in
order costs nothing; behind a hole packets wait until it is filled or the wait is over. A gap in timestamps is
not loss (clients stop sending when silent): only sequence numbers are looked at for that.

Sans-I/O: packets and the time go in, packets and `Missing` come out. Times are `time.monotonic()` seconds.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from bot.audio.pcm import DISCORD_HZ
from bot.voice.rtp import Packet, sequence_delta, timestamp_delta

WAIT_S = 0.040  # two frames: what Wi-Fi reorders is there by then, and a syllable is not yet noticeably late
LONG_WAIT_S = 0.060  # three frames, for mobile links
LONG_WAIT_JITTER_S = 0.015  # above this measured jitter the long wait is taken
WINDOW = 64  # packets: 1.3 s, more than any wait; bounds memory
MAX_MISORDER = 100  # RFC 3550 A.1: so far back is late, further back is a restarted sender
MAX_DROPOUT = 3000  # RFC 3550 A.1: so far ahead is loss (a minute), further ahead is a restarted sender
SPIKE_S = 0.1  # bounds what one pause of a sender whose clock stops meanwhile adds to the jitter


@dataclass(frozen=True, slots=True)
class Missing:
    """So many packets in a row did not arrive in time."""

    count: int


Released: TypeAlias = Packet | Missing


class Arrival(Enum):
    """What a sequence number means to the buffer."""

    NEW = auto()
    LATE = auto()
    """Its turn was given up."""
    DUPLICATE = auto()
    RESTART = auto()
    """So far off that the sender may have begun anew; the next packet shows."""


class JitterBuffer:
    """Puts the packets of one SSRC in order."""

    def __init__(self) -> None:
        self._next: int | None = None  # sequence number whose turn it is
        self._waiting: dict[int, Packet] = {}  # beyond the hole at `_next`
        self._received = 0  # bit i: `_next` - 1 - i was released, not missing
        self._restart: Packet | None = None
        self._newest: Packet | None = None
        self._jitter_s = 0.0

    def __len__(self) -> int:
        """Return how many packets wait."""
        return len(self._waiting)

    @property
    def jitter_s(self) -> float:
        """The interarrival jitter of RFC 3550, 6.4.1."""
        return self._jitter_s

    @property
    def deadline(self) -> float | None:
        """When the wait for the present hole is over; None while there is no hole."""
        if not self._waiting:
            return None
        return min(packet.at for packet in self._waiting.values()) + self.wait_s

    @property
    def wait_s(self) -> float:
        """How long a packet is waited for once a later one is there."""
        return LONG_WAIT_S if self._jitter_s > LONG_WAIT_JITTER_S else WAIT_S

    def ahead(self, sequence: int) -> int | None:
        """Return how many numbers before this one were not released; None before the first packet."""
        return None if self._next is None else sequence_delta(sequence, self._next)

    def classify(self, sequence: int) -> Arrival:
        """Return what a packet with this number would be."""
        if self._next is None:
            return Arrival.NEW
        ahead = sequence_delta(sequence, self._next)
        if not -MAX_MISORDER <= ahead <= MAX_DROPOUT:
            return Arrival.RESTART
        if ahead < 0:
            return Arrival.DUPLICATE if self._received >> (-ahead - 1) & 1 else Arrival.LATE
        return Arrival.DUPLICATE if sequence in self._waiting else Arrival.NEW

    def push(self, packet: Packet) -> list[Released]:
        """Take a packet and return what may leave now; late ones and duplicates are ignored."""
        arrival = self.classify(packet.sequence)
        if arrival is Arrival.RESTART:
            return self._consider_restart(packet)
        if arrival is not Arrival.NEW:
            return []
        self._restart = None
        self._measure(packet)
        if self._next is None:
            self._next = packet.sequence
        released = self.skip_to(packet.sequence - WINDOW + 1)
        self._waiting[packet.sequence] = packet
        return released + self._run()

    def poll(self, now: float) -> list[Released]:
        """Return what leaves because a hole's wait is over at `now`."""
        released: list[Released] = []
        while (deadline := self.deadline) is not None and deadline <= now:
            released += self._skip_hole()
        return released

    def flush(self) -> list[Released]:
        """Return all that waits, holes or not: nothing more will come."""
        released: list[Released] = []
        while self._waiting:
            released += self._skip_hole()
        return released

    def skip_to(self, sequence: int) -> list[Released]:
        """Give up what is missing before this number, and return what leaves because of it."""
        if self._next is None:
            self._next = sequence & 0xFFFF
        released: list[Released] = []
        while (excess := sequence_delta(sequence, self._next)) > 0:
            released += self._skip_hole(excess)
        return released

    def _skip_hole(self, limit: int = WINDOW) -> list[Released]:
        """Give up the hole, or `limit` numbers of it, and release what follows it without another."""
        assert self._next is not None
        ahead = min((sequence_delta(sequence, self._next) for sequence in self._waiting), default=limit)
        hole = min(ahead, limit)
        self._advance(hole, received=False)
        return [Missing(hole), *self._run()]

    def _run(self) -> list[Released]:
        """Release the packets whose turn it is, up to the next hole."""
        released: list[Released] = []
        while self._next is not None and (packet := self._waiting.pop(self._next, None)) is not None:
            released.append(packet)
            self._advance(1, received=True)
        return released

    def _advance(self, count: int, *, received: bool) -> None:
        assert self._next is not None
        self._next = (self._next + count) & 0xFFFF
        self._received = (self._received << count | received) & ((1 << MAX_MISORDER) - 1)

    def _consider_restart(self, packet: Packet) -> list[Released]:
        """Begin anew when two packets in a row say so: one alone may be a stray (RFC 3550 A.1)."""
        first, self._restart = self._restart, packet
        if first is None or sequence_delta(packet.sequence, first.sequence) != 1:
            return []
        released = self.flush()
        self._restart = self._newest = None
        self._next, self._received = first.sequence, 0
        return [*released, *self.push(first), *self.push(packet)]

    def _measure(self, packet: Packet) -> None:
        newest = self._newest
        if newest is not None and sequence_delta(packet.sequence, newest.sequence) <= 0:
            return  # reordered: its transit was measured by the one that overtook it
        self._newest = packet
        if newest is None:
            return
        sent = timestamp_delta(packet.timestamp, newest.timestamp) / DISCORD_HZ
        deviation = min(abs(packet.at - newest.at - sent), SPIKE_S)
        self._jitter_s += (deviation - self._jitter_s) / 16
