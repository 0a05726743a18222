"""One person's packets, in order, to 16 kHz speech, with what was lost restored, concealed or kept silent.

What a loss is worth is read from the sequence and from the timestamps together: packets are missing where
numbers are, and they carried audio only as far as the timestamps moved on.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from bot.audio.opus import OpusError, packet_has_lbrr, packet_samples
from bot.audio.pcm import DISCORD_HZ, LIVE_IN_HZ, Pcm16
from bot.audio.ratepath import SpeechDecoder
from bot.voice.dave import SILENCE
from bot.voice.events import Heard, Hushed, VoiceEvent
from bot.voice.jitter import Missing, Released
from bot.voice.rtp import Packet, timestamp_delta
from bot.voice.stats import ReceiveStats

MAX_CONCEALED = 5  # frames: beyond 100 ms invented speech is a drone, and silence is honest
RESET_JUMP = DISCORD_HZ  # samples: after a second elsewhere the decoder's memory is of other sounds
LONGEST_PACKET = DISCORD_HZ * 60 // 1000  # samples at 48 kHz in the longest packet that clients send
RATIO = DISCORD_HZ // LIVE_IN_HZ
GRID = LIVE_IN_HZ // 400  # samples: libopus conceals in multiples of 2.5 ms


class Speech:
    """The decoder of one SSRC and what it must remember between packets.

    The epoch of the encryption is no matter here: the sender's encoder runs on through a commit, and so must
    the decoder. Resetting it whenever anyone joins would click in the speech of all others.
    """

    def __init__(self, user_id: int, decoder: SpeechDecoder, stats: ReceiveStats) -> None:
        self._user_id = user_id
        self._decoder = decoder
        self._stats = stats
        self._expected: int | None = None  # timestamp due next; None while the decoder remembers nothing
        self._lost = 0  # packets missing just before the next one
        self._hushed = False

    def play(self, released: Iterable[Released]) -> list[VoiceEvent]:
        """Return what is heard in packets that leave the jitter buffer."""
        events: list[VoiceEvent] = []
        for item in released:
            if isinstance(item, Missing):
                self._stats.missing += item.count
                self._lost += item.count
            elif not item.payload:
                self._lost += 1  # the timestamps will show whether audio went with it
            elif item.payload == SILENCE:
                events += self._hush(item)
            else:
                events += self._speak(item)
        return events

    def _hush(self, packet: Packet) -> list[VoiceEvent]:
        """Take a silence frame: the first of a run is told, none is decoded."""
        self._stats.silence += 1
        self._lost = 0  # speech is over; what is missing before this is not worth inventing
        first, self._hushed = not self._hushed, True
        return [Hushed(self._user_id, packet.at)] if first else []

    def _speak(self, packet: Packet) -> list[VoiceEvent]:
        events: list[VoiceEvent] = []
        try:
            events.extend(
                Heard(self._user_id, pcm, packet.at, concealed=True) for pcm in self._before(packet)
            )
            pcm = self._decoder.decode(packet.payload)
        except OpusError:
            self._stats.undecodable += 1
            self._forget()
            return events
        finally:
            self._lost, self._hushed = 0, False
        self._expected = packet.timestamp + pcm.size * RATIO
        self._stats.heard += 1
        return [*events, Heard(self._user_id, pcm, packet.at)]

    def _before(self, packet: Packet) -> Iterator[Pcm16]:
        """Yield what stands for the audio lost just before a packet; forget the past after a jump in time."""
        gap = None if self._expected is None else timestamp_delta(packet.timestamp, self._expected)
        if gap is not None and abs(gap) > RESET_JUMP:
            self._forget()
            gap = None
        if not self._lost or (gap is not None and gap <= 0):
            return
        frame = max(GRID, packet_samples(packet.payload, LIVE_IN_HZ))
        paused = gap is None or self._hushed or gap > self._lost * LONGEST_PACKET
        samples = frame if gap is None or paused else gap // RATIO // GRID * GRID
        copied = min(frame, samples) if packet_has_lbrr(packet.payload) else 0
        if not paused:  # after a pause the last sound is no guess at what was lost
            yield from self._invent(samples - copied, frame)
        if copied:
            self._stats.recovered += 1
            yield self._decoder.decode_fec(packet.payload, copied)

    def _invent(self, samples: int, frame: int) -> Iterator[Pcm16]:
        """Yield `samples` at 16 kHz in frames: at first concealed, then silent."""
        for at in range(0, samples, frame):
            size = min(frame, samples - at)
            if at < MAX_CONCEALED * frame:
                self._stats.concealed += 1
                yield self._decoder.conceal(size)
            else:
                self._stats.muted += 1
                yield np.zeros(size, np.int16)

    def _forget(self) -> None:
        self._decoder.reset()
        self._expected = None
