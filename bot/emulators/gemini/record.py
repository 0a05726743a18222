"""What passes between a client and a Live model, read from their messages."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Passed:
    """One thing that passed.

    `kind` is heard (audio), activity_start, activity_end, told (text), shown (a picture) or tool_answered
    towards the model; and said (audio), heard_text, said_text (transcripts), tool_called, interrupted or
    ended from it.
    """

    at: float
    session: int
    kind: str
    pcm: bytes = b""
    text: str = ""
    """Of a function, its name."""
    body: bytes = b""
    """A picture's file; what a function is given, or has returned, as JSON."""


Read: TypeAlias = Callable[[str | bytes, float, int], list[Passed]]
"""A message, the time in seconds of `time.monotonic()`, the number of its session -> what it holds."""


@dataclass
class Record:
    """What passed, in order."""

    passed: list[Passed] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Passed]:
        """Return what passed of these kinds."""
        return [entry for entry in self.passed if entry.kind in kinds]

    def between(self, start: float, end: float) -> "Record":
        """Return what passed from one time on until another."""
        return Record([entry for entry in self.passed if start <= entry.at < end])


def of_client(data: str | bytes, at: float, session: int) -> list[Passed]:
    """Return what one message of the client holds; nothing where it can't be read."""
    return _read(_client_parts, data, at, session)


def of_server(data: str | bytes, at: float, session: int) -> list[Passed]:
    """Return what one message of the model holds; nothing where it can't be read."""
    return _read(_server_parts, data, at, session)


def _read(
    parts: Callable[[Any, float, int], list[Passed]], data: str | bytes, at: float, session: int
) -> list[Passed]:
    try:
        return parts(json.loads(data), at, session)
    except (ValueError, TypeError, AttributeError, KeyError):
        return []  # the other end is to refuse it, not the record


def _client_parts(message: Any, at: float, session: int) -> list[Passed]:
    realtime = _get(message, "realtimeInput", "realtime_input")
    content = _get(message, "clientContent", "client_content")
    passed = []
    if audio := _get(realtime, "audio", "audio"):
        passed.append(Passed(at, session, "heard", pcm=_bytes(audio)))
    if picture := _get(realtime, "video", "video"):
        passed.append(Passed(at, session, "shown", body=_bytes(picture)))
    for kind, camel in (("activity_start", "activityStart"), ("activity_end", "activityEnd")):
        if camel in realtime or kind in realtime:
            passed.append(Passed(at, session, kind))
    passed += [
        Passed(at, session, "told", text=str(part["text"]))
        for turn in content.get("turns", [])
        for part in turn.get("parts", [])
        if "text" in part
    ]
    results = _get(message, "toolResponse", "tool_response")
    answered = results.get("functionResponses") or results.get("function_responses") or ()
    passed += [_tool(at, session, "tool_answered", each, "response") for each in answered]
    return passed


def _server_parts(message: Any, at: float, session: int) -> list[Passed]:
    content = _get(message, "serverContent", "server_content")
    passed = [
        Passed(at, session, "said", pcm=_bytes(part["inlineData"]))
        for part in content.get("modelTurn", {}).get("parts", [])
        if "inlineData" in part
    ]
    called = _get(message, "toolCall", "tool_call").get("functionCalls") or ()
    passed += [_tool(at, session, "tool_called", each, "args") for each in called]
    for kind, key in (("heard_text", "inputTranscription"), ("said_text", "outputTranscription")):
        if text := content.get(key, {}).get("text"):
            passed.append(Passed(at, session, kind, text=text))
    for kind, key in (("interrupted", "interrupted"), ("ended", "turnComplete")):
        if content.get(key):
            passed.append(Passed(at, session, kind))
    return passed


def _get(message: dict[str, Any], camel: str, snake: str) -> dict[str, Any]:
    """Return a member that the SDK writes in either casing, {} where it is absent."""
    found = message.get(camel) or message.get(snake)
    return found if isinstance(found, dict) else {}


def _tool(at: float, session: int, kind: str, of: dict[str, Any], member: str) -> Passed:
    body = json.dumps(of.get(member) or {}, ensure_ascii=False).encode()
    return Passed(at, session, kind, text=str(of.get("name", "")), body=body)


def _bytes(blob: dict[str, Any]) -> bytes:
    """Return the bytes of an inline blob; the SDK's base64 is URL-safe, the server's is not."""
    return base64.urlsafe_b64decode(str(blob.get("data", "")).replace("+", "-").replace("/", "_"))
