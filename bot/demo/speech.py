"""What people say in the demo, and what is known of each time that they said it."""

from dataclasses import dataclass
from pathlib import Path

from bot.emulators.client.speech import Utterance

MEDIA = Path(__file__).resolve().parent.parent.parent / "tests" / "media"

# Real speech from LibriVox recordings, public domain; see tests/media/README.md.
SENTENCES = (
    ("speech-austen-0880.wav", "he was not an ill disposed young man"),
    (
        "speech-austen-0920.wav",
        "had he married a more amiable woman he might have been made still more respectable than he was",
    ),
    ("speech-austen-0930.wav", "he might even have been made amiable himself"),
)


@dataclass
class Line:
    """A sentence that a person said."""

    name: str
    """Of the person."""
    text: str
    utterance: Utterance

    @property
    def begin(self) -> float:
        """When its first frame went out, `time.monotonic()`."""
        frames = self.utterance.frames
        return frames[0].at if frames else self.utterance.started_at

    @property
    def end(self) -> float:
        """When its last frame went out: from here on people wait for an answer."""
        frames = self.utterance.frames
        return frames[-1].at if frames else self.utterance.ended_at


def quoted(text: str) -> str:
    """Return a text in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}"
