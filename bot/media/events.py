"""What happens while a request is worked on: progress, then text, then what is made of it, then the end."""

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
class TextWhole:
    """The answer as far as it is known, in place of all words before."""

    text: str


@dataclass(frozen=True)
class Link:
    """A page that an answer rests on, or a search that must be offered with it."""

    title: str
    url: str


@dataclass(frozen=True)
class Grounding:
    """Where a searched answer comes from."""

    sources: tuple[Link, ...]
    """In the order of their numbers, from 1."""
    searches: tuple[Link, ...]
    """What the model searched for: Google asks that these are shown, each as a link."""


@dataclass(frozen=True)
class MadeFile:
    """A file made for an answer."""

    name: str
    """With the ending that says what it is: .png and .jpg are shown as pictures, all else is attached."""
    data: bytes
    description: str
    """Alt text of a picture, or what the file holds; at most 1,024 characters."""

    @property
    def picture(self) -> bool:
        """Whether it is shown rather than attached."""
        return self.name.endswith((".png", ".jpg"))


@dataclass(frozen=True)
class Made:
    """Files made for the answer: drawn pictures, tables, subtitles."""

    files: tuple[MadeFile, ...]


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


MediaEvent = Progress | TextDelta | TextWhole | Grounding | Made | Finished
