"""How an answer is sent: speech in uneven chunks, faster than it plays, with fragments of its transcript.

A plan is a list of steps, with offsets in seconds from the first chunk; a deformation makes another plan.
"""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.emulators.gemini import messages
from bot.emulators.gemini.faults import Deformation
from bot.emulators.gemini.knobs import Knobs
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.reply import Composed
from bot.emulators.gemini.voice import SPEECH_HZ


@dataclass(frozen=True, slots=True)
class Step:
    """One message of an answer; it may carry several things at once."""

    offset_s: float
    parts: tuple[bytes, ...] = ()
    """Chunks of speech, PCM16LE mono at 24 kHz."""
    transcript: str = ""
    grounding: Message | None = None
    """groundingMetadata."""
    generated: bool = False
    """generationComplete."""
    end: bool = False
    """turnComplete. The last step has it, and the session adds the bill."""
    mime_type: str = messages.SPEECH_MIME

    @property
    def speech_bytes(self) -> int:
        """How much speech it holds."""
        return sum(map(len, self.parts))

    def message(self) -> Message:
        """Return it as the server sends it."""
        fields: dict[str, object] = {}
        if self.parts:
            fields["modelTurn"] = messages.speech(self.parts, self.mime_type)
        if self.transcript:
            fields["outputTranscription"] = {"text": self.transcript}
        if self.grounding is not None:
            fields["groundingMetadata"] = self.grounding
        if self.generated:
            fields["generationComplete"] = True
        if self.end:
            fields["turnComplete"] = True
        return messages.content(**fields)


def plan(composed: Composed, knobs: Knobs, rng: random.Random, *, transcript: bool) -> list[Step]:
    """Return the steps in order, from the first chunk at 0 to the end, when playback would be over."""
    steps: list[Step] = []
    speech = composed.speech
    words = _words(composed.text) if transcript else []
    offset_s, sent = 0.0, 0
    while sent < len(speech):
        chunk = speech[sent : sent + _chunk_bytes(knobs, rng)]
        sent += len(chunk)
        grounding = composed.grounding if sent >= len(speech) else None
        steps.append(Step(offset_s, parts=(chunk,), grounding=grounding))
        said = sum(1 for share, _ in words if share <= sent / len(speech))
        if said:
            steps.append(Step(offset_s, transcript="".join(word for _, word in words[:said])))
            del words[:said]
        offset_s += seconds(len(chunk)) / knobs.stream_speed * rng.uniform(0.5, 1.5)
    steps.append(Step(offset_s, generated=True))
    played_s = seconds(len(speech)) / knobs.playback_speed
    steps.append(Step(max(offset_s, played_s), end=True))
    return steps


def seconds(speech_bytes: int) -> float:
    """Return how long that much speech plays."""
    return speech_bytes / 2 / SPEECH_HZ


def _chunk_bytes(knobs: Knobs, rng: random.Random) -> int:
    return rng.randint(*knobs.chunk_ms) * SPEECH_HZ // 1000 * 2


def _words(text: str) -> list[tuple[float, str]]:
    """Return each word, with a space before it, and the share of the text at which it ends."""
    words = text.split()
    total = sum(len(word) + 1 for word in words)
    ends = itertools.accumulate(len(word) + 1 for word in words)
    return [(end / total, f" {word}") for end, word in zip(ends, words, strict=True)]


def deform(steps: list[Step], how: Deformation) -> list[Step]:
    """Return the steps of a plan, deformed."""
    match how:
        case Deformation.ODD_PCM:
            return _odd(steps)
        case Deformation.NO_RATE:
            return [replace(step, mime_type="audio/pcm") for step in steps]
        case Deformation.SEVERAL_PARTS:
            return [replace(step, parts=_halves(step.parts)) for step in steps]
        case Deformation.SEVERAL_FIELDS:
            return _merged(steps)
        case Deformation.NO_GENERATION_COMPLETE:
            return [step for step in steps if not step.generated]
        case Deformation.TWICE:
            end_s = steps[-1].offset_s
            return steps[:-1] + [replace(step, offset_s=end_s + step.offset_s) for step in steps]
        case Deformation.TRANSCRIPTS_LATE:
            return _late(steps)
        case Deformation.TRANSCRIPTS_DOUBLED:
            return [one for step in steps for one in [step] * (2 if step.transcript else 1)]
        case Deformation.TRANSCRIPTS_REORDERED:
            return _reordered(steps)
        case Deformation.INPUT_TRANSCRIPT_LATE | Deformation.INPUT_TRANSCRIPT_PIECES:
            return steps  # what was heard is no step of the answer


def heard_fragments(text: str, how: Sequence[Deformation]) -> list[str]:
    """Return the fragments in which the transcript of what was heard is sent."""
    fragments = [text] if text else []
    if Deformation.INPUT_TRANSCRIPT_PIECES in how:
        words = text.split()
        fragments = words[:1] + [f" {word}" for word in words[1:]]
    if Deformation.TRANSCRIPTS_REORDERED in how:
        fragments = _swapped(fragments)
    if Deformation.TRANSCRIPTS_DOUBLED in how:
        fragments = [one for one in fragments for _ in range(2)]
    return fragments


def _odd(steps: list[Step]) -> list[Step]:
    """Move one byte from chunk to chunk, so that the first has an odd length, and no byte is lost."""
    audio = [step for step in steps if step.parts]
    lengths = [step.speech_bytes + (1 if index % 2 == 0 else -1) for index, step in enumerate(audio)]
    rest = b"".join(part for step in audio for part in step.parts)
    cut = []
    for length in lengths[:-1]:
        cut.append(rest[:length])
        rest = rest[length:]
    chunks = iter([*cut, rest])
    return [replace(step, parts=(next(chunks),)) if step.parts else step for step in steps]


def _halves(parts: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return each chunk cut in two whole-sample halves."""
    return tuple(
        half for part in parts for half in (part[: len(part) // 4 * 2], part[len(part) // 4 * 2 :]) if half
    )


def _merged(steps: list[Step]) -> list[Step]:
    """Return the steps with each transcript in the message of the chunk before it."""
    merged: list[Step] = []
    for step in steps:
        if step.transcript and merged:
            merged[-1] = replace(merged[-1], transcript=merged[-1].transcript + step.transcript)
        else:
            merged.append(step)
    return merged


def _late(steps: list[Step]) -> list[Step]:
    late = [replace(step, offset_s=steps[-1].offset_s) for step in steps if step.transcript]
    return [step for step in steps[:-1] if not step.transcript] + late + steps[-1:]


def _reordered(steps: list[Step]) -> list[Step]:
    following = iter(_swapped([step.transcript for step in steps if step.transcript]))
    return [replace(step, transcript=next(following)) if step.transcript else step for step in steps]


def _swapped(texts: list[str]) -> list[str]:
    """Return them with each two neighbours in the place of the other."""
    swapped = list(texts)
    for first in range(0, len(swapped) - 1, 2):
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
    return swapped
