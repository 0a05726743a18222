"""A client's half of DAVE, sans-I/O: messages of the voice gateway in, replies out.

Source: the DAVE protocol 1.1 (daveprotocol.com). Stricter than most clients: proposals that add someone who
is not in the call are refused, and plaintext is taken only where the call is unencrypted or changing over.
"""

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import davey

SILENCE = b"\xf8\xff\xfe"  # the one frame that DAVE lets pass unencrypted
_MARKER = b"\xfa\xfa"
_SMALLEST_SEALED = 12  # tag, nonce, size and marker
_NEW_GROUP = 1

Reply: TypeAlias = tuple[int, dict[str, Any] | bytes]
"""An opcode with JSON data, or with the body of a binary message."""


class UndecryptableError(Exception):
    """A frame that can't be opened; `early` says that a commit or welcome may still make it readable."""

    def __init__(self, reason: str, *, early: bool) -> None:
        super().__init__(reason)
        self.early = early


class DaveClient:
    """One person's end-to-end encryption in one voice channel."""

    def __init__(self, user_id: int, channel_id: int) -> None:
        self.user_id, self.channel_id = user_id, channel_id
        self.version = 0
        """What media is sent with now."""
        self.session: davey.DaveSession | None = None
        self.present: set[int] = {user_id}
        """Who is in the call, by ops 11 and 13."""
        self.recoveries = 0
        """How many commits or welcomes could not be processed."""
        self.ignored = 0
        """How many proposals were stale, or came before there was a group."""
        self._pending: dict[int, int] = {}
        self._prepared = 0
        self._json: dict[int, Callable[[dict[str, Any]], list[Reply]]] = {
            4: self._described,
            11: self._came,
            13: self._went,
            21: self._prepare_transition,
            22: self._execute,
            24: self._prepare_epoch,
        }
        self._binary: dict[int, Callable[[bytes], list[Reply]]] = {
            25: self._external_sender,
            27: self._proposals,
            29: self._commit,
            30: self._welcome,
        }

    @property
    def secured_with(self) -> set[int]:
        """Everyone in the group, this person included; empty while there is none."""
        if self.session is None or not self.session.ready:
            return set()
        return {int(user) for user in self.session.get_user_ids()}

    def json(self, op: int, data: dict[str, Any]) -> list[Reply]:
        """Take a JSON message; what is not about DAVE gives nothing."""
        handle = self._json.get(op)
        return handle(data) if handle else []

    def binary(self, op: int, body: bytes) -> list[Reply]:
        """Take a binary message, without its sequence number and opcode."""
        handle = self._binary.get(op)
        return handle(body) if handle else []

    def seal(self, packet: bytes) -> bytes | None:
        """Encrypt an Opus packet; None where that is due and not possible yet, so that it is not sent."""
        if packet == SILENCE or self.version == 0:
            return packet
        if self.session is None or not self.session.ready:
            return None
        return self.session.encrypt_opus(packet)

    def open(self, user_id: int, frame: bytes) -> bytes:
        """Decrypt a frame of a person; raise UndecryptableError."""
        if frame == SILENCE:
            return frame
        if len(frame) < _SMALLEST_SEALED or not frame.endswith(_MARKER):
            if self.version == 0 or 0 in self._pending.values():
                return frame
            raise UndecryptableError("plaintext in an encrypted call", early=False)
        if self.session is None or not self.session.ready:
            raise UndecryptableError("no group yet", early=True)
        try:
            return self.session.decrypt(user_id, davey.MediaType.audio, frame)
        except ValueError as error:  # davey has no narrower one
            raise UndecryptableError(str(error), early=True) from error

    def _described(self, data: dict[str, Any]) -> list[Reply]:
        self.version = self._prepared = int(data["dave_protocol_version"])
        self._pending.clear()
        return self._new_session()

    def _came(self, data: dict[str, Any]) -> list[Reply]:
        self.present |= {int(user) for user in data["user_ids"]}
        return []

    def _went(self, data: dict[str, Any]) -> list[Reply]:
        self.present.discard(int(data["user_id"]))
        return []

    def _prepare_epoch(self, data: dict[str, Any]) -> list[Reply]:
        if int(data["epoch"]) != _NEW_GROUP:
            return []
        self._prepared = int(data["protocol_version"])
        return self._new_session()

    def _prepare_transition(self, data: dict[str, Any]) -> list[Reply]:
        return self._await_transition(int(data["transition_id"]), int(data["protocol_version"]))

    def _await_transition(self, transition_id: int, version: int) -> list[Reply]:
        """Transition 0 is executed at once; any other when the server says so, after everyone is ready."""
        if transition_id == 0:
            self.version = version
            return []
        self._pending[transition_id] = version
        return [(23, {"transition_id": transition_id})]

    def _execute(self, data: dict[str, Any]) -> list[Reply]:
        self.version = self._pending.pop(int(data["transition_id"]), self.version)
        return []

    def _new_session(self) -> list[Reply]:
        if self._prepared == 0:
            return []
        if self.session is None:
            self.session = davey.DaveSession(self._prepared, self.user_id, self.channel_id)
        else:
            self.session.reinit(self._prepared, self.user_id, self.channel_id)
        return [(26, self.session.get_serialized_key_package())]

    def _external_sender(self, body: bytes) -> list[Reply]:
        if self.session is not None:
            self.session.set_external_sender(body)
        return []

    def _proposals(self, body: bytes) -> list[Reply]:
        if self.session is None:
            return []
        kind = davey.ProposalsOperationType.revoke if body[0] else davey.ProposalsOperationType.append
        try:
            made = self.session.process_proposals(kind, body[1:], sorted(self.present))
        except ValueError:  # stale or without a group: to be ignored, says the protocol
            self.ignored += 1
            return []
        return [(28, made.commit + (made.welcome or b""))] if made else []

    def _commit(self, body: bytes) -> list[Reply]:
        return self._advance(body, davey.DaveSession.process_commit)

    def _welcome(self, body: bytes) -> list[Reply]:
        return self._advance(body, davey.DaveSession.process_welcome)

    def _advance(self, body: bytes, process: Callable[[davey.DaveSession, bytes], None]) -> list[Reply]:
        (transition_id,) = struct.unpack_from(">H", body)
        if self.session is None:
            return []
        try:
            process(self.session, body[2:])
        except ValueError:
            self.recoveries += 1
            return [(31, {"transition_id": transition_id}), *self._new_session()]
        return self._await_transition(transition_id, self._prepared)
