"""What a session heard, read and said, with times: for tests and the demo to look at afterwards."""

from collections import deque
from dataclasses import dataclass, field

from bot.emulators.gemini.ears import Measures
from bot.emulators.gemini.live_pictures import Picture
from bot.emulators.gemini.setup import Setup
from bot.emulators.gemini.wire import ToolResult

_CHUNKS = 200_000  # over an hour in chunks of 20 ms; the oldest go first
_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class HeardChunk:
    """Audio as it came in, PCM16LE mono at 16 kHz."""

    at: float
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Noted:
    """A mark (activity_start, activity_end, audio_stream_end, onset) or a text that was read."""

    at: float
    kind: str
    text: str = ""
    sample: int = 0
    """How many samples had been heard; for an onset, where the speech began."""


@dataclass
class Turn:
    """Something that was to be answered, and the answer."""

    number: int
    at: float
    """When it ended."""
    start_sample: int
    end_sample: int
    """Of what was heard; alike for a turn of text."""
    marked: bool
    """Whether the client marked it."""
    speaker: str
    texts: tuple[str, ...]
    pictures: tuple[Picture, ...] = ()
    """Those that came since the turn before."""
    measures: Measures | None = None
    answer: str = ""
    """The words of the answer, once they are found."""
    first_audio_at: float | None = None
    spoken_bytes: int = 0
    """How much of the answer was sent."""
    interrupted_at: float | None = None
    ended_at: float | None = None
    """When turnComplete was sent."""


@dataclass
class SessionLog:
    """All of one session."""

    name: str
    setup: Setup | None = None
    resumed: bool = False
    heard: deque[HeardChunk] = field(default_factory=lambda: deque(maxlen=_CHUNKS))
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=_ENTRIES))
    pictures: deque[Picture] = field(default_factory=lambda: deque(maxlen=_ENTRIES))
    notes: deque[Noted] = field(default_factory=lambda: deque(maxlen=_ENTRIES))
    tool_results: deque[ToolResult] = field(default_factory=lambda: deque(maxlen=_ENTRIES))
    close_code: int | None = None
    """How the session ended; None while it goes on."""
    close_reason: str = ""

    def pcm(self) -> bytes:
        """Return everything that was heard, in one piece."""
        return b"".join(chunk.pcm for chunk in self.heard)
