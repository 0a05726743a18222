"""What the voice gateway's JSON messages must hold before anything is done with them.

discord.py takes them as they come, and keeps one part of a message before it stumbles over another. What it
keeps is then read with each packet: a key that is none would make the bot deaf, an id that is too large would
end every handshake of the encryption. So a message that is not as documented is refused as a whole.
Sources: Discord's voice documentation; the DAVE protocol paper 1.1. What is refused is never quoted.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import davey

from bot.voice.transport import KEY_SIZE, MODES

READY, DESCRIPTION, SPEAKING, HELLO = 2, 4, 5, 8
CLIENTS_CONNECT, CLIENT_DISCONNECT = 11, 13
PREPARE_TRANSITION, EXECUTE_TRANSITION, PREPARE_EPOCH = 21, 22, 24

SHORTEST_INTERVAL_MS = 100  # between heartbeats; Discord's are seconds, and with 0 we would flood the server
LONGEST_INTERVAL_MS = 3_600_000  # also keeps out what is no finite number

_Check: TypeAlias = Callable[[Any], bool]


def checked(message: Any) -> tuple[int, Any]:
    """Return the opcode and the data of a message; raise ValueError, or KeyError for what it lacks."""
    if not isinstance(message, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - the sender's mistake, not the caller's
    op, data = message["op"], message["d"]
    if not _whole(op, 8):
        raise ValueError("its opcode is no number")
    if not _whole(message.get("seq", 0), 32):
        raise ValueError("its sequence is no number")
    if (fields := _FIELDS.get(op)) is not None:
        _check(data, fields)
    return op, data


def check_voice_state(data: Any) -> None:
    """Raise ValueError or KeyError where the main gateway's word on where we are is not usable."""
    left = isinstance(data, dict) and data["channel_id"] is None
    _check(data, {} if left else _STATE)


def check_voice_server(data: Any) -> None:
    """Raise ValueError or KeyError where the main gateway's word on the server to use is not usable."""
    _check({"endpoint": None, **data} if isinstance(data, dict) else data, _SERVER)


def _check(data: Any, fields: Mapping[str, _Check]) -> None:
    if not isinstance(data, dict):
        raise ValueError("its data is no object")  # noqa: TRY004
    for name, fits in fields.items():
        if not fits(data[name]):
            raise ValueError(f"its {name} is none")


def _whole(value: Any, bits: int) -> bool:
    """Say whether this is an unsigned integer of so many bits."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << bits


def _id(value: Any) -> bool:
    """Say whether this is a snowflake, which is sent as text."""
    if isinstance(value, str):
        return value.isascii() and value.isdigit() and len(value) <= 20 and int(value) < 1 << 64
    return _whole(value, 64)


def _ids(value: Any) -> bool:
    return isinstance(value, list) and all(map(_id, value))


def _u16(value: Any) -> bool:
    return _whole(value, 16)


def _u32(value: Any) -> bool:
    return _whole(value, 32)


def _u64(value: Any) -> bool:
    return _whole(value, 64)


def _version(value: Any) -> bool:
    return _u16(value) and value <= davey.DAVE_PROTOCOL_VERSION


def _address(value: Any) -> bool:
    """Say whether this is an IP address: a name would be looked up, whatever it is."""
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _known_mode(value: Any) -> bool:
    return isinstance(value, str) and value in MODES


def _key(value: Any) -> bool:
    return isinstance(value, list) and len(value) == KEY_SIZE and all(_whole(byte, 8) for byte in value)


def _interval(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and SHORTEST_INTERVAL_MS <= value <= LONGEST_INTERVAL_MS


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _maybe(fits: _Check) -> _Check:
    return lambda value: value is None or fits(value)


_STATE: dict[str, _Check] = {"channel_id": _id, "session_id": _text}
_SERVER: dict[str, _Check] = {"guild_id": _id, "token": _maybe(_text), "endpoint": _maybe(_text)}
_FIELDS: dict[int, dict[str, _Check]] = {
    READY: {"ssrc": _u32, "ip": _address, "port": lambda value: _u16(value) and value > 0, "modes": _names},
    DESCRIPTION: {"mode": _known_mode, "secret_key": _key, "dave_protocol_version": _version},
    SPEAKING: {"user_id": _id, "ssrc": _u32},
    HELLO: {"heartbeat_interval": _interval},
    CLIENTS_CONNECT: {"user_ids": _ids},
    CLIENT_DISCONNECT: {"user_id": _id},
    PREPARE_TRANSITION: {"transition_id": _u16, "protocol_version": _version},
    EXECUTE_TRANSITION: {"transition_id": _u16},
    PREPARE_EPOCH: {"epoch": _u64, "protocol_version": _version},
}
