"""Datagrams of all kinds against the receive pipeline, with real keys: about half are well-formed speech.

Ann and Ben speak as clients do. The impostor is in the call and has consented, and somebody who holds the
transport's key sends in their name: plaintext, others' frames, broken frames. Where the call is end-to-end
encrypted all the time nothing of that may ever be heard, and nothing of Ann's twice.
"""

import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from fuzz_engine import Broken, Target
from fuzz_inputs import mangled, rubbish

from bot.audio.ratepath import rate_path
from bot.voice.events import Heard, VoiceEvent
from bot.voice.hold import HOLD_FRAMES
from bot.voice.jitter import WINDOW
from bot.voice.receive import MAX_UNKNOWN_SSRCS, ReceivePipeline
from bot.voice.rtp import build_header
from bot.voice.transport import MODES

sys.path.append(str(Path(__file__).parents[1] / "voice"))
from voice_room import ANN, BEN, BOT, SILENCE, Line, LiveKeys, Room, Talker, tone

IMPOSTOR, GUEST = 666, 204
SSRCS = {ANN: 11, BEN: 12, IMPOSTOR: 13, GUEST: 14}
KEPT = 64  # datagrams that are sent again, as they were or mutated
MOST_POLLS = 200  # at one time: one wait that is over may show another, for each frame that is kept
LONGEST = 1920  # samples at 16 kHz: 120 ms, the longest packet that Opus knows


