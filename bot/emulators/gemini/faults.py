"""Faults by script: where in a session something goes wrong, what, and how often.

`Fault(Where.CHUNK, Close(1011), skip=3)` closes with 1011 instead of the fourth chunk of speech that is sent.
`skip` and `times` count the passes of that place over all sessions of the emulator, so that a fault can hit
the second connection and spare the third. What a single message can say is a `Send`: an unknown message, bad
JSON, `{}`, a phantom `interrupted`, an empty turn.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from bot.emulators.gemini.messages import Message


class Where(enum.Enum):
    """The places that a session passes. What a `Stall` there keeps back stands beside each."""

    UPGRADE = "the HTTP upgrade"  # the answer to it
    SETUP = "a setup was taken"  # setupComplete
    RESUME = "a handle was given"  # nothing
    READY = "after setupComplete"  # nothing
    AUDIO_IN = "audio came in"  # the audio: it is not heard
    PICTURE_IN = "a picture came in"  # the picture: it is not seen
    TURN = "a turn ended"  # the answer
    TOOL_CALL = "before a tool call"  # the call, and the answer with it
    TOOL_RESULT = "a tool response came in"  # the response
    CHUNK = "before a chunk of speech"  # the chunk
    INTERRUPTED = "an answer was interrupted"  # `interrupted` and `turnComplete`
    TURN_END = "before turnComplete"  # turnComplete
    HANDLE = "before a new handle"  # the handle


class Deformation(enum.Enum):
    """How an answer is deformed. Doubling and reordering hit the transcript of what was heard, too."""

    ODD_PCM = "chunks of odd length"
    NO_RATE = "a mime type without the rate"
    SEVERAL_PARTS = "two parts in a message"
    SEVERAL_FIELDS = "audio and transcript in one message"
    NO_GENERATION_COMPLETE = "no generationComplete"
    TWICE = "the whole answer a second time"
    TRANSCRIPTS_LATE = "transcripts after all the audio"
    TRANSCRIPTS_REORDERED = "neighbouring fragments of the transcript swapped"
    TRANSCRIPTS_DOUBLED = "each fragment of the transcript twice"
    INPUT_TRANSCRIPT_LATE = "the transcript of what was heard after turnComplete"
    INPUT_TRANSCRIPT_PIECES = "the transcript of what was heard word by word"


@dataclass(frozen=True, slots=True)
class Status:
    """Answer the upgrade with this HTTP status."""

    code: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Close:
    """Close the websocket."""

    code: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset the TCP connection: the client sees 1006."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message, or a raw text frame, in addition."""

    message: Message | str


@dataclass(frozen=True, slots=True)
class Stall:
    """Do not do what would happen here."""


@dataclass(frozen=True, slots=True)
class Late:
    """At SETUP: send setupComplete later. At TURN: answer later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Mute:
    """Half-open: from here on nothing is heard and nothing is said, while the socket stays open."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Break the answer off although nobody spoke."""


@dataclass(frozen=True, slots=True)
class LateAudio:
    """At INTERRUPTED: let the next chunks of the broken answer follow all the same."""

    chunks: int = 2


@dataclass(frozen=True, slots=True)
class GoAway:
    """Send goAway, and close with 1001 after `closes_after_s`; None: it never comes to that."""

    left_s: float
    closes_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """At RESUME: take the handle, but without its context."""


@dataclass(frozen=True, slots=True)
class Deform:
    """At TURN: deform the answer."""

    how: Deformation


Effect: TypeAlias = (
    Status | Close | Abort | Send | Stall | Late | Mute | Interrupt | LateAudio | GoAway | Forget | Deform
)


# Where an effect is minded that is not minded everywhere after the upgrade.
_PLACES: dict[type[Effect], set[Where]] = {
    Status: {Where.UPGRADE},
    Late: {Where.UPGRADE, Where.SETUP, Where.TURN},
    Forget: {Where.RESUME},
    Deform: {Where.TURN},
    LateAudio: {Where.INTERRUPTED},
}
_AT_UPGRADE = (Status, Late, Stall, Abort)


W = TypeVar("W", bound=enum.Enum)
E = TypeVar("E")


@dataclass
class Scripted(Generic[W, E]):
    """One effect at one place: the first `skip` passes are spared, the next `times` are hit."""

    where: W
    do: E
    times: int = 1
    skip: int = 0
    hits: int = field(default=0, init=False)
    """How often it has hit."""


@dataclass
class Fault(Scripted[Where, Effect]):
    """An effect in a Live session; raise ValueError for one that can't be at that place."""

    def __post_init__(self) -> None:
        places = _PLACES.get(type(self.do), set(Where))
        if self.where not in places or (self.where is Where.UPGRADE and not isinstance(self.do, _AT_UPGRADE)):
            raise ValueError(f"{self.do} can't be at {self.where}.")


def strike(faults: Iterable[Scripted[W, E]], where: W) -> list[E]:
    """Pass a place: count, and return what happens there, in the order of the script."""
    effects = []
    for fault in faults:
        if fault.where is not where or fault.hits >= fault.times:
            continue
        if fault.skip > 0:
            fault.skip -= 1
            continue
        fault.hits += 1
        effects.append(fault.do)
    return effects
