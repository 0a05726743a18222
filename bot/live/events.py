"""What a Live session tells the conversation. Plain data; times are `time.monotonic()` seconds."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AnswerAudio:
    """A chunk of the answer: PCM16 little-endian mono; its length in bytes may be odd."""

    pcm: bytes
    rate_hz: int
    at: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The model stopped its answer because someone spoke; nothing of it is to be played any more."""

    at: float


@dataclass(frozen=True, slots=True)
class AnswerWhole:
    """All of the answer has arrived (`generationComplete`); the model takes it to be playing still."""

    at: float


@dataclass(frozen=True, slots=True)
class AnswerEnded:
    """The model's turn is over (`turnComplete`): as far as it knows the answer has been played."""

    at: float


@dataclass(frozen=True, slots=True)
class InputTranscript:
    """A fragment of what the model understood; fragments come unordered against audio, and need no end."""

    text: str


@dataclass(frozen=True, slots=True)
class OutputTranscript:
    """A fragment of what the model says."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens billed, as the model reported them."""

    prompt_tokens: int
    response_tokens: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The session can be talked with (again); `resumed` says whether it kept its context."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and a new one is being made; `reason` is a sentence to show."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over for good; `reason` is a sentence to show."""

    reason: str


LiveEvent: TypeAlias = (
    AnswerAudio
    | Interrupted
    | AnswerWhole
    | AnswerEnded
    | InputTranscript
    | OutputTranscript
    | Usage
    | Ready
    | Lost
    | Failed
)