class Datagrams(Target):
    """The pipeline of one call. In a `steady` one encryption is on and stays so."""

    def __init__(self, dice: Random, *, steady: bool) -> None:
        super().__init__(dice)
        self.name = "datagrams, encrypted" if steady else "datagrams, changing"
        self.steady = steady
        self._packets = [
            packet
            for frame_ms, channels, fec in ((20, 2, False), (20, 1, True), (10, 1, False), (60, 2, False))
            for packet in tone(300 + 10 * frame_ms, 40, frame_ms=frame_ms, channels=channels, fec=fec)
        ]
        self.room = Room()
        for user_id in (ANN, BEN, IMPOSTOR, BOT):
            self.room.join(user_id)
        self.keys = LiveKeys(mode=MODES[0], secret_key=dice.randbytes(32))
        self.room.show(BOT, self.keys)
        self.line = Line(self.keys)
        self.unwilling: set[int] = set()
        self.pipeline = ReceivePipeline(
            path=rate_path("native"), keys=self.keys, consented=lambda user: user not in self.unwilling
        )
        self.talkers = {user: Talker(self.line, SSRCS[user], self.room.session(user)) for user in (ANN, BEN)}
        self.now = 1000.0
        self._kept: deque[bytes] = deque(maxlen=KEPT)
        self._late: list[bytes] = []
        self._sealed = [b"sealed\xfa\xfa"]
        self._sent: Counter[int] = Counter()
        self._heard: Counter[int] = Counter()
        self._inputs = 0
        self._kinds: list[Callable[[], bytes]] = []
        for kind, weight in (
            (self._speech, 46), (self._again, 5), (self._mutated, 10), (self._random, 5), (self._headed, 3),
            (self._other_media, 2), (self._broken_inside, 19), (self._forged, 6), (self._stranger, 4),
        ):  # fmt: skip
            self._kinds += [kind] * weight
        self._map_all()

    def run(self, count: int) -> None:
        """Give so many datagrams, and now and then word from the gateway."""
        for _ in range(count):
            if self.dice.random() < 0.02:
                self._gateway()
            self.last = self.dice.choice(self._kinds)()
            self._inputs += 1
            if self.dice.random() < 0.7:
                self._pass_time()
            at = self.now - self.dice.choice((0.0, 0.0, 0.0, 0.003, 0.5))
            self._take(self.pipeline.datagram(self.last, at))
            if len(self.last) < 2_000:
                self._kept.append(self.last)

    # -- what is sent

    def _talker(self) -> Talker:
        return self.talkers[self.dice.choice((ANN, ANN, BEN))]

    def _speech(self) -> bytes:
        """Return the next of somebody's speech; some goes lost, and some comes later."""
        if self._late and self.dice.random() < 0.3:
            return self._late.pop(self.dice.randrange(len(self._late)))
        talker = self._talker()
        user = next(user for user, each in self.talkers.items() if each is talker)
        packet = SILENCE if self.dice.random() < 0.05 else self.dice.choice(self._packets)
        self._sent[user] += packet != SILENCE
        made = talker.say(packet)
        chance = self.dice.random()
        if chance < 0.04:
            self._sealed[0] = made
            if len(self._late) < 8:
                self._late.append(made)
                return rubbish(self.dice, 40)
        return made

    def _again(self) -> bytes:
        return self.dice.choice(self._kept) if self._kept else b""

    def _mutated(self) -> bytes:
        return mangled(self._again(), self.dice)

    def _random(self) -> bytes:
        return rubbish(self.dice, 1_500)

    def _headed(self) -> bytes:
        header = build_header(self.dice.randrange(65_536), self.dice.randrange(2**32), self._ssrc())
        return bytes([header[0] ^ self.dice.randrange(64)]) + header[1:] + rubbish(self.dice, 200)

    def _other_media(self) -> bytes:
        match self.dice.randrange(4):
            case 0:  # RTCP
                return b"\x81\xc9" + rubbish(self.dice, 60)
            case 1:  # a discovery reply
                return struct.pack(">HHI64sH", 2, 70, self._ssrc(), b"203.0.113.7", 50_000)
            case 2:  # the echo of a keepalive
                return struct.pack("<Q", self._inputs)
        return self.line.datagram(self._ssrc(), 1, 1, rubbish(self.dice, 900), payload_type=101)

    def _broken_inside(self) -> bytes:
        """Return what the transport vouches for, and nobody else."""
        talker = self._talker()
        near = talker.sequence + self.dice.choice((-200, -3, -1, 0, 0, 1, 1, 2, 3, 70, 3_100))
        return self.line.datagram(
            self._ssrc(),
            near if self.dice.random() < 0.9 else self.dice.randrange(65_536),
            self.dice.choice((talker.timestamp, talker.timestamp + 960, self.dice.randrange(2**32))),
            self._payload(),
            extension_words=self.dice.choice((None, None, 0, 1, 3, 40)),
            csrcs=self.dice.choice((0, 0, 0, 1, 15)),
            padding=self.dice.choice((b"", b"", b"\0", b"\1", b"\0\2", b"\xff", bytes(254) + b"\xff")),
        )

    def _payload(self) -> bytes:
        packet = self.dice.choice(self._packets)
        match self.dice.randrange(8):
            case 0:
                return b""
            case 1:
                return packet
            case 2:
                return mangled(packet, self.dice)
            case 3:
                return bytes([self.dice.randrange(256)]) + rubbish(self.dice, 1_300)
            case 4:  # looks encrypted, and is not
                return rubbish(self.dice, 200) + bytes([self.dice.randrange(256)]) + b"\xfa\xfa"
            case 5:
                return mangled(self.room.session(ANN).encrypt_opus(packet), self.dice) + b"\xfa\xfa"
            case 6:
                return self._with_nonce(self.room.session(ANN).encrypt_opus(packet))
        return SILENCE

    def _with_nonce(self, sealed: bytes) -> bytes:
        """Return an encrypted frame whose trailer tells another nonce: a key of long ago, or far ahead."""
        nonce = self.dice.choice(
            (b"\0", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x08", self.dice.randbytes(5))
        )
        body = sealed[: -sealed[-3]] + self.dice.randbytes(8) + nonce
        return body + bytes([len(nonce) + 11 + self.dice.choice((0, 0, 1))]) + b"\xfa\xfa"

    def _forged(self) -> bytes:
        """Return what somebody else says in the impostor's name."""
        packet = self.dice.choice(self._packets)
        payload = packet if self.dice.random() < 0.5 else self.room.session(ANN).encrypt_opus(packet)
        if self.dice.random() < 0.2:
            payload = mangled(payload, self.dice)
        return self.line.datagram(SSRCS[IMPOSTOR], self._inputs, 960 * self._inputs, payload)

    def _stranger(self) -> bytes:
        ssrc = self.dice.randrange(1_000, 1_200)
        return self.line.datagram(ssrc, self.dice.randrange(400), self._inputs, self._payload())

    def _ssrc(self) -> int:
        return self.dice.choice((*SSRCS.values(), *SSRCS.values(), 0, 2**32 - 1, self.dice.randrange(2**32)))

    # -- what else happens

    def _map_all(self) -> None:
        for user, ssrc in SSRCS.items():
            self._take(self.pipeline.speaking(user, ssrc, self.now))

    def _gateway(self) -> None:
        user = self.dice.choice(list(SSRCS))
        if self.keys.secret_key is None:
            self._change_transport_key()
        match self.dice.randrange(14):
            case 0:
                self._take(self.pipeline.client_disconnected(user, self.now))
            case 1:
                self._take(self.pipeline.clients_connected([*SSRCS, user], self.now))
            case 2:
                self.unwilling ^= {user}
                self.pipeline.consent_changed(user)
            case 3:
                self.pipeline.reset()
            case 4 if not self.steady:
                self.keys.transition_pending = not self.keys.transition_pending
            case 5 if not self.steady:
                self.keys.dave_version ^= 1
            case 6:
                self._change_transport_key()
            case 7:
                self._change_members()
            case 8 if not self.steady:  # somebody else's SSRC; forged frames are then under a name of ours
                self._take(self.pipeline.speaking(user, self._ssrc(), self.now))
            case 9:
                self.unwilling.clear()
            case 10:
                self.keys.dave = None if self.dice.random() < 0.3 else self.room.session(BOT)
            case 11 if self.pipeline.wants_recovery:
                self.pipeline.recovery_taken()
            case _:
                self._map_all()
        self._take(self.pipeline.epoch_changed(self.now))

    def _change_transport_key(self) -> None:
        if self.keys.secret_key is not None and self.dice.random() < 0.3:
            self.keys.secret_key = None
            return
        self.keys.mode, self.keys.secret_key = self.dice.choice(MODES), self.dice.randbytes(32)
        self.line = Line(self.keys)
        for talker in self.talkers.values():
            talker.line = self.line

    def _change_members(self) -> None:
        if self.dice.random() < 0.95:  # davey keeps 2 kB of each epoch, which would look like growth
            return
        if GUEST in self.room.clients:
            self.room.leave(GUEST)
        else:
            self.room.join(GUEST)
        self.keys.dave = self.room.session(BOT)

    def _pass_time(self) -> None:
        end = self.now + self.dice.choice((0.0, 0.001, 0.01, 0.02, 0.02, 0.04, 0.07))
        if self.dice.random() < 0.002:
            end += 3.0
        polls = 0
        while (due := self.pipeline.deadline()) is not None and due <= end:
            polls = 0 if due > self.now else polls + 1
            if polls > MOST_POLLS:
                raise Broken(f"at {self.now} something stays due at {due}: the timer would spin")
            self.now = max(self.now, due)
            self._take(self.pipeline.poll(self.now))
        self.now = end

    def _take(self, events: list[VoiceEvent]) -> None:
        for event in events:
            if not isinstance(event, Heard):
                continue
            if not 0 < event.pcm.size <= LONGEST:
                raise Broken(f"heard {event.pcm.size} samples at once")
            self._heard[event.user_id] += not event.concealed
            if self.steady and event.user_id == IMPOSTOR and not event.concealed:
                raise Broken("heard what the impostor never said")

    # -- what must stay bounded

    def sizes(self) -> Mapping[str, int]:
        """Return what is kept; more heard of somebody than they said is a replay."""
        if self.steady and any(self._heard[user] > self._sent[user] for user in SSRCS):
            raise Broken(f"heard {self._heard}, said {self._sent}")
        pipeline = self.pipeline
        per_stream = max(map(len, pipeline._streams.values()), default=0)
        sizes = {
            "strangers": len(pipeline._unknown),
            "frames of a stranger": max(map(len, pipeline._unknown.values()), default=0),
            "frames of a person": per_stream,
            "streams": len(pipeline._streams),
            "people": len(pipeline._present),
            "SSRCs": len(pipeline._users),
        }
        bounds = (MAX_UNKNOWN_SSRCS, HOLD_FRAMES, HOLD_FRAMES + WINDOW, len(SSRCS), len(SSRCS), len(SSRCS))
        for (what, size), bound in zip(sizes.items(), bounds, strict=True):
            if size > bound:
                raise Broken(f"{size} {what}")
        return sizes

    def tally(self) -> Mapping[str, int]:
        """Return the pipeline's own counters."""
        return {name: count for name, count in self.pipeline.stats.as_dict().items() if count}
