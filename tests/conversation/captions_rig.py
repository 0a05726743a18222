"""Captions, and what their reader sees; a test module imports `shown`, names it in `__all__`."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from bot.conversation.captions import Captions
from bot.conversation.captions_passage import CaptionLine
from bot.live.events import AnswerAudio, AnswerEnded, AnswerWhole, InputTranscript, OutputTranscript

ADA, BOB = 1, 2
RATE_HZ = 24_000


@dataclass
class Shown:
    """Captions, and what a reader of them has before their eyes."""

    captions: Captions = field(default_factory=lambda: Captions("Earshot"))
    lines: dict[int, CaptionLine] = field(default_factory=dict)

    def look(self) -> list[str]:
        for line in self.captions.changes():
            before = self.lines.get(line.id)
            assert before is None or not before.final, "what is final stays as it is"
            self.lines[line.id] = line
        ordered = sorted(self.lines.values(), key=lambda line: (line.at, line.id))
        return [f"{line.name}: {line.text}" for line in ordered if line.text]

    def turn(self, user_id: int | None, name: str, began: float, ended: float) -> None:
        self.captions.turn_began(user_id, name, began)
        self.captions.turn_ended(ended)

    def understood(self, text: str, at: float) -> None:
        self.captions.told(InputTranscript(text), at)

    def said(self, text: str, at: float, *, held: bool = False) -> None:
        self.captions.told(OutputTranscript(text), at, held=held)

    def audio(self, seconds: float, at: float, *, held: bool = False) -> None:
        pcm = np.zeros(round(seconds * RATE_HZ), np.int16).tobytes()
        self.captions.told(AnswerAudio(pcm, RATE_HZ, at), at, held=held)

    def ended(self, at: float, *, held: bool = False) -> None:
        self.captions.told(AnswerWhole(at), at, held=held)
        self.captions.told(AnswerEnded(at), at, held=held)


@pytest.fixture
def shown() -> Shown:
    return Shown()


def words_of(shown: Shown) -> list[str]:
    ordered = sorted(shown.lines.values(), key=lambda line: (line.at, line.id))
    return " ".join(line.text for line in ordered).split()
