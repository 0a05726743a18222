"""The Live wire format, client to server: JSON in either casing, refused wherever the real server refuses it.

Unknown members are refused with close code 1007 and the sentence that Google's JSON parser uses. Base64 may
be standard or URL-safe (the SDK sends the latter), with padding or without.
"""

import base64
import binascii
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeAlias

INVALID_ARGUMENT = 1007
POLICY = 1008
INTERNAL = 1011

AUDIO_IN_HZ = 16_000
_MAX_REASON = 123  # bytes of reason that a close frame holds (RFC 6455, 5.5)


class RefusedError(Exception):
    """What the client did ends the session: a close code and its reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason.encode()[:_MAX_REASON].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class SetupIn:
    """The first message; `setup.read_setup` reads its fields."""

    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AudioIn:
    """PCM16LE mono at 16 kHz, whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class PictureIn:
    """A video frame."""

    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class TextIn:
    """Realtime text."""

    text: str


@dataclass(frozen=True, slots=True)
class ActivityStartIn:
    """The client says that someone begins to speak."""


@dataclass(frozen=True, slots=True)
class ActivityEndIn:
    """The client says that the speech is over."""


@dataclass(frozen=True, slots=True)
class AudioStreamEndIn:
    """The client turned its microphone off."""


@dataclass(frozen=True, slots=True)
class ContentIn:
    """Turns for the context: the texts of their parts, in order."""

    texts: tuple[str, ...]
    turn_complete: bool


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The answer to one function call."""

    call_id: str
    name: str
    response: dict[str, Any]
    scheduling: str

    @property
    def characters(self) -> int:
        """How long the response is, in JSON."""
        return len(json.dumps(self.response))


@dataclass(frozen=True, slots=True)
class ToolResponseIn:
    """Answers to function calls."""

    results: tuple[ToolResult, ...]


ClientMessage: TypeAlias = (
    SetupIn
    | AudioIn
    | PictureIn
    | TextIn
    | ActivityStartIn
    | ActivityEndIn
    | AudioStreamEndIn
    | ContentIn
    | ToolResponseIn
)

_REALTIME = (  # in the order in which several in one message take effect
    "activityStart",
    "mediaChunks",
    "audio",
    "video",
    "text",
    "audioStreamEnd",
    "activityEnd",
)
_FRAMES = ("image/jpeg", "image/png", "image/webp")


def parse(data: str | bytes) -> list[ClientMessage]:
    """Return what one frame of the client says; raise RefusedError for what the server would not take."""
    try:
        value = json.loads(data)
    except ValueError:
        raise RefusedError(INVALID_ARGUMENT, "Invalid JSON payload received.") from None
    message = members(value, ("setup", "clientContent", "realtimeInput", "toolResponse"), "")
    if len(message) != 1:
        raise RefusedError(INVALID_ARGUMENT, "Exactly one of the message types must be set.")
    kind, body = next(iter(message.items()))
    if kind == "setup":
        return [SetupIn(body)]
    if kind == "clientContent":
        return [_content(body)]
    if kind == "toolResponse":
        return [_tool_response(body)]
    return _realtime(body)


def members(value: object, allowed: Collection[str], where: str) -> dict[str, Any]:
    """Return an object's members under their camelCase names; null members count as absent.

    Raise RefusedError where it is no object, or has a member that is not `allowed` or comes in both casings.
    """
    if not isinstance(value, dict):
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}': an object is expected.")
    found: dict[str, Any] = {}
    for name, member in value.items():
        camel = camel_case(name)
        if camel not in allowed:
            at = f" at '{where}'" if where else ""
            raise RefusedError(
                INVALID_ARGUMENT,
                f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.',
            )
        if camel in found:
            raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}': '{name}' is set twice.")
        if member is not None:
            found[camel] = member
    return found


def camel_case(name: str) -> str:
    """Return the JSON name of a field: `mime_type` is `mimeType`."""
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def typed(value: object, kind: type[bool] | type[int] | type[str] | type[list[Any]], where: str) -> Any:
    """Return the value if it is of that JSON type; int64 may be written as a string, as in proto JSON."""
    if kind is int and isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        return int(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}' (type {kind.__name__}).")
    return value


def one_of(value: object, allowed: Collection[str], where: str) -> str:
    """Return the value of an enum if it is one of those."""
    if not isinstance(value, str) or value not in allowed:
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}': {value!r} is not in the enum.")
    return value


def texts_of(content: object, where: str) -> tuple[str, ...]:
    """Return the texts of the parts of a Content; parts that hold no text are of no use to a Live model."""
    found = []
    body = members(content, ("role", "parts"), where)
    for part in typed(body.get("parts", []), list, f"{where}.parts"):
        inner = members(part, ("text", "inlineData", "fileData", "thought"), f"{where}.parts")
        if "text" in inner:
            found.append(typed(inner["text"], str, f"{where}.parts.text"))
    return tuple(found)


def decode_base64(value: object, where: str) -> bytes:
    """Return the bytes of standard or URL-safe base64."""
    text = typed(value, str, where).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}': Base64 decoding failed.") from None


def _realtime(body: object) -> list[ClientMessage]:
    where = "realtime_input"
    found = members(body, _REALTIME, where)
    if not found:
        raise RefusedError(INVALID_ARGUMENT, "realtime_input holds nothing.")
    return [_realtime_one(name, found[name], f"{where}.{name}") for name in _REALTIME if name in found]


def _realtime_one(name: str, value: object, where: str) -> ClientMessage:
    match name:
        case "activityStart":
            members(value, (), where)
            return ActivityStartIn()
        case "activityEnd":
            members(value, (), where)
            return ActivityEndIn()
        case "audio":
            return _audio(value, where)
        case "video":
            return _picture(value, where)
        case "text":
            return TextIn(typed(value, str, where))
        case "audioStreamEnd":
            typed(value, bool, where)
            return AudioStreamEndIn()
        case _:
            reason = "realtime_input.media_chunks is deprecated. Use audio, video, or text instead."
            raise RefusedError(INVALID_ARGUMENT, reason)


def _audio(value: object, where: str) -> AudioIn:
    mime_type, data = _blob(value, where)
    kind, *parameters = (piece.strip() for piece in mime_type.lower().split(";"))
    if kind != "audio/pcm":
        raise RefusedError(INVALID_ARGUMENT, f"Unsupported audio mime type {mime_type!r}.")
    # The real server resamples other rates. A bot that is made for 16 kHz and sends another has a defect,
    # and here is where to notice.
    if any(piece.startswith("rate=") and piece != f"rate={AUDIO_IN_HZ}" for piece in parameters):
        raise RefusedError(INVALID_ARGUMENT, f"Unsupported sample rate in {mime_type!r}.")
    if len(data) % 2:
        raise RefusedError(INVALID_ARGUMENT, "Audio data ends in half a sample.")
    return AudioIn(data)


def _picture(value: object, where: str) -> PictureIn:
    mime_type, data = _blob(value, where)
    if mime_type not in _FRAMES:
        raise RefusedError(INVALID_ARGUMENT, f"Unsupported video mime type {mime_type!r}.")
    return PictureIn(mime_type, data)


def _blob(value: object, where: str) -> tuple[str, bytes]:
    blob = members(value, ("data", "mimeType", "displayName"), where)
    mime_type = typed(blob.get("mimeType", ""), str, f"{where}.mime_type")
    return mime_type, decode_base64(blob.get("data", ""), f"{where}.data")


def _content(body: object) -> ContentIn:
    where = "client_content"
    found = members(body, ("turns", "turnComplete"), where)
    turns = typed(found.get("turns", []), list, f"{where}.turns")
    texts = tuple(text for turn in turns for text in texts_of(turn, f"{where}.turns"))
    return ContentIn(texts, typed(found.get("turnComplete", False), bool, f"{where}.turn_complete"))


def _tool_response(body: object) -> ToolResponseIn:
    where = "tool_response"
    found = members(body, ("functionResponses",), where)
    responses = typed(found.get("functionResponses", []), list, where)
    return ToolResponseIn(tuple(_tool_result(one, f"{where}.function_responses") for one in responses))


def _tool_result(value: object, where: str) -> ToolResult:
    found = members(value, ("id", "name", "response", "scheduling", "willContinue", "parts"), where)
    response = found.get("response", {})
    if not isinstance(response, dict):
        raise RefusedError(INVALID_ARGUMENT, f"Invalid value at '{where}.response': an object is expected.")
    scheduling = one_of(
        found.get("scheduling", "WHEN_IDLE"), ("INTERRUPT", "WHEN_IDLE", "SILENT"), f"{where}.scheduling"
    )
    call_id = typed(found.get("id", ""), str, f"{where}.id")
    return ToolResult(call_id, typed(found.get("name", ""), str, f"{where}.name"), response, scheduling)
