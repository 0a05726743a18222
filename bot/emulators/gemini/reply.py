"""What there is to say: a turn is measured, put into words, and spoken. It blocks; the shell uses a thread.

Nothing here is canned: every figure comes from the bytes that were heard or the words that were read, so that
an answer which is right proves that the right bytes arrived.
"""

import re
from dataclasses import dataclass

from bot.audio.pcm import Pcm16
from bot.emulators.gemini.ears import Measures, measure
from bot.emulators.gemini.live_pictures import Picture, remember, tell
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.rest_grounding import ground, searched
from bot.emulators.gemini.voice import speak
from bot.emulators.gemini.wire import ToolResult

# "[Anna is speaking now.]", as a client tells who holds the floor.
_SPEAKER = re.compile(r"([^\[\](){}:\n]{1,64}?)\s+is\s+(?:now\s+)?speaking\b", re.IGNORECASE)

# "Say now, ..., that you are Bob, an AI, and that you hear Ada.", as a client has a model introduce itself.
_INTRODUCE = re.compile(
    r"\bsay\b[^.]*? that you are ([^.]{1,100}), and that you hear ([^.]{1,200})\.", re.IGNORECASE
)

_SAID = ("error", "summary", "result", "text", "output")  # members of a response that are read out, the first
_MOST_SAID = 200  # characters of it


@dataclass(frozen=True, slots=True, eq=False)
class Thought:
    """A turn to be answered; compared by identity."""

    number: int
    voice: str
    speaker: str = ""
    heard: Pcm16 | None = None
    texts: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    """Those that came with this turn; they were looked at before it is thought about."""
    remembered: tuple[Picture, ...] = ()
    """Those that the context holds besides."""
    searches: tuple[str, ...] = ()
    """What to look for in the web."""
    results: tuple[ToolResult, ...] = ()
    instruction_words: int = 0
    """Of the system instruction, where it is to be acknowledged: in the first turn."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The answer: its words, its speech (PCM16LE, 24 kHz mono), and what was understood."""

    text: str
    speech: bytes
    heard_text: str
    """Empty where nothing was heard."""
    measures: Measures | None
    grounding: Message | None = None
    """The groundingMetadata, where the web was searched."""


def compose(thought: Thought) -> Composed:
    """Measure the turn, find the words and speak them; raise VoiceError."""
    measures = None if thought.heard is None else measure(thought.heard)
    words = " ".join(_sentences(thought, measures))
    lines = "\n".join((*filter(None, [searched(thought.searches)]), words))
    text = lines.replace("\n", " ")  # of the same length, so that the metadata's offsets fit it
    grounding = ground(thought.searches, lines) if thought.searches else None
    return Composed(text, speak(text, thought.voice), _transcript(measures), measures, grounding)


def speaker_in(text: str) -> str | None:
    """Return who is said to be speaking, None if the text is about something else."""
    found = _SPEAKER.search(text)
    return found[1].strip() if found else None


def count_words(text: str) -> int:
    """Return how many words a text has."""
    return len(text.split())


def _sentences(thought: Thought, measures: Measures | None) -> list[str]:
    asked = _INTRODUCE.search(" ".join(thought.texts))
    if asked is not None and measures is None:
        return [f"I am {asked[1]}, and I hear {asked[2]}."]  # that, and no more
    sentences = []
    if measures is not None:
        sentences.append(_heard(measures, thought.speaker))
    if thought.texts:
        words = count_words(" ".join(thought.texts))
        sentences.append(f"I read {_plural(words, 'word')}.")
    if thought.pictures:
        sentences += tell(thought.pictures)
    elif not thought.results:
        sentences += remember(thought.remembered)
    sentences += [_returned(result) for result in thought.results]
    sentences.append(f"That was turn number {thought.number}.")
    if thought.instruction_words:
        sentences.append(f"My instructions have {_plural(thought.instruction_words, 'word')}.")
    return sentences


def _returned(result: ToolResult) -> str:
    """Return what a tool said: in its own words, where it has some, or how much of it there was."""
    for name in _SAID:
        if isinstance(value := result.response.get(name), str) and (words := " ".join(value.split())):
            told = words if len(words) <= _MOST_SAID else f"{words[:_MOST_SAID]}…"
            return f"{result.name} returned: {told}" + ("" if told[-1] in ".!?…" else ".")
    return f"{result.name} returned {_plural(result.characters, 'character')}."


def _heard(measures: Measures, speaker: str) -> str:
    address = f"{speaker}, " if speaker else ""
    if measures.spans == 0:
        return f"{address}I heard no speech."
    sign = "minus " if measures.level_dbfs < 0 else ""
    parts = [
        f"{address}I heard you for {measures.duration_s:.1f} seconds",
        f"in {_plural(measures.spans, 'stretch', 'stretches')}",
        f"at {sign}{abs(measures.level_dbfs):.0f} decibels",
    ]
    if measures.pitch_hz is not None:
        parts.append(f"with a pitch of {measures.pitch_hz:.0f} hertz")
    return ", ".join(parts) + "."


def _transcript(measures: Measures | None) -> str:
    """Return what stands for a transcript. There is no speech recognition here, and none is pretended."""
    if measures is None:
        return ""
    if measures.spans == 0:
        return "[no speech]"
    pitch = "unvoiced" if measures.pitch_hz is None else f"{measures.pitch_hz:.0f} Hz"
    return f"[speech, {measures.duration_s:.1f} s, {pitch}]"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
