"""One message of the Live API becomes events: those for the conversation and those for the session itself.

A message may carry several fields at once, and several parts. They are read in the order in which they make
sense: audio that comes along with `interrupted` belongs to the answer that was interrupted, and what is said
about a turn's end comes last.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from google.genai import types

from bot.audio.pcm import LIVE_OUT_HZ
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    AnswerWhole,
    InputTranscript,
    Interrupted,
    OutputTranscript,
    Searched,
    ToolCalled,
    ToolsCancelled,
    Usage,
    WebPage,
)

_RATE = re.compile(r"rate=([1-9][0-9]{3,5})\b")
# What is not raw PCM, 16 bits little-endian, would be noise at full loudness: `audio/L16` is big-endian.
_PCM = "audio/pcm"


@dataclass(frozen=True, slots=True)
class HandleUpdate:
    """A `sessionResumptionUpdate`; an absent `resumable` is false, as JSON leaves out what is false."""

    handle: str | None
    resumable: bool


@dataclass(frozen=True, slots=True)
class GoAway:
    """The server will close this connection; 0 s where it does not say when."""

    time_left_s: float


@dataclass(frozen=True, slots=True)
class Unplayable:
    """A chunk of an answer that is no PCM, or at a rate that is not played: it is left out."""

    mime_type: str


Told: TypeAlias = (
    AnswerAudio
    | Interrupted
    | AnswerEnded
    | AnswerWhole
    | InputTranscript
    | OutputTranscript
    | Usage
    | ToolCalled
    | ToolsCancelled
    | Searched
    | HandleUpdate
    | GoAway
    | Unplayable
)


def read(message: types.LiveServerMessage, at: float) -> Iterator[Told]:
    """Yield what the message tells, which was received at `at`; unknown fields and parts tell nothing."""
    if update := message.session_resumption_update:
        yield HandleUpdate(update.new_handle, bool(update.resumable))
    if content := message.server_content:
        yield from _content(content, at)
    for call in (message.tool_call and message.tool_call.function_calls) or ():
        if call.id and call.name:  # without an id it can't be answered
            yield ToolCalled(call.id, call.name, call.args or {})
    if cancelled := message.tool_call_cancellation:
        yield ToolsCancelled(tuple(cancelled.ids or ()))
    if usage := message.usage_metadata:
        yield Usage(
            usage.prompt_token_count or 0, usage.response_token_count or 0, usage.total_token_count or 0
        )
    if message.go_away:
        yield GoAway(seconds(message.go_away.time_left))


def _content(content: types.LiveServerContent, at: float) -> Iterator[Told]:
    if content.input_transcription and content.input_transcription.text:
        yield InputTranscript(content.input_transcription.text)
    for part in (content.model_turn and content.model_turn.parts) or ():
        if part.inline_data and not part.thought:
            yield from _sound(part.inline_data, at)
    if content.output_transcription and content.output_transcription.text:
        yield OutputTranscript(content.output_transcription.text)
    if content.grounding_metadata and (searched := _searched(content.grounding_metadata)):
        yield searched
    if content.interrupted:
        yield Interrupted(at)
    if content.generation_complete:
        yield AnswerWhole(at)
    if content.turn_complete:
        yield AnswerEnded(at)


def _sound(blob: types.Blob, at: float) -> Iterator[AnswerAudio | Unplayable]:
    kind = (blob.mime_type or "").lower()
    if not blob.data or not kind.startswith("audio/"):
        return
    # A chunk at another rate would be heard at another pitch; the rest of the answer can be played.
    if kind.split(";")[0].strip() == _PCM and rate_hz(kind) == LIVE_OUT_HZ:
        yield AnswerAudio(blob.data, rate_hz(kind), at)
    else:
        yield Unplayable(kind)


def _searched(found: types.GroundingMetadata) -> Searched | None:
    chunks = [chunk.web for chunk in found.grounding_chunks or () if chunk.web and chunk.web.uri]
    pages = tuple(WebPage(web.uri or "", web.title or web.uri or "") for web in chunks)
    queries = tuple(found.web_search_queries or ())
    return Searched(queries, pages) if queries or pages else None


def rate_hz(mime_type: str) -> int:
    """Return the rate of `audio/pcm;rate=24000`, and the one that Live speaks at where it is not said."""
    found = _RATE.search(mime_type)
    return int(found[1]) if found else LIVE_OUT_HZ


def seconds(duration: str | None) -> float:
    """Return the seconds of a protobuf duration such as `9.5s`; 0 where it is none."""
    try:
        return max(0.0, float((duration or "").removesuffix("s")))
    except ValueError:
        return 0.0
