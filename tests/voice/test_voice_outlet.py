"""Sealing and sending: what leaves, what is held, what never leaves. The receiver is the emulator's code."""

import os
from dataclasses import dataclass, field

import davey
import pytest

from bot.emulators.discord.voice.transport import Transport
from bot.voice.dave import SILENCE
from bot.voice.outlet import HOLD_S, Outlet
from bot.voice.playout import Sending
from bot.voice.rtp import parse_header
from bot.voice.transport import MODES


@dataclass
class Held:
    """The keys of a connection, to be changed as a test likes."""

    mode: str | None = MODES[0]
    secret_key: bytes | None = field(default_factory=lambda: os.urandom(32))
    ssrc: int | None = 77
    dave_version: int = 0
    dave: davey.DaveSession | None = None
    transition_pending: bool = False


class Wire:
    """A socket's stand-in, which may refuse."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.error: OSError | None = None
        self.connected = True

    def send(self, datagram: bytes) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(datagram)

    def is_connected(self) -> bool:
        return self.connected


def make(keys: Held) -> tuple[Outlet, Wire]:
    wire = Wire()
    return Outlet(keys, wire.is_connected, wire.send), wire


def opened(wire: Wire, keys: Held) -> list[bytes]:
    assert keys.mode and keys.secret_key
    transport = Transport(keys.mode, keys.secret_key)
    return [transport.open(datagram, parse_header(datagram).size) for datagram in wire.sent]


@pytest.mark.parametrize("mode", MODES)
def test_a_packet_without_end_to_end_encryption_arrives_in_each_mode(mode: str) -> None:
    keys = Held(mode=mode)
    outlet, wire = make(keys)
    assert outlet.send(b"first", 0.0) is Sending.SENT
    assert outlet.send(b"second", 0.02) is Sending.SENT
    assert opened(wire, keys) == [b"first", b"second"]
    headers = [parse_header(datagram) for datagram in wire.sent]
    assert [header.ssrc for header in headers] == [77, 77]
    assert headers[1].sequence - headers[0].sequence == 1
    assert headers[1].timestamp - headers[0].timestamp == 960


def test_no_nonce_is_used_twice() -> None:
    keys = Held()
    outlet, wire = make(keys)
    for now in range(5):
        outlet.send(b"same", float(now))
    assert len({datagram[-4:] for datagram in wire.sent}) == 5
    assert len({datagram[12:] for datagram in wire.sent}) == 5


def test_speech_never_leaves_in_the_clear_where_the_call_is_encrypted() -> None:
    for session in (None, davey.DaveSession(1, 1, 2)):
        outlet, wire = make(Held(dave_version=1, dave=session))
        assert outlet.send(b"speech", 0.0) is Sending.HELD
        assert wire.sent == []


def test_silence_opens_the_way_before_the_encryption_is_ready() -> None:
    keys = Held(dave_version=1)
    outlet, wire = make(keys)
    assert outlet.send(SILENCE, 0.0) is Sending.SENT
    assert opened(wire, keys) == [SILENCE]
    assert outlet.stats.sent_silence == 1


def test_what_is_held_too_long_is_given_up_packet_by_packet() -> None:
    keys = Held(dave_version=1)
    outlet, wire = make(keys)
    assert outlet.send(b"speech", 10.0) is Sending.HELD
    assert outlet.send(b"speech", 10.0 + HOLD_S - 0.01) is Sending.HELD
    assert outlet.send(b"speech", 10.0 + HOLD_S) is Sending.LOST
    assert outlet.send(b"more", 10.02 + HOLD_S) is Sending.LOST
    assert outlet.stats.expired == 2
    keys.dave_version = 0
    assert outlet.send(b"later", 10.04 + HOLD_S) is Sending.SENT
    keys.dave_version = 1
    assert outlet.send(b"again", 10.06 + HOLD_S) is Sending.HELD
    assert opened(wire, keys) == [b"later"]


def test_an_answer_that_begins_late_in_an_outage_is_held_as_long_as_any_other() -> None:
    outlet, wire = make(Held())
    wire.connected = False
    assert outlet.send(b"first", 10.0) is Sending.HELD
    assert outlet.send(b"first", 10.0 + HOLD_S) is Sending.LOST
    assert outlet.send(b"first", 10.02 + HOLD_S) is Sending.LOST
    assert outlet.send(SILENCE, 10.04 + HOLD_S) is Sending.LOST  # with which an answer ends
    assert outlet.send(b"second", 20.0) is Sending.HELD
    assert outlet.send(b"second", 20.0 + HOLD_S - 0.01) is Sending.HELD
    wire.connected = True
    assert outlet.send(b"second", 20.0 + HOLD_S) is Sending.SENT
    assert (outlet.stats.expired, outlet.stats.cut_answers) == (2, 1)


def test_each_answer_that_is_cut_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outlet, wire = make(Held())
    wire.connected = False
    for began in (10.0, 20.0):
        for late_s in (0.0, HOLD_S, HOLD_S + 0.02):
            outlet.send(b"speech", began + late_s)
        outlet.send(SILENCE, began + HOLD_S + 0.04)
    assert outlet.stats.cut_answers == 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


@pytest.mark.parametrize("missing", ["mode", "secret_key", "ssrc"])
def test_nothing_leaves_before_the_session_is_described(missing: str) -> None:
    keys = Held()
    setattr(keys, missing, None)
    outlet, wire = make(keys)
    assert outlet.send(b"speech", 0.0) is Sending.HELD
    assert outlet.send(SILENCE, 0.0) is Sending.LOST
    assert wire.sent == []


def test_nothing_leaves_while_the_connection_is_lost() -> None:
    outlet, wire = make(Held())
    wire.connected = False
    assert outlet.send(b"speech", 0.0) is Sending.HELD
    wire.connected = True
    assert outlet.send(b"speech", 0.5) is Sending.SENT
    assert len(wire.sent) == 1


def test_a_socket_that_refuses_and_a_mode_that_nobody_knows_are_counted() -> None:
    keys = Held()
    outlet, wire = make(keys)
    wire.error = BlockingIOError("the buffer is full")
    assert outlet.send(b"speech", 0.0) is Sending.LOST
    keys.mode = "xsalsa20_poly1305"
    assert outlet.send(b"speech", 0.0) is Sending.LOST
    assert outlet.stats.as_dict() == {
        "out_sent": 0,
        "out_sent_silence": 0,
        "out_expired": 0,
        "out_cut_answers": 0,
        "out_unsealed": 1,
        "out_unsent": 1,
    }
