"""One person's frames, from end-to-end encrypted to heard: DAVE, hold, jitter buffer, Opus.

A frame whose key is still on its way is held. Later frames of the person don't overtake it, unless one of
them opens: epochs only go forward, so what was sealed before a frame that opens is then opened or lost.

davey takes all that was sealed before the first frame that it opens with a key for replays. So a frame that
may have overtaken that first one is held too, no longer than the jitter buffer would keep it anyway.
"""

from collections.abc import Iterable

import davey

from bot.audio.ratepath import SpeechDecoder
from bot.voice.dave import DaveError, Verdict, decrypt, is_sealed, judge, nonce_of
from bot.voice.events import VoiceEvent
from bot.voice.hold import Hold
from bot.voice.jitter import WINDOW, Arrival, JitterBuffer
from bot.voice.keys import Keys
from bot.voice.rtp import Packet, sequence_delta
from bot.voice.speech import Speech
from bot.voice.stats import ReceiveStats

# If the first packet of a person has a nonce up to this, those before it may still come: 40 ms are 2 frames.
LOW_NONCE = 3


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
        self._newest: tuple[int, int] | None = None  # sequence number and nonce of the last frame opened
        self._patience: float | None = None  # until when the first frame of a new key is waited for

    def __len__(self) -> int:
        """Return how many frames are kept and not yet heard."""
        return len(self._hold) + len(self._jitter)

    @property
    def deadlines(self) -> tuple[float | None, ...]:
        """When `poll` has something to do."""
        return self._jitter.deadline, self._hold.deadline, self._patience

    def receive(self, packet: Packet) -> list[VoiceEvent]:
        """Take a frame.

        Held ones go first if there is an epoch that they were not tried with. The order matters: once a
        frame has opened with a new key, davey takes all that were sealed before it for replays.
        """
        events = self._expire(packet.at)
        if self._hold and self._tried != self._epoch():
            events += self._try_held()
        events += self._receive(packet)
        if self._patience is not None:  # this may be what was waited for
            events += self._try_held()
        return events

    def retry(self, now: float) -> list[VoiceEvent]:
        """Try held frames again, with new keys."""
        return [*self._expire(now), *self._try_held()]

    def poll(self, now: float) -> list[VoiceEvent]:
        """End the waits that are over at `now`."""
        return [*self._expire(now), *self._speech.play(self._jitter.poll(now))]

    def end(self) -> list[VoiceEvent]:
        """Return what was waiting in the jitter buffer; what is sealed still is dropped."""
        self._stats.dropped += len(self._hold)
        return self._speech.play(self._jitter.flush())

    def _try_held(self) -> list[VoiceEvent]:
        self._tried, self._patience = self._epoch(), None
        return [event for packet in self._hold.take_all() for event in self._receive(packet, replayed=True)]

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
        if self._is_early(packet):
            return self._keep(packet, replayed=replayed)
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

    def _is_early(self, packet: Packet) -> bool:
        """Whether to wait with this frame, since one that was sealed before it with the same key may come."""
        if self._hold.blocks(packet.sequence):
            return self._patience is not None
        ahead = self._jitter.ahead(packet.sequence)
        if ahead is not None and not 0 < ahead < WINDOW:
            return False  # it is the next in order, or too far off to have overtaken any
        nonce = nonce_of(packet.payload) or 0
        if nonce <= 1 or not self._may_be_new_key(packet.sequence, nonce):
            return False
        if ahead is None and nonce > LOW_NONCE:
            return False
        self._patience = packet.at + self._jitter.wait_s
        return True

    def _may_be_new_key(self, sequence: int, nonce: int) -> bool:
        """With the same key, nonces go on at least as fast as sequence numbers, but for silence."""
        if self._newest is None:
            return True
        step = sequence_delta(sequence, self._newest[0])
        return step > 0 and nonce - self._newest[1] < step

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
        return self._keys.dave_version > 0 or self._keys.transition_pending

    def _open(self, packet: Packet) -> Packet:
        opened = decrypt(self._keys.dave, self.user_id, packet.payload)
        if self._newest is None or sequence_delta(packet.sequence, self._newest[0]) > 0:
            self._newest = packet.sequence, nonce_of(packet.payload) or 0
        return _with(packet, opened)

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
        if not replayed and self._is_ready() and not self._keys.transition_pending:
            self.failures += 1

    def _is_ready(self) -> bool:
        session = self._keys.dave
        return session is not None and session.ready

    def _keep(self, packet: Packet, *, replayed: bool) -> list[VoiceEvent]:
        self._stats.held += not replayed
        self._tried = self._epoch()
        return self._give_up(self._hold.add(packet))

    def _expire(self, now: float) -> list[VoiceEvent]:
        events = self._give_up(self._hold.expire(now)) if self._hold else []
        if self._patience is not None and self._patience <= now:
            first = self._hold.first
            skipped = self._jitter.skip_to(first.sequence) if first is not None else []
            events += [*self._speech.play(skipped), *self._try_held()]
        return events

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
