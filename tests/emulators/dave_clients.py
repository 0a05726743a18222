"""Two kinds of DAVE clients without any I/O, and a call in which messages take their time, by seed."""

import datetime
import json
import random
import struct
from collections import deque
from typing import Any, Protocol

import dave
import davey

from bot.emulators.discord.knobs import DaveKnobs
from bot.emulators.discord.voice.delivery import DeliveryService
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.external_sender import ExternalSender
from bot.emulators.discord.voice.messages import Op, Outgoing

CHANNEL = 4242
SSRC = 1
Reply = tuple[Op, dict[str, Any] | bytes]


class DaveClient(Protocol):
    """What a call needs of a client; `receive` returns what it answers."""

    user_id: int
    max_version: int
    invalid: int
    """How often it said op 31."""

    def session_description(self, version: int) -> list[Reply]: ...
    def receive(self, op: Op, data: Any) -> list[Reply]: ...
    def authenticator(self) -> bytes | None: ...
    def encrypt(self, frame: bytes) -> bytes: ...
    def decrypt(self, user_id: int, frame: bytes) -> bytes | None: ...


class DaveyClient:
    """A client as discord.py is one, on davey (openmls)."""

    def __init__(self, user_id: int, max_version: int = 1) -> None:
        self.user_id = user_id
        self.max_version = max_version
        self.version = 0
        self.invalid = 0
        self.session: davey.DaveSession | None = None
        self._pending: dict[int, int] = {}

    def session_description(self, version: int) -> list[Reply]:
        self.version = version
        return self._init() if version else []

    def _init(self) -> list[Reply]:
        if self.session is None:
            self.session = davey.DaveSession(self.version, self.user_id, CHANNEL)
        else:
            self.session.reinit(self.version, self.user_id, CHANNEL)
        return [(Op.KEY_PACKAGE, self.session.get_serialized_key_package())]

    def receive(self, op: Op, data: Any) -> list[Reply]:
        if op is Op.PREPARE_EPOCH:
            self.version = data["protocol_version"]
            return self._init()
        if op is Op.PREPARE_TRANSITION:
            self._pending[data["transition_id"]] = data["protocol_version"]
            return self._ready(data["transition_id"])
        if op is Op.EXECUTE_TRANSITION:
            self.version = self._pending.pop(data["transition_id"], self.version)
        if self.session is None or not isinstance(data, bytes):
            return []
        if op is Op.EXTERNAL_SENDER:
            self.session.set_external_sender(data)
        if op is Op.PROPOSALS:
            return self._propose(data)
        if op in (Op.ANNOUNCE_COMMIT, Op.WELCOME):
            return self._commit(op, struct.unpack(">H", data[:2])[0], data[2:])
        return []

    def _propose(self, data: bytes) -> list[Reply]:
        assert self.session is not None
        kinds = (davey.ProposalsOperationType.append, davey.ProposalsOperationType.revoke)
        try:
            made = self.session.process_proposals(kinds[data[0]], data[1:])
        except ValueError:
            return []  # of an epoch that this client is not in
        return [(Op.COMMIT_WELCOME, made.commit + (made.welcome or b""))] if made else []

    def _commit(self, op: Op, transition_id: int, body: bytes) -> list[Reply]:
        assert self.session is not None
        try:
            if op is Op.WELCOME:
                self.session.process_welcome(body)
            else:
                self.session.process_commit(body)
        except ValueError:
            self.invalid += 1
            return [(Op.INVALID_COMMIT_WELCOME, {"transition_id": transition_id}), *self._init()]
        self._pending[transition_id] = self.version
        return self._ready(transition_id)

    def _ready(self, transition_id: int) -> list[Reply]:
        if transition_id == 0:
            self.version = self._pending.pop(0)
            return []
        return [(Op.TRANSITION_READY, {"transition_id": transition_id})]

    def authenticator(self) -> bytes | None:
        return self.session.get_epoch_authenticator() if self.session else None

    def encrypt(self, frame: bytes) -> bytes:
        assert self.session is not None
        return self.session.encrypt_opus(frame)

    def decrypt(self, user_id: int, frame: bytes) -> bytes | None:
        assert self.session is not None
        return self.session.decrypt(user_id, davey.MediaType.audio, frame)


