"""What was asked of the REST half and how it was answered: for tests and the demo to look at afterwards."""

from dataclasses import dataclass, field

from bot.emulators.gemini.media_facts import Clip, Facts
from bot.emulators.gemini.rest_openapi import JsonSchema


@dataclass
class RequestEntry:
    """One generateContent, streamGenerateContent or countTokens; times of `time.monotonic`."""

    at: float
    model: str
    method: str
    parts: tuple[str, ...] = ()
    """Its media: type, and size or address."""
    clips: tuple[Clip, ...] = ()
    """Which part of each was looked at."""
    measured: tuple[Facts, ...] = ()
    """What was found in each of them."""
    measured_at: float | None = None
    """When that was done: what lies before it is the work of the loopback, not of the client."""
    prompt: str = ""
    system: str = ""
    history: tuple[str, ...] = ()
    tools: frozenset[str] = frozenset()
    schema: JsonSchema | None = None
    answer: str = ""
    """The text that was sent."""
    chunks: list[float] = field(default_factory=list)
    """When each chunk of a stream was sent."""
    status: int | None = None
    """Of the HTTP answer; None while it goes on, or if there was none."""
    finish: str = ""
    """Its finishReason or blockReason."""
    abandoned: bool = False
    """Whether the client left before the end."""
    ended_at: float | None = None
