"""Where the bytes of a request come from: files that people posted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A posted file, as Discord describes it; nothing of this is believed before the bytes were seen."""

    filename: str
    url: str
    size: int
    """Bytes."""
    content_type: str | None
