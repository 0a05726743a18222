"""A call without sockets, for the tests of the receive side: people who send, and the keys of one who hears.

The voice server's part is the emulator's (its transport code and its delivery service), so what is tested
meets another implementation than itself.
"""

import os
from collections import deque
from dataclasses import dataclass, field

import davey
import numpy as np

from bot.audio.opus import Encoder
from bot.audio.ratepath import rate_path
from bot.emulators.discord.knobs import DaveKnobs
from bot.emulators.discord.voice.delivery import DeliveryService
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.messages import Op, Outgoing
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.discord.voice.transport import AES, Transport
from bot.voice.events import Heard, VoiceEvent
from bot.voice.receive import ReceivePipeline

CHANNEL = 7_000
BOT, ANN, BEN, CAT = 100, 201, 202, 203
SILENCE = bytes.fromhex("f8fffe")
FRAME_S = 0.02


@dataclass
class LiveKeys:
    """What a connection holds, to be changed in mid-call as a test likes."""

    mode: str | None = AES
    secret_key: bytes | None = field(default_factory=lambda: os.urandom(32))
    dave_version: int = 0
    dave: davey.DaveSession | None = None
    transition_pending: bool = False


def tone(hz: float, frames: int, *, frame_ms: int = 20, channels: int = 1, fec: bool = False) -> list[bytes]:
    """Return Opus packets of a loud tone, as a client would encode it from 48 kHz."""
    size = 48 * frame_ms
    wave = np.sin(2 * np.pi * hz * np.arange(size * frames) / 48_000) * 10_000
    pcm = np.repeat(wave.astype(np.int16), channels).tobytes()
    if fec:
        encoder = Encoder(
            48_000, channels, bitrate=32_000, fec=True, loss_percent=20, application="voip", signal="voice"
        )
    else:
        encoder = Encoder(48_000, channels)
    step = 2 * size * channels
    return [encoder.encode(pcm[at : at + step]) for at in range(0, len(pcm), step)]


class Line:
    """The way from the voice server to the one who hears: transport encryption with the keys' key."""

    def __init__(self, keys: LiveKeys) -> None:
        assert keys.mode and keys.secret_key
        self._transport = Transport(keys.mode, keys.secret_key)

    def datagram(
        self,
        ssrc: int,
        sequence: int,
        timestamp: int,
        payload: bytes,
        *,
        extension_words: int | None = None,
        csrcs: int = 0,
        padding: bytes = b"",
        payload_type: int = 120,
    ) -> bytes:
        """Return a whole datagram; `padding` is sent as it is, right or wrong."""
        header = RtpHeader(
            sequence & 0xFFFF,
            timestamp & 0xFFFF_FFFF,
            ssrc,
            payload_type=payload_type,
            padding=bool(padding),
            csrcs=os.urandom(4 * csrcs),
            extension_words=extension_words,
        )
        body = os.urandom(4 * (extension_words or 0))
        return self._transport.seal(header.serialize(), body + payload + padding)


@dataclass
class Talker:
    """One person's sending side: numbers its packets, and encrypts them if it has a session."""

    line: Line
    ssrc: int
    session: davey.DaveSession | None = None
    sequence: int = 65_530
    """Wraps early, so that every test crosses the wrap."""
    timestamp: int = 0xFFFF_F000

    def say(self, packet: bytes, *, samples: int = 960) -> bytes:
        """Return the datagram of the next packet of `samples` at 48 kHz."""
        payload = packet
        if self.session is not None and packet != SILENCE:
            payload = self.session.encrypt_opus(packet)
        return self.raw(payload, samples=samples)

    def raw(self, payload: bytes, *, samples: int = 960) -> bytes:
        """Return the next datagram with exactly this payload."""
        self.sequence += 1
        self.timestamp += samples
        return self.line.datagram(self.ssrc, self.sequence, self.timestamp - samples, payload)

    def speak(self, packets: list[bytes]) -> list[bytes]:
        """Return the datagrams of many packets of 20 ms."""
        return [self.say(packet) for packet in packets]


