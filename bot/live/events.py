"""What a Live session tells the conversation. Plain data; times are `time.monotonic()` seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


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
class ToolCalled:
    """The model asks for a function; it is to be answered by `LiveSession.answer_tool`, whatever happens."""

    id: str
    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    connection: int = 0
    """Of which it was asked over: an answer over another one is dropped."""


@dataclass(frozen=True, slots=True)
class ToolsCancelled:
    """The model, or the end of its connection, has given up calls: they are not to be answered any more."""

    ids: tuple[str, ...]
    lost: bool = False
    """Whether it was the connection: the model asks anew over the next one."""


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page that an answer rests on."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Searched:
    """The model has searched the web; what it asked there must be shown, with links, beside the answer."""

    queries: tuple[str, ...]
    pages: tuple[WebPage, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The session can be talked with (again); `resumed` says whether it kept its context."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone and a new one is being made; `reason` is a sentence to show."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model can't be reached for a while in mid-call; told once, until it has `Recovered`.

    And again where it is lost ten minutes later, or more.
    """

    reason: str
    """A sentence to show."""
    wait_s: float
    """Until the next attempt."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """The model can be reached again, after `Waiting`: it answers, or is `Ready` for long enough."""


@dataclass(frozen=True, slots=True)
class FellBack:
    """A model was refused, and another takes its place."""

    refused: str
    model: str


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
    | ToolCalled
    | ToolsCancelled
    | Searched
    | Ready
    | Lost
    | Waiting
    | Recovered
    | FellBack
    | Failed
)
