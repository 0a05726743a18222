"""Faults of the REST half by script: where in a request something goes wrong, what, and how often.

`RestFault(RestWhere.GENERATE, Refuse(429, retry_delay_s=2.0), times=2)` refuses the first two requests to
generate; with `model` only those to that model. `skip` and `times` count the passes of that place.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from bot.emulators.gemini.faults import Abort, Late, Scripted, Stall, strike


class RestWhere(enum.Enum):
    """The places that requests pass."""

    GENERATE = "generateContent or streamGenerateContent came in"
    CHUNK = "before a chunk of a streamed answer"
    COUNT = "countTokens came in"
    UPLOAD_START = "an upload is to begin"
    UPLOAD_CHUNK = "a chunk of an upload came in"
    UPLOADED = "all of a file has come in"
    FILE_GET = "a file is asked for"
    FILE_LIST = "the files are asked for"
    FILE_DELETE = "a file is to be deleted"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this status; at CHUNK an error object comes in the middle of the stream."""

    status: int
    retry_delay_s: float | None = None
    """Told by a RetryInfo."""


@dataclass(frozen=True, slots=True)
class Cut:
    """End the stream as if it were over, without a finishReason."""


@dataclass(frozen=True, slots=True)
class BlockPrompt:
    """Refuse the prompt for safety: promptFeedback and no candidate."""

    reason: str = "SAFETY"


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """Break the answer off for safety, half-way."""

    reason: str = "SAFETY"


@dataclass(frozen=True, slots=True)
class Spoil:
    """Break the schema: the structured answer lacks what the schema requires, or is of another type."""


@dataclass(frozen=True, slots=True)
class Stick:
    """Leave the file PROCESSING for ever."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Let the file become FAILED."""

    message: str = "The file could not be processed."


@dataclass(frozen=True, slots=True)
class Expire:
    """Let the file expire so long after it was uploaded."""

    after_s: float = 0.0


RestEffect: TypeAlias = (
    Refuse | Late | Stall | Abort | Cut | BlockPrompt | BlockAnswer | Spoil | Stick | Fail | Expire
)

_GENERATED = {RestWhere.GENERATE}
_UPLOADED = {RestWhere.UPLOADED}
_REQUESTS = set(RestWhere) - _UPLOADED
_PLACES: dict[type[RestEffect], set[RestWhere]] = {
    Refuse: _REQUESTS,
    Late: _REQUESTS,
    Stall: _REQUESTS,  # the client hangs until it gives up
    Abort: _REQUESTS,  # TCP is reset; at UPLOAD_CHUNK half of the chunk is kept
    Cut: {RestWhere.CHUNK},
    BlockPrompt: _GENERATED,
    BlockAnswer: _GENERATED,
    Spoil: _GENERATED,
    Stick: _UPLOADED,
    Fail: _UPLOADED,
    Expire: _UPLOADED,
}


@dataclass
class RestFault(Scripted[RestWhere, RestEffect]):
    """An effect on a request; raise ValueError for one that can't be at that place."""

    model: str = ""
    """The only model that it hits; empty: whichever, and what needs no model."""

    def __post_init__(self) -> None:
        if self.where not in _PLACES[type(self.do)]:
            raise ValueError(f"{self.do} can't be at {self.where}.")


def strike_rest(faults: Iterable[RestFault], where: RestWhere, model: str = "") -> list[RestEffect]:
    """Pass a place: count, and return what happens there, in the order of the script."""
    return strike([fault for fault in faults if fault.model in ("", model)], where)
