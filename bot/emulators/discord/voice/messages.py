"""The opcodes of the voice gateway, version 8, and the messages that the server sends."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Op(IntEnum):
    """Opcodes; 25 to 30 are binary, the rest JSON."""

    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9
    CLIENTS_CONNECT = 11
    CLIENT_CONNECT = 12
    CLIENT_DISCONNECT = 13
    CLIENT_FLAGS = 18
    CLIENT_PLATFORM = 20
    PREPARE_TRANSITION = 21
    EXECUTE_TRANSITION = 22
    TRANSITION_READY = 23
    PREPARE_EPOCH = 24
    EXTERNAL_SENDER = 25
    KEY_PACKAGE = 26
    PROPOSALS = 27
    COMMIT_WELCOME = 28
    ANNOUNCE_COMMIT = 29
    WELCOME = 30
    INVALID_COMMIT_WELCOME = 31


class Close(IntEnum):
    """Why a voice websocket is closed."""

    NORMAL = 1000
    GOING_AWAY = 1001
    CUT = 1006
    UNKNOWN_OPCODE = 4001
    UNDECODABLE = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SESSION = 4006
    SESSION_TIMEOUT = 4009
    UNKNOWN_PROTOCOL = 4012
    DISCONNECTED = 4014
    CRASHED = 4015
    UNKNOWN_MODE = 4016
    ENCRYPTION_REQUIRED = 4017
    RATE_LIMITED = 4021
    CALL_ENDED = 4022


FINAL = frozenset(Close) - {Close.CUT, Close.CRASHED}
"""Codes after which there is nothing to resume; after any other there is, for a while."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one user: JSON `d`, or the body of a binary message after its opcode."""

    user_id: int
    op: Op
    data: dict[str, Any] | bytes
