"""What was measured for a request, as records: of the whole, of each medium, and of the parts of each."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from bot.emulators.gemini.media_facts import (
    DocumentFacts,
    Facts,
    PictureFacts,
    Region,
    SoundFacts,
    Span,
    TextFacts,
    VideoFacts,
    words_of,
)
from bot.emulators.gemini.rest_records import MISSING, Record, tokens_of
from bot.emulators.gemini.rest_words import clock, describe, title_of

_CAMERA = 2 * math.tan(math.radians(30))  # width of what a lens of 60 degrees sees at a distance of 1

Kind: TypeAlias = Literal["region", "time", "page", "medium"]
_TELLING: tuple[tuple[Kind, str], ...] = (
    ("region", "box"),
    ("time", "start"),
    ("time", "end"),
    ("page", "page"),
)


@dataclass(frozen=True)
class Findings:
    """All that was measured for one request."""

    facts: tuple[Facts, ...]
    prompt: str
    sentences: tuple[str, ...]
    all: Record = field(init=False)
    """Of the whole: the first medium that has a value gives it."""
    media: tuple[Record, ...] = field(init=False)

    def __post_init__(self) -> None:
        media = tuple(_medium(index, one) for index, one in enumerate(self.facts, start=1))
        values: dict[str, Any] = {
            "question": self.prompt,
            "summary": self.summary,
            "point": list(self.sentences),
        }
        values["question word"] = words_of(self.prompt)
        for record in media:
            values = {**record.values, **values}
        object.__setattr__(self, "media", media)
        object.__setattr__(self, "all", Record(values))

    @property
    def summary(self) -> str:
        """Everything in a few sentences."""
        return " ".join(self.sentences)

    def records(self, name: str, fields: list[str], of: Record) -> list[Record]:
        """Return the records for an array `name` of objects with those members, within one record."""
        kind = _kind(name, fields)
        if of is not self.all:
            return [part for part in of.parts if _matches(part, fields)]
        if kind == "medium":
            return list(self.media)
        parts = [part for record in self.media for part in record.parts]
        return [part for part in parts if part.values["kind"] == kind]


def _kind(name: str, fields: list[str]) -> Kind:
    asked = [tokens_of(one) for one in (*fields, name)]
    return next((kind for kind, word in _TELLING if any(word in tokens for tokens in asked)), "medium")


def _matches(part: Record, fields: list[str]) -> bool:
    return any(part.find(one) is not MISSING for one in fields)


def _medium(index: int, facts: Facts) -> Record:
    values: dict[str, Any] = {
        "index": index,
        "title": title_of(index, facts),
        "summary": describe(index, facts),
    }
    match facts:
        case PictureFacts():
            values |= {
                "format": facts.format,
                "width": facts.width,
                "height": facts.height,
                "orientation": facts.orientation,
            }
            values |= _colours([one.name for one in facts.colours])
            return Record(
                values,
                tuple(
                    _region(index, number, one, facts) for number, one in enumerate(facts.regions, start=1)
                ),
            )
        case VideoFacts():
            values |= {
                "format": facts.codec,
                "width": facts.width,
                "height": facts.height,
                "duration": facts.duration_s,
            }
            values |= {"frame": facts.frames, "fps": facts.fps, "sound": facts.sound is not None}
            values |= _colours([one.name for one in facts.colours])
            return Record(values, _spans("Scene", facts.scenes, facts.sound))
        case SoundFacts():
            values |= _sound(facts)
            return Record(values, _spans("Part", facts.spans, facts))
        case DocumentFacts():
            text = "\n".join(facts.pages)
            values |= {"page": len(facts.pages), "text": text, "word": words_of(text)}
            return Record(
                values, tuple(_page(number, one) for number, one in enumerate(facts.pages, start=1))
            )
        case TextFacts():
            return Record(values | {"text": facts.text, "word": words_of(facts.text), "line": facts.lines})


def _colours(names: list[str]) -> dict[str, Any]:
    return {"colour": names} if names else {}


def _sound(facts: SoundFacts) -> dict[str, Any]:
    values: dict[str, Any] = {
        "format": facts.codec,
        "duration": facts.duration_s,
        "sample rate": facts.sample_rate_hz,
        "channel": facts.channels,
        "sound": True,
    }
    if facts.spans:  # silence has no level, in decibels, that JSON could write
        values |= {"loudness": facts.loudness_dbfs, "peak": facts.peak_dbfs}
    return values if facts.pitch_hz is None else {**values, "pitch": facts.pitch_hz}


def _region(picture: int, number: int, region: Region, facts: PictureFacts) -> Record:
    y0, x0, y1, x1 = region.box
    return Record(
        {
            "kind": "region",
            "index": number,
            "picture": picture,
            "box": list(region.box),
            "box 3d": _in_space(region, facts),
            "place point": [(y0 + y1) // 2, (x0 + x1) // 2],
            "label": f"{region.colour} region {number}",
            "title": f"{region.colour} region {number}",
            "colour": region.colour,
            "share": region.share,
            "summary": f"A {region.colour} region on {region.share:.1%} of picture {picture}.",
        }
    )


def _in_space(region: Region, facts: PictureFacts) -> list[float]:
    """Return centre, size and rotation of a box seen through a lens of 60 degrees, as far as it is small."""
    y0, x0, y1, x1 = (one / 1000 for one in region.box)
    tall = facts.height / facts.width
    away = 1.0 / math.sqrt(max(region.share, 0.001))
    across = away * _CAMERA
    centre = (((x0 + x1) / 2 - 0.5) * across, away, (0.5 - (y0 + y1) / 2) * across * tall)
    size = ((x1 - x0) * across, (x1 - x0) * across, (y1 - y0) * across * tall)
    return [round(one, 3) for one in (*centre, *size, 0.0, 0.0, 0.0)]


def _spans(noun: str, spans: tuple[Span, ...], sound: SoundFacts | None) -> tuple[Record, ...]:
    return tuple(_span(noun, number, span, sound) for number, span in enumerate(spans, start=1))


def _span(noun: str, number: int, span: Span, sound: SoundFacts | None) -> Record:
    said = f"{noun} {number}, from {clock(span.start_s)} to {clock(span.end_s)}."
    pitch = sound.pitch_hz if sound is not None else None
    return Record(
        {
            "kind": "time",
            "index": number,
            "start": span.start_s,
            "end": span.end_s,
            "duration": round(span.end_s - span.start_s, 3),
            "title": f"{noun} {number}",
            "text": said,
            "summary": said,
            "speaker": "unvoiced" if pitch is None else f"A voice at {pitch:.0f} Hz",
        }
    )


def _page(number: int, text: str) -> Record:
    title = " ".join(text.split()[:6]) or f"Page {number}"
    values = {"kind": "page", "page": number, "text": text, "word": words_of(text), "title": title}
    return Record({**values, "summary": f"Page {number} has {words_of(text)} words."})
