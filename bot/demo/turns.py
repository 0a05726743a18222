"""What passed the relay, as turns: what the model was given, what it answered, which functions it called."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bot.audio.pcm import Pcm16
from bot.conversation.notice import HEAD
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.record import Record
from bot.emulators.gemini.reply import speaker_in

_OF_ANSWERS = ("said", "said_text", "interrupted", "ended")


@dataclass
class HeardTurn:
    """The audio of one turn as the model was given it; times are when it passed."""

    started: float
    speaker: str = ""
    """Who the model was told has the floor."""
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
    notice: bool = False
    """Whether nobody asked for it: on joining, the bot has the model say that it is an AI."""


@dataclass
class ToolUse:
    """A function that the model had the bot run."""

    name: str
    called: float
    args: dict[str, Any]
    answered: float | None = None
    response: dict[str, Any] = field(default_factory=dict)


def heard_turns(record: Record) -> list[HeardTurn]:
    """Return the turns that were marked by activity; who speaks is told where that changes."""
    turns: list[HeardTurn] = []
    speaker = ""
    for entry in record.of("told", "activity_start", "heard", "activity_end"):
        match entry.kind:
            case "told":
                speaker = speaker_in(entry.text) or speaker
            case "activity_start":
                turns.append(HeardTurn(entry.at, speaker))
            case "heard" if turns:
                turns[-1].chunks.append((entry.at, entry.pcm))
            case "activity_end" if turns:
                turns[-1].ended = entry.at
    return turns


def given_answers(record: Record) -> list[GivenAnswer]:
    """Return the answers; a transcript belongs to the answer that it came with, or after.

    A turn that somebody else's follows at once is interrupted before anything is said: that is no answer's.
    """
    answers: list[GivenAnswer] = []
    over = True
    unasked = unsaid = False
    early = ""
    for entry in record.of("told", "activity_start", "activity_end", *_OF_ANSWERS):
        match entry.kind:
            case "told":
                unasked = unasked or entry.text.startswith(HEAD)
            case "activity_start":
                unasked = False
            case "activity_end":
                unsaid = True
            case "said":
                if over:
                    answers.append(GivenAnswer(entry.at, text=early, notice=unasked))
                    over, unasked, early = False, False, ""
                unsaid = False
                answers[-1].audio_bytes += len(entry.pcm)
            case "said_text" if over and not answers:
                early += entry.text
            case "said_text":
                answers[-1].text += entry.text
            case "interrupted" if answers and not unsaid:
                answers[-1].interrupted = answers[-1].interrupted or entry.at
                over = True
            case "ended" if answers:
                answers[-1].ended = answers[-1].ended or entry.at
                over = True
    return answers


def tool_uses(record: Record) -> list[ToolUse]:
    """Return the functions that were called; each result is that of the first one without, by this name."""
    uses: list[ToolUse] = []
    for entry in record.of("tool_called", "tool_answered"):
        if entry.kind == "tool_called":
            uses.append(ToolUse(entry.text, entry.at, json.loads(entry.body)))
            continue
        for use in uses:
            if use.name == entry.text and use.answered is None:
                use.answered, use.response = entry.at, json.loads(entry.body)
                break
    return uses


def spoken(sent_by_bot: Sequence[TraceEntry], answers: Sequence[GivenAnswer]) -> list[list[float]]:
    """Return for each answer when its datagrams left the bot."""
    starts = [answer.first_audio for answer in answers]
    ends = [*starts[1:], float("inf")]
    return [
        [entry.at for entry in sent_by_bot if start <= entry.at < end]
        for start, end in zip(starts, ends, strict=True)
    ]
