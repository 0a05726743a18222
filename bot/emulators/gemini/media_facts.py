"""What is measured in media: plain values, from which every answer of the REST half is made."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt


class UnreadableError(Exception):
    """The bytes are not what they were said to be, or are broken; the text is the real server's sentence."""


@dataclass(frozen=True, slots=True)
class Clip:
    """The part of a video or recording that is asked about, in seconds; None: to its end."""

    start_s: float = 0.0
    end_s: float | None = None

    def holds(self, at_s: float) -> bool:
        """Return whether a moment lies in it."""
        return self.start_s <= at_s and (self.end_s is None or at_s < self.end_s)


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour by name, and its share of the area, 0 to 1."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Region:
    """Something that stands out: `box` is (y0, x0, y1, x1) in thousandths, as the model writes boxes."""

    box: tuple[int, int, int, int]
    colour: str
    share: float
    """Of the area of the picture, 0 to 1."""


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """A picture; width and height are those of the picture as it is seen, turned by its EXIF orientation."""

    format: str
    width: int
    height: int
    orientation: int
    """Of EXIF, 1 to 8; 1 where there is none."""
    colours: tuple[Colour, ...]
    regions: tuple[Region, ...]
    pixels: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    """A small copy to compare with others, shape (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of sound between pauses, in seconds."""

    start_s: float
    end_s: float
    pitch_hz: float | None = None
    """Its median pitch; None where nothing is voiced, or where that was not measured."""


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """A recording, or the sound of a video."""

    codec: str
    duration_s: float
    sample_rate_hz: int
    channels: int
    loudness_dbfs: float
    """RMS; -inf for silence."""
    peak_dbfs: float
    pitch_hz: float | None
    """The median pitch of voiced sound; None where nothing is voiced."""
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """A video, or the clip of it that was asked about."""

    codec: str
    duration_s: float
    frames: int
    fps: float
    width: int
    height: int
    colours: tuple[Colour, ...]
    scenes: tuple[Span, ...]
    """In order, without gaps, from the start of the clip to its end."""
    sound: SoundFacts | None


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """A PDF: the text of each page, as far as it holds text."""

    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextFacts:
    """A text file."""

    text: str

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())


Facts: TypeAlias = PictureFacts | SoundFacts | VideoFacts | DocumentFacts | TextFacts


def words_of(text: str) -> int:
    """Return how many words a text has."""
    return len(text.split())
