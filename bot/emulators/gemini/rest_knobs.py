"""What a test or the demo can set on the REST half; read live, so a change holds from the next use."""

from dataclasses import dataclass, field
from pathlib import Path

from bot.emulators.gemini.rest_faults import RestFault


@dataclass
class RestKnobs:
    """Settings of the REST half."""

    think_s: float = 0.0
    """From the request to the first chunk of the answer, beside what the measuring takes."""
    chunk_words: int = 6
    """How many words come in a chunk of a streamed answer."""
    chunk_s: float = 0.01
    """The pace of those chunks: a quick model."""
    processing_s: float = 0.2
    """How long an uploaded video or recording stays PROCESSING; all else is ACTIVE at once."""
    file_life_s: float = 48 * 3600.0
    """After this an uploaded file is gone."""
    links: dict[str, Path] = field(default_factory=dict)
    """What lies at addresses of the web: the loopback has no web."""
    youtube: dict[str, Path | bytes | None] = field(default_factory=dict)
    """The videos of YouTube, by their ids; None: one that is not for everyone. No others are there."""
    faults: list[RestFault] = field(default_factory=list)
