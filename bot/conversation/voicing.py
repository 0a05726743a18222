"""The bot's voice on its way into packets: made as loud as it is to be, encoded, and remembered for a while.

An answer comes faster than it is played, so most of it is encoded long before it is heard. What is not played
yet can be encoded again, when the loudness changes meanwhile: that is why the last frames are kept as they
came. The codec is then led up to the place by the frames before it, as its receivers were, so that nobody
hears where the new packets begin.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np

from bot.audio.fader import Fader
from bot.audio.pcm import LIVE_OUT_HZ, Pcm16
from bot.audio.ratepath import FRAME_BYTES, RatePath, SpeechEncoder
from bot.voice.playout_buffer import CAPACITY_PACKETS

LEAD = 10  # frames, 200 ms: two of the limiter's releases, and more than the codec looks back


class Voicing:
    """24 kHz mono PCM16LE of any chunking, to Opus packets of 20 ms at the loudness that is set."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder
        self._fader = Fader(LIVE_OUT_HZ)
        self._rest = b""  # a frame's beginning
        self._frames: deque[bytes] = deque(maxlen=CAPACITY_PACKETS + LEAD)
        self._held = 0  # frames, of the last ones, whose packets are still to come
        self._stale = 0  # packets to come that were played before
        self.whole = False
        """Whether what was fed is flushed, and is played to its end."""

    @property
    def gain(self) -> float:
        """What amplitudes are multiplied with."""
        return self._fader.gain

    @property
    def encoded(self) -> int:
        """How many of the last packets could be encoded again."""
        return len(self._frames) - self._held

    def feed(self, pcm: bytes) -> list[bytes]:
        """Return the packets that are complete; what waits is the rest of a frame, and what is looked at."""
        self.whole = False
        data = self._rest + pcm
        whole = len(data) - len(data) % FRAME_BYTES
        self._rest = data[whole:]
        return self._fresh(
            packet
            for at in range(0, whole, FRAME_BYTES)
            for packet in self._encode(data[at : at + FRAME_BYTES])
        )

    def flush(self) -> list[bytes]:
        """Return the last packets of an answer; a partial frame is filled with silence."""
        self.whole = True
        rest, self._rest = self._rest[: len(self._rest) & ~1], b""  # half a sample can't be played
        packets = self._encode(rest.ljust(FRAME_BYTES, b"\0")) if rest else []
        packets += self._encoder.feed(self._fader.flush().tobytes())
        return self._fresh([*packets, *self._encoder.flush()])

    def reset(self) -> None:
        """Drop what waits: a new answer begins."""
        self._rest, self._held, self._stale, self.whole = b"", 0, 0, False
        self._frames.clear()
        self._fader.reset()
        self._encoder.reset()

    def keep(self, unplayed: int) -> None:
        """Let go of the frames that no change will ask for again, with so many packets left to play."""
        for _ in range(len(self._frames) - self._held - unplayed - LEAD):
            self._frames.popleft()

    def turn(self, gain: float, taken: int) -> bytes:
        """Change the loudness from here, or from so many packets back, which are not to be played.

        Returns the PCM that is to be fed again before any other.
        """
        if not taken:
            self._fader.set(gain)
            if self.whole or not self._frames:  # nothing goes on that could click
                self._fader.reset()
            return b""
        frames = list(self._frames)
        cut = len(frames) - self._held - taken
        again = b"".join(frames[cut:]) + self._rest
        self.reset()
        lead = frames[max(0, cut - LEAD) : cut]
        self._stale = len(lead)
        self._fresh(packet for frame in lead for packet in self._encode(frame))
        self._fader.set(gain)
        return again

    def _encode(self, frame: bytes) -> list[bytes]:
        self._frames.append(frame)
        self._held += 1
        return self._encoder.feed(self._fader.feed(np.frombuffer(frame, np.int16)).tobytes())

    def _fresh(self, packets: Iterable[bytes]) -> list[bytes]:
        """Count the packets that came, and return those that were not played before."""
        came = list(packets)
        self._held -= len(came)
        fresh = came[self._stale :]
        self._stale -= len(came) - len(fresh)
        return fresh


def packets_of(sound: Pcm16, path: RatePath, gain: float) -> list[bytes]:
    """Return a short sound, 24 kHz mono, as packets of its own, so loud."""
    voicing = Voicing(path.encoder())
    voicing.turn(gain, 0)
    return [*voicing.feed(sound.tobytes()), *voicing.flush()]
