"""What can be said to the model. Plain data; times are `time.monotonic()` seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Audio:
    """PCM16 little-endian, 16 kHz mono; `at` is when it was received."""

    pcm: bytes
    at: float
    speaker: int | frozenset[int] | None = None
    """Whose speech it is, or whose it is the sum of; None for silence."""
    direct: bool = True
    """Whether it is sent as it arrives, and so measured: silence, and what waited for its turn, is not."""


@dataclass(frozen=True, slots=True)
class ActivityStart:
    """A person's turn begins."""


@dataclass(frozen=True, slots=True)
class ActivityEnd:
    """The turn is over: the model may answer."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the model; `answer` says whether it is to answer them."""

    text: str
    answer: bool
    passing: bool = False
    """Whether it makes sense over this connection alone."""
    by: frozenset[int] = frozenset()
    """Who can have it forgotten: who wrote it, and whose things it is about."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to see, JPEG; of a video, one of its frames."""

    jpeg: bytes
    by: int | frozenset[int] | None = None
    """Who showed it, or whose it is and who showed it."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a function call, as JSON values; it belongs to the connection that asked."""

    id: str
    name: str
    response: Mapping[str, Any]
    silent: bool = False
    """Whether the model is to say nothing about it."""


Item: TypeAlias = Audio | ActivityStart | ActivityEnd | Text | Picture | ToolResult
