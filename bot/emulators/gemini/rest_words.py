"""Saying what was measured: a few sentences for each medium, and for what was asked."""

import math

from bot.emulators.gemini.media_facts import (
    Colour,
    DocumentFacts,
    Facts,
    PictureFacts,
    SoundFacts,
    TextFacts,
    VideoFacts,
    words_of,
)

_QUOTED = 200  # characters of a question, or of a text, that are repeated
_PAGES_TOLD = 100


def clock(at_s: float) -> str:
    """Return a time as MM:SS, or H:MM:SS from an hour on, as the model writes times."""
    minutes, seconds = divmod(int(at_s), 60)
    if minutes < 60:
        return f"{minutes:02d}:{seconds:02d}"
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


def title_of(index: int, facts: Facts) -> str:
    """Return a name for a medium."""
    match facts:
        case PictureFacts():
            return f"Picture {index}"
        case VideoFacts():
            return f"Video {index}"
        case SoundFacts():
            return f"Recording {index}"
        case DocumentFacts():
            return f"Document {index}"
        case TextFacts():
            return f"Text {index}"


def describe(index: int, facts: Facts) -> str:
    """Return what was measured in a medium."""
    title = title_of(index, facts)
    match facts:
        case PictureFacts():
            return _picture(title, facts)
        case VideoFacts():
            return _video(title, facts)
        case SoundFacts():
            return f"{title} lasts {facts.duration_s:.2f} s. {_sound(facts)}"
        case DocumentFacts():
            return _document(title, facts)
        case TextFacts():
            lines = _count(facts.lines, "line")
            return f"{title} has {_count(words_of(facts.text), 'word')} in {lines}: {quote(facts.text)}"


def asked(prompt: str, history: tuple[str, ...], system: str) -> str:
    """Return what can be said of the question itself."""
    sentences = [f"You asked in {_count(words_of(prompt), 'word')}: {quote(prompt)}"]
    if history:
        before = sum(words_of(text) for text in history)
        sentences.append(f"Before that came {_count(len(history), 'turn')} with {_count(before, 'word')}.")
    if system:
        sentences.append(f"My instructions have {_count(words_of(system), 'word')}.")
    return " ".join(sentences)


def quote(text: str) -> str:
    """Return the beginning of a text in quotation marks, on one line."""
    line = " ".join(text.split())
    return f"“{line}”" if len(line) <= _QUOTED else f"“{line[:_QUOTED]}…”"


def _picture(title: str, facts: PictureFacts) -> str:
    said = f"{title} is a {facts.format} of {facts.width} x {facts.height} pixels{_colours(facts.colours)}."
    if facts.orientation != 1:
        said += f" Its EXIF orientation is {facts.orientation}."
    if facts.regions:
        named = ", ".join(f"{one.colour} ({one.share:.1%})" for one in facts.regions)
        said += f" What stands out: {named}."
    return said


def _video(title: str, facts: VideoFacts) -> str:
    said = (
        f"{title} lasts {facts.duration_s:.2f} s: {facts.frames} frames at {facts.fps:g} per second, "
        f"{facts.width} x {facts.height} pixels, {facts.codec}{_colours(facts.colours)}."
    )
    sound = " It has no sound." if facts.sound is None else f" It has sound. {_sound(facts.sound)}"
    cuts = ", ".join(clock(scene.start_s) for scene in facts.scenes)
    return f"{said}{sound} Its {_count(len(facts.scenes), 'part')} begin at {cuts}."


def _sound(facts: SoundFacts) -> str:
    loud = f"{facts.loudness_dbfs:g} dBFS" if math.isfinite(facts.loudness_dbfs) else "silence"
    said = f"Its loudness is {loud}, at {facts.sample_rate_hz} Hz with {_count(facts.channels, 'channel')}."
    if facts.pitch_hz is not None:
        said += f" The median pitch is {facts.pitch_hz:g} Hz."
    if facts.spans:
        where = ", ".join(f"{one.start_s:.2f} to {one.end_s:.2f} s" for one in facts.spans)
        said += f" Sound is heard from {where}."
    return said


def _document(title: str, facts: DocumentFacts) -> str:
    words = sum(words_of(page) for page in facts.pages)
    said = [f"{title} has {_count(len(facts.pages), 'page')} with {_count(words, 'word')} of text."]
    for number, page in enumerate(facts.pages[:_PAGES_TOLD], start=1):
        said.append(f"Page {number}: {quote(page)}" if page.strip() else f"Page {number} holds no text.")
    return "\n".join(said)


def _colours(colours: tuple[Colour, ...]) -> str:
    if not colours:
        return ""
    return ", mostly " + ", ".join(f"{one.name} ({one.share:.0%})" for one in colours)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
