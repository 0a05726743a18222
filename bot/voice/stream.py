"""One person's frames, from end-to-end encrypted to heard: DAVE, hold, jitter buffer, Opus.

A frame whose key is still on its way is held. Later frames of the person don't overtake it, unless one of
them opens: epochs only go forward, so what was sealed before a frame that opens is then opened or lost.
"""

from collections.abc import Iterable

import davey

from bot.audio.ratepath import SpeechDecoder
from bot.voice.dave import DaveError, Verdict, decrypt, is_sealed, judge
from bot.voice.events import VoiceEvent
from bot.voice.hold import Hold
from bot.voice.jitter import Arrival, JitterBuffer
from bot.voice.keys import Keys
from bot.voice.rtp import Packet
from bot.voice.speech import Speech
from bot.voice.stats import ReceiveStats


def judge_now(packet: Packet, keys: Keys) -> Verdict:
    """Decide on a packet by what the connection holds now; one of nothing but padding can't say anything."""
    if not packet.payload:
        return Verdict.HEAR
    return judge(packet.payload, version=keys.dave_version, transition_pending=keys.transition_pending)


class Stream:
    """All that is kept of one SSRC whose person is known and has consented.

    `failures` counts the frames in a row that could not be decrypted although they should.
    """

    def __init__(self, user_id: int, *, decoder: SpeechDecoder, keys: Keys, stats: ReceiveStats) -> None:
        self.user_id = user_id
        self.failures = 0
        self._keys = keys
        self._stats = stats
        self._hold = Hold()  # its first frame is always a sealed one
        self._jitter = JitterBuffer()
        self._speech = Speech(user_id, decoder, stats)
        self._tried: tuple[davey.DaveSession | None, int | None] = (None, None)  # with the held frames

    def __len__(self) -> int:
        """Return how many frames are kept and not yet heard."""
        return len(self._hold) + len(self._jitter)

    @property
    def deadlines(self) -> tuple[float | None, float | None]:
        """When `poll` has something to do."""
        return self._jitter.deadline, self._hold.deadline

    def receive(self, packet: Packet) -> list[VoiceEvent]:
        """Take a frame.

        Held ones go first if there is an epoch that they were not tried with. The order matters: once a
        frame has opened with a new key, davey takes all that were sealed before it for replays.
        """
        events = self._expire(packet.at)
        if self._hold and self._tried != self._epoch():
            events += self.retry(packet.at)
        return [*events, *self._receive(packet)]

    def retry(self, now: float) -> list[VoiceEvent]:
        """Try held frames again, with new keys."""
        events = self._expire(now)
        self._tried = self._epoch()
        for packet in self._hold.take_all():
            events += self._receive(packet, replayed=True)
        return events

    def poll(self, now: float) -> list[VoiceEvent]:
        """End the waits that are over at `now`."""
        return [*self._expire(now), *self._speech.play(self._jitter.poll(now))]

    def end(self) -> list[VoiceEvent]:
        """Return what was waiting in the jitter buffer; what is sealed still is dropped."""
        self._stats.dropped += len(self._hold)
        return self._speech.play(self._jitter.flush())

    def _receive(self, packet: Packet, *, replayed: bool = False) -> list[VoiceEvent]:
        if not self._is_new(packet):
            return []
        verdict = judge_now(packet, self._keys)
        if verdict is Verdict.REFUSE:
            self._stats.plaintext += 1
            return []
        if verdict is Verdict.DECRYPT:
            return self._receive_sealed(packet, replayed=replayed)
        if self._hold.blocks(packet.sequence):
            return self._keep(packet, replayed=replayed)
        return self._play([packet])

    def _receive_sealed(self, packet: Packet, *, replayed: bool) -> list[VoiceEvent]:
        try:
            opened = self._open(packet)
        except DaveError as error:
            self._count_failure(replayed=replayed)
            hopeful = error.failure.may_heal and self._may_get_keys()
            if hopeful or self._hold.blocks(packet.sequence):
                return self._keep(packet, replayed=replayed)
            return self._play([self._lose(packet)])
        self.failures = 0
        before = [self._open_or_lose(held) for held in self._hold.take_before(packet.sequence)]
        return self._play([*before, opened, *self._unblocked()])

    def _is_new(self, packet: Packet) -> bool:
        """Tell duplicates and late packets before decryption, which would take them for replays."""
        arrival = self._jitter.classify(packet.sequence)
        if arrival is Arrival.DUPLICATE or packet.sequence in self._hold:
            self._stats.duplicate += 1
            return False
        self._stats.late += arrival is Arrival.LATE
        self._stats.far_off += arrival is Arrival.RESTART
        return arrival is not Arrival.LATE

    def _epoch(self) -> tuple[davey.DaveSession | None, int | None]:
        session = self._keys.dave
        return session, session.epoch if session is not None else None

    def _may_get_keys(self) -> bool:
        return self._keys.dave is not None or self._keys.dave_version > 0

    def _open(self, packet: Packet) -> Packet:
        return _with(packet, decrypt(self._keys.dave, self.user_id, packet.payload))

    def _open_or_lose(self, packet: Packet) -> Packet:
        if not is_sealed(packet.payload):
            return packet
        try:
            return self._open(packet)
        except DaveError:
            return self._lose(packet)

    def _lose(self, packet: Packet) -> Packet:
        """Give up a sealed frame; an empty one in its place keeps the jitter buffer from waiting for it."""
        self._stats.undecrypted += 1
        return _with(packet, b"")

    def _count_failure(self, *, replayed: bool) -> None:
        """Count towards recovery, unless it is plain why: we are joining, or the version is changing."""
        session = self._keys.dave
        if not replayed and session is not None and session.ready and not self._keys.transition_pending:
            self.failures += 1

    def _keep(self, packet: Packet, *, replayed: bool) -> list[VoiceEvent]:
        self._stats.held += not replayed
        self._tried = self._epoch()
        return self._give_up(self._hold.add(packet))

    def _expire(self, now: float) -> list[VoiceEvent]:
        return self._give_up(self._hold.expire(now)) if self._hold else []

    def _give_up(self, gone: list[Packet]) -> list[VoiceEvent]:
        lost = [self._lose(packet) if is_sealed(packet.payload) else packet for packet in gone]
        return self._play([*lost, *self._unblocked()]) if gone else []

    def _unblocked(self) -> list[Packet]:
        """Take from the hold what only waited behind sealed frames that are gone."""
        return self._hold.take_while(lambda held: not is_sealed(held.payload))

    def _play(self, packets: Iterable[Packet]) -> list[VoiceEvent]:
        events: list[VoiceEvent] = []
        for packet in packets:
            events += self._speech.play(self._jitter.push(packet))
        return events


def _with(packet: Packet, payload: bytes) -> Packet:
    return Packet(packet.sequence, packet.timestamp, payload, packet.at)
