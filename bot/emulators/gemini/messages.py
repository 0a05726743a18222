"""The Live wire format, server to client: one function a message, in camelCase, as dictionaries."""

import base64
from collections.abc import Sequence
from typing import Any, TypeAlias

from bot.emulators.gemini.voice import SPEECH_HZ

Message: TypeAlias = dict[str, Any]

SPEECH_MIME = f"audio/pcm;rate={SPEECH_HZ}"


def setup_complete() -> Message:
    """Return the answer to a setup."""
    return {"setupComplete": {}}


def content(**fields: Any) -> Message:
    """Return a serverContent with these fields."""
    return {"serverContent": fields}


def speech(parts: Sequence[bytes], mime_type: str = SPEECH_MIME) -> Message:
    """Return a model turn that holds chunks of speech."""
    blobs = [{"mimeType": mime_type, "data": base64.b64encode(part).decode("ascii")} for part in parts]
    return {"parts": [{"inlineData": blob} for blob in blobs]}


def input_transcript(text: str) -> Message:
    """Return what was understood."""
    return content(inputTranscription={"text": text})


def tool_cancellation(ids: Sequence[str]) -> Message:
    """Return that these calls are not wanted any more."""
    return {"toolCallCancellation": {"ids": list(ids)}}


def go_away(left_s: float) -> Message:
    """Return that the connection ends soon; the time is written as a proto Duration."""
    return {"goAway": {"timeLeft": f"{left_s:g}s"}}


def resumption(handle: str | None) -> Message:
    """Return a new handle; None: the session can't be resumed at this point."""
    if handle is None:
        return {"sessionResumptionUpdate": {"resumable": False}}
    return {"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}}