class LibdaveClient:
    """A client on Discord's own C++ implementation (mlspp), which recognizes whom op 11 announced."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.max_version = 1
        self.invalid = 0
        self.recognized = {str(user_id)}
        self.session = dave.Session(lambda source, reason: None)
        self._key = dave.SignatureKeyPair.generate(1)
        self._decryptors: dict[int, Any] = {}
        self._encryptor = dave.Encryptor()
        self._encryptor.assign_ssrc_to_codec(SSRC, dave.Codec.opus)

    def session_description(self, version: int) -> list[Reply]:
        return self._init() if version else []

    def _init(self) -> list[Reply]:
        self.session.init(1, CHANNEL, str(self.user_id), self._key)
        package = self.session.get_marshalled_key_package()
        assert package is not None
        return [(Op.KEY_PACKAGE, package)]

    def receive(self, op: Op, data: Any) -> list[Reply]:
        if op is Op.CLIENTS_CONNECT:
            self.recognized |= set(data["user_ids"])
        if op is Op.CLIENT_DISCONNECT:
            self.recognized.discard(data["user_id"])
        if op is Op.PREPARE_EPOCH:
            return self._init()
        if op is Op.PREPARE_TRANSITION and data["transition_id"]:
            return [(Op.TRANSITION_READY, {"transition_id": data["transition_id"]})]
        if op is Op.EXTERNAL_SENDER:
            self.session.set_external_sender(data)
        if op is Op.PROPOSALS:
            made = self.session.process_proposals(data, self.recognized)
            return [(Op.COMMIT_WELCOME, bytes(made))] if made else []
        if op in (Op.ANNOUNCE_COMMIT, Op.WELCOME):
            return self._commit(op, struct.unpack(">H", data[:2])[0], data[2:])
        return []

    def _commit(self, op: Op, transition_id: int, body: bytes) -> list[Reply]:
        if op is Op.WELCOME:
            roster = self.session.process_welcome(body, self.recognized)
        else:
            roster = self.session.process_commit(body)
        if roster is dave.RejectType.ignored:
            return []
        if not isinstance(roster, dict):
            self.invalid += 1
            return [(Op.INVALID_COMMIT_WELCOME, {"transition_id": transition_id}), *self._init()]
        return [(Op.TRANSITION_READY, {"transition_id": transition_id})] if transition_id else []

    def authenticator(self) -> bytes | None:
        value = self.session.get_last_epoch_authenticator()
        return bytes(value) if value else None

    def encrypt(self, frame: bytes) -> bytes:
        self._encryptor.set_key_ratchet(self.session.get_key_ratchet(str(self.user_id)))
        sealed = self._encryptor.encrypt(dave.MediaType.audio, SSRC, frame)
        assert sealed is not None
        return bytes(sealed)

    def decrypt(self, user_id: int, frame: bytes) -> bytes | None:
        decryptor = self._decryptors.setdefault(user_id, dave.Decryptor())
        ratchet = self.session.get_key_ratchet(str(user_id))
        assert ratchet is not None
        decryptor.transition_to_key_ratchet(ratchet, datetime.timedelta(seconds=10))
        opened = decryptor.decrypt(dave.MediaType.audio, frame)
        return bytes(opened) if opened else None


class SimulatedCall:
    """A delivery service and clients; each direction of a client keeps its order, all else is by dice."""

    def __init__(self, seed: int = 0, knobs: DaveKnobs | None = None) -> None:
        self.now = 0.0
        self.knobs = knobs or DaveKnobs()
        self.service = DeliveryService(CHANNEL, ExternalSender(), self.knobs)
        self.clients: dict[int, DaveClient] = {}
        self.refused: list[str] = []
        self.sent: list[Outgoing] = []
        self._dice = random.Random(seed)
        self._down: dict[int, deque[tuple[Op, Any]]] = {}
        self._up: dict[int, deque[Reply]] = {}

    def join(self, client: DaveClient) -> None:
        user_id = client.user_id
        version = self.service.version_with(client.max_version)
        others = [str(other) for other in self.clients]
        for other in self.clients:
            self._down[other].append((Op.CLIENTS_CONNECT, {"user_ids": [str(user_id)]}))
        self.clients[user_id] = client
        self._down[user_id] = deque([(Op.CLIENTS_CONNECT, {"user_ids": others})])
        self._up[user_id] = deque(client.session_description(version))
        self._send(self.service.joined(user_id, client.max_version, self.now))

    def leave(self, user_id: int) -> None:
        del self.clients[user_id], self._down[user_id], self._up[user_id]
        for other in self.clients:
            self._down[other].append((Op.CLIENT_DISCONNECT, {"user_id": str(user_id)}))
        self._send(self.service.left(user_id, self.now))

    def say(self, user_id: int, *replies: Reply) -> None:
        self._up[user_id].extend(replies)

    def step(self) -> bool:
        """Deliver one message, up or down; False when all is quiet."""
        busy = [(lane, user) for lane in (self._down, self._up) for user, queue in lane.items() if queue]
        if not busy:
            return False
        lane, user = self._dice.choice(busy)
        op, data = lane[user].popleft()
        if lane is self._down:
            self._up[user].extend(self.clients[user].receive(op, data))
        else:
            self._serve(user, op, data)
        return True

    def deliver_first(self, user_id: int) -> None:
        """Deliver all that is on its way to a client, and then what it says to that."""
        while self._down[user_id]:
            self._up[user_id].extend(self.clients[user_id].receive(*self._down[user_id].popleft()))
        while self._up[user_id]:
            self._serve(user_id, *self._up[user_id].popleft())

    def settle(self) -> None:
        """Deliver until all is quiet, time-outs included."""
        for _ in range(20):
            while self.step():
                pass
            self.now += self.knobs.transition_timeout_s
            self._send(self.service.poll(self.now))
            if not any(self._down.values()):
                return
        raise AssertionError("the call never becomes quiet")

    def _serve(self, user: int, op: Op, data: Any) -> None:
        try:
            if op is Op.KEY_PACKAGE:
                self._send(self.service.key_package(user, data))
            elif op is Op.COMMIT_WELCOME:
                self._send(self.service.commit_welcome(user, data, self.now))
            elif op is Op.TRANSITION_READY:
                self._send(self.service.transition_ready(user, data["transition_id"]))
            elif op is Op.INVALID_COMMIT_WELCOME:
                self._send(self.service.invalid(user))
        except RefusedError as error:
            self.refused.append(str(error))

    def _send(self, messages: list[Outgoing]) -> None:
        for message in messages:
            json.dumps(message.data if isinstance(message.data, dict) else None)
            self.sent.append(message)
            self._down[message.user_id].append((message.op, message.data))

    def assert_agreed(self) -> None:
        """Everyone is in one group, and hears everyone else."""
        if len(self.clients) < 2:
            return
        assert sorted(self.service.group.staying) == sorted(self.clients)
        assert not self.service.group.proposals
        authenticators = {client.authenticator() for client in self.clients.values()}
        assert len(authenticators) == 1 and None not in authenticators
        for speaker in self.clients.values():
            frame = bytes(self._dice.randrange(256) for _ in range(60))
            sealed = speaker.encrypt(frame)
            assert sealed != frame and sealed.endswith(b"\xfa\xfa")
            for listener in self.clients.values():
                if listener is not speaker:
                    assert listener.decrypt(speaker.user_id, sealed) == frame
