"""What passed the relay, as turns: what the model was given in each, and what it answered."""

from dataclasses import dataclass, field

import numpy as np

from bot.audio.pcm import Pcm16
from bot.emulators.gemini.record import Record


@dataclass
class HeardTurn:
    """The audio of one turn as the model was given it; times are when it passed."""

    started: float
    ended: float = 0.0
    chunks: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def pcm(self) -> Pcm16:
        """16 kHz mono."""
        return np.frombuffer(b"".join(chunk for _, chunk in self.chunks), np.int16)


@dataclass
class GivenAnswer:
    """One answer of the model."""

    first_audio: float
    audio_bytes: int = 0
    ended: float | None = None
    interrupted: float | None = None
    text: str = ""


def heard_turns(record: Record) -> list[HeardTurn]:
    """Return the turns that were marked by activity."""
    turns: list[HeardTurn] = []
    for entry in record.of("activity_start", "heard", "activity_end"):
        if entry.kind == "activity_start":
            turns.append(HeardTurn(entry.at))
        elif turns and entry.kind == "heard":
            turns[-1].chunks.append((entry.at, entry.pcm))
        elif turns:
            turns[-1].ended = entry.at
    return turns


def given_answers(record: Record) -> list[GivenAnswer]:
    """Return the answers; a transcript belongs to the answer that it came with, or after."""
    answers: list[GivenAnswer] = []
    over = True
    early = ""
    for entry in record.of("said", "said_text", "interrupted", "ended"):
        match entry.kind:
            case "said":
                if over:
                    answers.append(GivenAnswer(entry.at, text=early))
                    over, early = False, ""
                answers[-1].audio_bytes += len(entry.pcm)
            case "said_text" if over and not answers:
                early += entry.text
            case "said_text":
                answers[-1].text += entry.text
            case "interrupted" if answers:
                answers[-1].interrupted = answers[-1].interrupted or entry.at
                over = True
            case "ended" if answers:
                answers[-1].ended = answers[-1].ended or entry.at
                over = True
    return answers
