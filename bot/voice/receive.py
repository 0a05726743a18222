"""From datagrams to what each person said: the receive side of a call, sans-I/O.

A datagram passes, in this order: RTP header, transport decryption with the key of now, extension and padding,
SSRC to person, consent, DAVE, jitter buffer, Opus. What can't be placed or opened yet is held as it came, at
most two seconds, and goes the same way once its person or its key is known.

Bytes, gateway messages and the time go in, events come out: there is no clock, task or socket here. Not
thread-safe. Times are `time.monotonic()` seconds. Source: Discord's voice documentation and the DAVE protocol
paper 1.1.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from bot.audio.ratepath import RatePath
from bot.voice.dave import SILENCE, DaveError, Verdict, decrypt, is_sealed
from bot.voice.events import Joined, Left, Unheard, VoiceEvent
from bot.voice.hold import Hold
from bot.voice.keys import Keys as Keys
from bot.voice.rtp import OPUS_PAYLOAD_TYPE, InvalidDatagramError, Packet, RtpHeader, parse_header
from bot.voice.stats import ReceiveStats
from bot.voice.stream import Stream, judge_now
from bot.voice.transport import TransportCipher, TransportError, cipher_for
from bot.voice.watchdog import Alarm, Watchdog

Given = TypeVar("Given", Packet, float)

MAX_UNKNOWN_SSRCS = 32  # a full voice channel of 25 may be speaking when we join, each with frames held
NAME_AFTER = 25  # held frames of an unknown SSRC: half a second, after which op 5 is overdue
UNHEARD_AFTER = 25  # packets, half a second: a cough is nothing to ask anybody about
MAX_FAILURES = 36  # of one person in a row: what Discord's own clients tolerate, 0.7 s of speech


class ReceivePipeline:
    """Hears the people of one call who consented. `consented(user_id)` is asked for each packet."""

    def __init__(self, *, path: RatePath, keys: Keys, consented: Callable[[int], bool]) -> None:
        self.stats = ReceiveStats()
        self.watchdog = Watchdog()
        self._path = path
        self._keys = keys
        self._consented = consented
        self._cipher: tuple[str, bytes, TransportCipher] | None = None
        self._present: set[int] = set()
        self._users: dict[int, int] = {}  # SSRC -> user id
        self._streams: dict[int, Stream] = {}  # by SSRC
        self._unknown: dict[int, Hold] = {}  # by SSRC
        self._dropped: Counter[int] = Counter()  # packets with speech of people who may not be heard

    # -- what arrives

    def datagram(self, data: bytes, at: float) -> list[VoiceEvent]:
        """Take a datagram that arrived at `at`; nothing that a peer can send makes this raise."""
        self.stats.datagrams += 1
        try:
            header = parse_header(data)
        except InvalidDatagramError:
            self.stats.not_rtp += 1
            return []
        if header.payload_type != OPUS_PAYLOAD_TYPE:
            self.stats.other_media += 1
            return []
        payload = self._payload(data, header)
        user_id = self._users.get(header.ssrc)
        if payload != SILENCE and self._may_hear(user_id):
            self.watchdog.spoke(user_id, at, pending=self._keys.transition_pending)
        if payload is None:
            return []
        packet = Packet(header.sequence, header.timestamp, payload, at)
        if user_id is None:
            return self._keep_unknown(header.ssrc, packet)
        return self._hear(header.ssrc, user_id, packet)

    def speaking(self, user_id: int, ssrc: int, now: float) -> list[VoiceEvent]:
        """Take op 5: this SSRC is that person. What was held of it is heard now."""
        events = self.clients_connected([user_id], now)
        if self._users.get(ssrc) == user_id:
            return events
        for former in [known for known, user in self._users.items() if known == ssrc or user == user_id]:
            events += self._end(former)
        self._users[ssrc] = user_id
        self.watchdog.named()
        hold = self._unknown.pop(ssrc, Hold())
        self.stats.unmapped += len(hold.expire(now))
        for packet in hold.take_all():
            events += self._hear(ssrc, user_id, packet)
        return events

    def clients_connected(self, user_ids: Iterable[int], now: float) -> list[VoiceEvent]:
        """Take op 11: these people are in the channel."""
        new = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in self._present]
        self._present.update(new)
        return [Joined(user_id) for user_id in new]

    def client_disconnected(self, user_id: int, now: float) -> list[VoiceEvent]:
        """Take op 13: this person left. What was received of them and could be opened is still heard."""
        events: list[VoiceEvent] = []
        for ssrc in [ssrc for ssrc, user in self._users.items() if user == user_id]:
            events += self._end(ssrc)
        self.watchdog.left(user_id)
        self._dropped.pop(user_id, None)
        if user_id in self._present:
            self._present.remove(user_id)
            events.append(Left(user_id))
        return events

    def epoch_changed(self, now: float) -> list[VoiceEvent]:
        """Try held frames again: a commit or welcome was processed, or a transition executed."""
        streams = self._streams.values()
        return [event for stream in streams for event in self._heed(stream, stream.retry, now)]

    def consent_changed(self, user_id: int) -> None:
        """Drop all that is kept of a person who withdrew consent, unheard."""
        if self._consented(user_id):
            return
        self.watchdog.left(user_id)
        for ssrc in [ssrc for ssrc, stream in self._streams.items() if stream.user_id == user_id]:
            self.stats.dropped += len(self._streams.pop(ssrc))

    def reset(self) -> None:
        """Forget everyone: a new READY gives everyone a new SSRC, and op 11 tells anew who is there."""
        self.stats.dropped += sum(map(len, self._streams.values()))
        self.stats.unmapped += sum(map(len, self._unknown.values()))
        self._present.clear()
        self._users.clear()
        self._streams.clear()
        self._unknown.clear()
        self._dropped.clear()
        self.watchdog.reset()

    # -- what is due

    def deadline(self) -> float | None:
        """Return when `poll` has something to do next, or None."""
        due = [at for stream in self._streams.values() for at in stream.deadlines]
        due += [hold.deadline for hold in self._unknown.values()]
        return min((at for at in due if at is not None), default=None)

    def poll(self, now: float) -> list[VoiceEvent]:
        """End the waits that are over at `now`."""
        for ssrc, hold in list(self._unknown.items()):
            self.stats.unmapped += len(hold.expire(now))
            if not hold:
                del self._unknown[ssrc]
        streams = self._streams.values()
        return [event for stream in streams for event in self._heed(stream, stream.poll, now)]

    @property
    def wants_recovery(self) -> bool:
        """Whether somebody stays undecryptable although we are in the group: ask to be added anew (op 31).

        Counted by person: one whom we can hear must not hide that we are deaf to another.
        """
        deaf = any(stream.failures > MAX_FAILURES for stream in self._streams.values())
        return deaf and not self._keys.transition_pending

    def look(self, now: float) -> Alarm | None:
        """Return an alarm when it is time for one: nothing comes in, or the end-to-end group shuts us out."""
        session = self._keys.dave
        if self._keys.dave_version == 0 or (session is not None and session.ready):
            self.watchdog.inside()
        else:
            awaited = bool(self._present) and not self._keys.transition_pending
            self.watchdog.outside(now, awaited=awaited)
        return self.watchdog.look(now)

    def recovery_taken(self) -> None:
        """Count from 0 again: the recovery that was wanted is under way."""
        for stream in self._streams.values():
            stream.failures = 0

    # -- the way of a packet

    def _payload(self, data: bytes, header: RtpHeader) -> bytes | None:
        mode, key = self._keys.mode, self._keys.secret_key
        if mode is None or key is None:
            self.stats.no_key += 1
            return None
        try:
            plaintext = self._cipher_for(mode, key).open(data, header.size)
        except TransportError:
            self.stats.no_key += 1
            return None
        except InvalidDatagramError:
            self.stats.not_authentic += 1
            return None
        try:
            return header.payload(plaintext)
        except InvalidDatagramError:
            self.stats.malformed += 1
            return None

    def _cipher_for(self, mode: str, key: bytes) -> TransportCipher:
        if self._cipher is None or self._cipher[:2] != (mode, key):
            self._cipher = (mode, key, cipher_for(mode, key))
        return self._cipher[2]

    def _keep_unknown(self, ssrc: int, packet: Packet) -> list[VoiceEvent]:
        if judge_now(packet, self._keys) is Verdict.REFUSE:
            self.stats.plaintext += 1
            return []
        if ssrc not in self._unknown and len(self._unknown) >= MAX_UNKNOWN_SSRCS:
            self.stats.unmapped += len(self._unknown.pop(next(iter(self._unknown))))
        hold = self._unknown.setdefault(ssrc, Hold())
        if packet.sequence in hold:
            self.stats.duplicate += 1
            return []
        self.stats.held += 1
        self.stats.unmapped += len(hold.add(packet))
        overdue = len(hold) >= NAME_AFTER and len(hold) % NAME_AFTER == 0
        return self._find_name(ssrc, hold, packet.at) if overdue else []

    def _hear(self, ssrc: int, user_id: int, packet: Packet) -> list[VoiceEvent]:
        if not self._consented(user_id):
            return self._drop(user_id, packet)
        stream = self._streams.get(ssrc)
        if stream is None:
            stream = Stream(user_id, decoder=self._path.decoder(), keys=self._keys, stats=self.stats)
            self._streams[ssrc] = stream
        return self._heed(stream, stream.receive, packet)

    def _drop(self, user_id: int, packet: Packet) -> list[VoiceEvent]:
        """Drop speech of a person who may not be heard, and tell of it now and then."""
        self.stats.unconsented += 1
        if packet.payload == SILENCE:
            return []
        self._dropped[user_id] += 1
        return [] if self._dropped[user_id] % UNHEARD_AFTER else [Unheard(user_id)]

    def _heed(
        self, stream: Stream, step: Callable[[Given], list[VoiceEvent]], given: Given
    ) -> list[VoiceEvent]:
        """Let a stream go on, and tell the watchdog what became of it in the decoder."""
        heard, undecodable = self.stats.heard, self.stats.undecodable
        events = step(given)
        if self.stats.heard > heard:
            self.watchdog.heard(stream.user_id, given.at if isinstance(given, Packet) else given)
        elif self.stats.undecodable > undecodable:
            self.watchdog.undecodable(stream.user_id)
        return events

    def _may_hear(self, user_id: int | None) -> bool:
        """Whether a person may be heard; an unknown one, if all may to whom the SSRC can belong."""
        if user_id is not None:
            return self._consented(user_id)
        suspects = self._suspects()
        return bool(suspects) and all(map(self._consented, suspects))

    def _suspects(self) -> set[int]:
        """Return who may be behind an SSRC without a name: who has none yet, else anybody with a new one."""
        return self._present - set(self._users.values()) or self._present

    def _find_name(self, ssrc: int, hold: Hold, now: float) -> list[VoiceEvent]:
        """Find out whose frames these are by the key that opens one: op 5 was lost, or is not sent again.

        Only the keys of people who consented are tried. The frame that opens is lost, since davey opens none
        twice.
        """
        sealed = hold.first_of(lambda packet: is_sealed(packet.payload))
        if sealed is None or self._keys.dave_version == 0:
            return []
        for user_id in sorted(filter(self._consented, self._suspects())):
            try:
                decrypt(self._keys.dave, user_id, sealed.payload)
            except DaveError:
                continue
            hold.remove(sealed)
            self.stats.dropped += 1
            self.stats.named += 1
            return self.speaking(user_id, ssrc, now)
        return []

    def _end(self, ssrc: int) -> list[VoiceEvent]:
        """Forget an SSRC; what waits in its jitter buffer is heard, what is still sealed is not."""
        self._users.pop(ssrc, None)
        stream = self._streams.pop(ssrc, None)
        return stream.end() if stream is not None else []