@dataclass
class Ear:
    """A pipeline with what came out of it, fed in steps of 20 ms."""

    keys: LiveKeys
    unwilling: set[int] = field(default_factory=set)
    now: float = 1000.0
    events: list[VoiceEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pipeline = ReceivePipeline(
            path=rate_path("native"), keys=self.keys, consented=lambda user: user not in self.unwilling
        )

    def hear(self, datagrams: list[bytes], *, step_s: float = FRAME_S) -> None:
        """Let datagrams arrive one after another, each wait over in between being ended in time."""
        for datagram in datagrams:
            self.events += self.pipeline.datagram(datagram, self.now)
            self.wait(step_s)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while (deadline := self.pipeline.deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.events += self.pipeline.poll(self.now)
        self.now = end

    def maps(self, user_id: int, ssrc: int) -> None:
        """Learn by op 5 who an SSRC is."""
        self.events += self.pipeline.speaking(user_id, ssrc, self.now)

    def heard(self, user_id: int) -> list[Heard]:
        """Return what was heard of a person."""
        return [event for event in self.events if isinstance(event, Heard) and event.user_id == user_id]

    def seconds(self, user_id: int) -> float:
        """Return for how long a person was heard."""
        return sum(event.pcm.size for event in self.heard(user_id)) / 16_000


@dataclass
class _Client:
    session: davey.DaveSession
    version: int
    pending: dict[int, int] = field(default_factory=dict)
    inbox: deque[Outgoing] = field(default_factory=deque)
    paused: bool = False


class Room:
    """An encrypted call: davey sessions, and the delivery service between them."""

    def __init__(self) -> None:
        self.service = DeliveryService(CHANNEL, ExternalSender(), DaveKnobs())
        self.clients: dict[int, _Client] = {}
        self._now = 0.0

    def join(self, user_id: int, *, max_version: int = 1, paused: bool = False) -> davey.DaveSession:
        """Let a client join, and everything that follows happen; to a paused one messages wait."""
        version = self.service.version_with(max_version)
        client = _Client(davey.DaveSession(max(1, version), user_id, CHANNEL), version, paused=paused)
        self.clients[user_id] = client
        messages = self.service.joined(user_id, max_version, self._now)
        if version:  # a client answers op 4 with its key package before it reads on
            messages += self.service.key_package(user_id, client.session.get_serialized_key_package())
        self._deliver(messages)
        return client.session

    def leave(self, user_id: int) -> None:
        """Let a client leave."""
        del self.clients[user_id]
        self._deliver(self.service.left(user_id, self._now))

    def session(self, user_id: int) -> davey.DaveSession:
        """Return a client's session."""
        return self.clients[user_id].session

    def pause(self, user_id: int) -> None:
        """Let the messages to a client wait."""
        self.clients[user_id].paused = True

    def resume(self, user_id: int) -> None:
        """Deliver what waited."""
        self.clients[user_id].paused = False
        self._deliver([])

    def show(self, user_id: int, keys: LiveKeys) -> None:
        """Let keys say what a client holds now."""
        client = self.clients[user_id]
        keys.dave, keys.dave_version = client.session, client.version
        keys.transition_pending = bool(client.pending)

    def _deliver(self, messages: list[Outgoing]) -> None:
        self._post(messages)
        while ready := [each for each in self.clients.items() if each[1].inbox and not each[1].paused]:
            user_id, client = ready[0]
            self._post(self._handle(user_id, client, client.inbox.popleft()))

    def _post(self, messages: list[Outgoing]) -> None:
        for message in messages:
            if message.user_id in self.clients:
                self.clients[message.user_id].inbox.append(message)

    def _handle(self, user_id: int, client: _Client, message: Outgoing) -> list[Outgoing]:
        data = message.data
        if isinstance(data, bytes):
            return self._handle_binary(user_id, client, message.op, data)
        match message.op:
            case Op.PREPARE_TRANSITION:
                return self._prepare(user_id, client, data["transition_id"], data["protocol_version"])
            case Op.EXECUTE_TRANSITION:
                client.version = client.pending.pop(data["transition_id"], client.version)
            case Op.PREPARE_EPOCH if data["epoch"] == 1:
                client.version = data["protocol_version"]
                client.session.reinit(client.version, user_id, CHANNEL)
                return self.service.key_package(user_id, client.session.get_serialized_key_package())
        return []

    def _prepare(self, user_id: int, client: _Client, transition_id: int, version: int) -> list[Outgoing]:
        if not transition_id:
            client.version = version
            return []
        client.pending[transition_id] = version
        return self.service.transition_ready(user_id, transition_id)

    def _handle_binary(self, user_id: int, client: _Client, op: Op, data: bytes) -> list[Outgoing]:
        session = client.session
        if op is Op.EXTERNAL_SENDER:
            session.set_external_sender(data)
            return []
        if op is Op.PROPOSALS:
            kind = davey.ProposalsOperationType.revoke if data[0] else davey.ProposalsOperationType.append
            made = session.process_proposals(kind, data[1:])
            if made is None or self._committed(session):
                return []
            return self.service.commit_welcome(user_id, made.commit + (made.welcome or b""), self._now)
        process = session.process_commit if op is Op.ANNOUNCE_COMMIT else session.process_welcome
        process(data[2:])
        return self._prepare(user_id, client, int.from_bytes(data[:2], "big"), client.version)

    def _committed(self, session: davey.DaveSession) -> bool:
        """Whether another's commit of this epoch was first: the server would refuse one more."""
        return self.service.group.epoch != (session.epoch or 0)
