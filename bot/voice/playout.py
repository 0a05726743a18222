"""The bot's answer on its way out, for two threads: the event loop pushes, the send clock's thread pulls.

The buffer's one lock is held while a packet is sent: so when `drop` returns, no packet of the dropped answer
is still on its way to the socket.
"""

import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from bot.audio.pcm import FRAME_MS
from bot.latency import Latency
from bot.voice.playout_buffer import ALWAYS, PlayoutBuffer, PlayoutState


class Sending(Enum):
    """What became of a packet that was to be sent."""

    SENT = "sent"
    HELD = "held"  # it can't be sent now; keep it
    LOST = "lost"  # it could not be sent, and is not wanted any more


class Playout:
    """A PlayoutBuffer that two threads may use.

    `on_change` is called, outside the lock and on whichever thread did it: with True when there is something
    to send that was not foreseen, with False when there is nothing more to send.
    """

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        self._buffer = PlayoutBuffer()
        self._lock = threading.Lock()
        self._on_change = on_change

    @property
    def live_to_ear(self) -> Latency:
        """First audio of an answer received -> its first voiced packet sent."""
        return self._buffer.live_to_ear

    @property
    def barge_in(self) -> Latency:
        """A dropped answer: the reason noticed -> its last packet sent; 0 where that was before."""
        return self._buffer.barge_in

    @property
    def active(self) -> bool:
        """Whether there is something to send, be it silence, now or at a known time."""
        return self.wake_at(ALWAYS) is not None

    @property
    def playing(self) -> bool:
        """Whether an answer is being played, or about to be."""
        return self._buffer.state is not PlayoutState.IDLE

    @property
    def buffered_ms(self) -> float:
        """How much of the answer is still to be played."""
        return float(len(self._buffer) * FRAME_MS)

    @property
    def underruns(self) -> int:
        """How often an answer ran dry before its end."""
        return self._buffer.underruns

    @property
    def refused(self) -> int:
        """How many packets came when the buffer was full."""
        return self._buffer.refused

    def push(self, packets: Sequence[bytes], at: float) -> None:
        """Append Opus packets (20 ms each) of the current answer; `at` is when their audio was received.

        The buffer holds 10 minutes; what comes when it is full is refused and counted.
        """
        self._change(lambda: self._buffer.push(packets, at))

    def signal(self, packets: Sequence[bytes]) -> None:
        """Play a short sound, Opus packets of 20 ms, unless an answer is being played."""
        self._change(lambda: self._buffer.signal(packets, time.monotonic()))

    def finish(self) -> None:
        """Note that the answer is complete: the rest of it is played, then five frames of silence."""
        self._change(self._buffer.finish)

    def prime(self) -> None:
        """Send five frames of silence, or more of them if nothing else is to be sent."""
        self._change(self._buffer.prime)

    def drop(self, at: float) -> int:
        """Forget the answer and return how many packets that were; none of it leaves after this returns.

        `at` is when the reason was noticed. Five frames of silence follow what was already sent.
        """
        with self._lock:
            dropped = self._buffer.drop(at)
            idle = self._buffer.wake_at(ALWAYS) is None
        if idle:
            self._on_change(False)
        return dropped

    def take_back(self, keep: int, most: int) -> int:
        """Forget the last packets, at most `most`, and not the next `keep`; return how many those were.

        They were encoded too early, and are pushed again in another form before the others are played.
        """
        with self._lock:
            return self._buffer.take_back(keep, most)

    def wake_at(self, now: float) -> float | None:
        """Return when `play` has something to do: up to `now` while packets flow, None if unknown."""
        with self._lock:
            return self._buffer.wake_at(now)

    def play(self, now: float, send: Callable[[bytes], Sending]) -> None:
        """Send the packet that is due, if any; what could not be sent yet is kept for the next time."""
        with self._lock:
            packet = self._buffer.next(now)
            if packet is not None:
                self._settle(packet, send(packet))
            idle = self._buffer.wake_at(now) is None
        if idle:
            self._on_change(False)

    def _settle(self, packet: bytes, sending: Sending) -> None:
        if sending is Sending.SENT:
            self._buffer.sent(packet, time.monotonic())
        elif sending is Sending.HELD:
            self._buffer.restore(packet)

    def _change(self, change: Callable[[], object]) -> None:
        with self._lock:
            before = self._buffer.wake_at(ALWAYS)
            change()
            after = self._buffer.wake_at(ALWAYS)
        if after is not None and (before is None or after < before):
            self._on_change(True)
