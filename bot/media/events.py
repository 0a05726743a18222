"""What happens while a request is worked on, in this order: progress, then text, then the end."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestUsage:
    """What a request cost."""

    prompt_tokens: int
    output_tokens: int
    thought_tokens: int
    total_tokens: int
    cost_usd: float | None
    """Estimated from the table of prices; None where the model has no price there."""


@dataclass(frozen=True)
class Progress:
    """What is being done, fit to be read, such as `Uploading film.mp4`."""

    stage: str
    fraction: float | None
    """How much of this stage is done, 0 to 1; None where that is not known."""


@dataclass(frozen=True)
class TextDelta:
    """The next words of the answer."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The answer is complete, or as complete as it will get."""

    model: str
    """The one that answered: it may be the fallback."""
    usage: RequestUsage
    seconds: float
    """From the moment in which the request was made."""
    truncated: str | None
    """A sentence that says why the answer is cut short; None where it is whole."""


MediaEvent = Progress | TextDelta | Finished
