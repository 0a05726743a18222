"""Records of what was measured: of each medium, of the parts of each, and of how pictures differ."""

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from bot.emulators.gemini.media_compare import Difference, differences
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
from bot.emulators.gemini.rest_records import Record
from bot.emulators.gemini.rest_words import clock, describe, title_of

Kind: TypeAlias = Literal["region", "scene", "speech", "page", "difference", "medium"]

_CAMERA = 2 * math.tan(math.radians(30))  # width of what a lens of 60 degrees sees at a distance of 1
_OTHER_VOICE = 1.3  # ratio of the pitches of two people; within it, it is one who raises the voice


def medium(index: int, facts: Facts) -> Record:
    """Return the record of a medium, which is the `index`th of a request, from 1."""
    values: dict[str, Any] = {
        "index": index,
        "file": index,
        "title": title_of(index, facts),
        "summary": describe(index, facts),
    }
    match facts:
        case PictureFacts():
            values |= {
                "picture": index,
                "format": facts.format,
                "width": facts.width,
                "height": facts.height,
                "orientation": facts.orientation,
            }
            values |= _colours([one.name for one in facts.colours])
            regions = [_region(index, n, one, facts) for n, one in enumerate(facts.regions, start=1)]
            # To the model a picture is a page, too.
            return Record(values, (*regions, _page(index, 1, values["summary"])))
        case VideoFacts():
            values |= {
                "format": facts.codec,
                "width": facts.width,
                "height": facts.height,
                "duration": facts.duration_s,
            }
            values |= {"frame": facts.frames, "fps": facts.fps, "sound": facts.sound is not None}
            values |= _colours([one.name for one in facts.colours])
            scenes = _spans("scene", index, facts.scenes, facts.sound)
            speech = () if facts.sound is None else _spans("speech", index, facts.sound.spans, facts.sound)
            return Record(values | _said(speech), scenes + speech)
        case SoundFacts():
            values |= _sound(facts)
            scenes = _spans("scene", index, facts.spans, facts)
            speech = _spans("speech", index, facts.spans, facts)
            return Record(values | _said(speech), scenes + speech)
        case DocumentFacts():
            text = "\n".join(facts.pages)
            values |= {"page": len(facts.pages), "text": text, "word": words_of(text)}
            return Record(values, tuple(_page(index, n, one) for n, one in enumerate(facts.pages, start=1)))
        case TextFacts():
            return Record(values | {"text": facts.text, "word": words_of(facts.text), "line": facts.lines})


def differing(first: tuple[int, PictureFacts], other: tuple[int, PictureFacts]) -> list[Record]:
    """Return the records of how a picture differs from the first one; both with their indices."""
    found = differences(first[1], other[1])
    return [_difference(number, one, first[0], other[0]) for number, one in enumerate(found, start=1)]


def _difference(number: int, found: Difference, first: int, other: int) -> Record:
    title, said = {
        "addition": (
            f"{found.after} region added",
            f"{_a(found.after)} region in picture {other} is not in picture {first}.",
        ),
        "removal": (
            f"{found.before} region removed",
            f"{_a(found.before)} region in picture {first} is not in picture {other}.",
        ),
        "change": (
            f"{found.before} region changed to {found.after}",
            f"{_a(found.before)} region in picture {first} is {found.after} in picture {other}.",
        ),
    }[found.kind]
    shown = {"addition": [other], "removal": [first], "change": [first, other]}[found.kind]
    colours = {first: found.before, other: found.after}
    values = {
        "kind": found.kind,
        "index": number,
        "title": title,
        "label": title,
        "summary": said,
        "text": said,
        "colour": colours[shown[-1]],
        "before": found.before,
        "after": found.after,
        "share": found.share,
    }
    places = [_place(picture, found, colours[picture]) for picture in shown]
    return Record(values | {"picture": shown[-1], "box": list(found.box)}, tuple(places), "difference")


def _place(picture: int, found: Difference, colour: str) -> Record:
    values = {"picture": picture, "file": picture, "box": list(found.box), "colour": colour}
    return Record({**values, "label": f"{colour} region"}, (), "region")


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


def _said(speech: Sequence[Record]) -> dict[str, Any]:
    """Return what a whole recording says, and who: nothing where there is only silence."""
    if not speech:
        return {}
    speakers = list(dict.fromkeys(one.values["speaker"] for one in speech))
    return {"text": "\n".join(one.values["text"] for one in speech), "speaker": speakers}


def _region(picture: int, number: int, region: Region, facts: PictureFacts) -> Record:
    y0, x0, y1, x1 = region.box
    name = f"{region.colour} region {number}"
    values = {
        "index": number,
        "picture": picture,
        "file": picture,
        "box": list(region.box),
        "box 3d": _in_space(region, facts),
        "place point": [(y0 + y1) // 2, (x0 + x1) // 2],
        "label": name,
        "title": name,
        "text": name,
        "colour": region.colour,
        "share": region.share,
        "summary": f"{_a(region.colour)} region on {region.share:.1%} of picture {picture}.",
    }
    return Record(values, (), "region")


def _a(colour: str) -> str:
    """Return a colour with its article, to begin a sentence."""
    return f"{'An' if colour.startswith('o') else 'A'} {colour}"


def _in_space(region: Region, facts: PictureFacts) -> list[float]:
    """Return centre, size and rotation of a box seen through a lens of 60 degrees, as far as it is small."""
    y0, x0, y1, x1 = (one / 1000 for one in region.box)
    tall = facts.height / facts.width
    away = 1.0 / math.sqrt(max(region.share, 0.001))
    across = away * _CAMERA
    centre = (((x0 + x1) / 2 - 0.5) * across, away, (0.5 - (y0 + y1) / 2) * across * tall)
    size = ((x1 - x0) * across, (x1 - x0) * across, (y1 - y0) * across * tall)
    return [round(one, 3) for one in (*centre, *size, 0.0, 0.0, 0.0)]


def _spans(kind: Kind, file: int, spans: tuple[Span, ...], sound: SoundFacts | None) -> tuple[Record, ...]:
    noun = "Scene" if kind == "scene" and (sound is None or spans is not sound.spans) else "Part"
    speakers = _speakers(spans, sound)
    numbered = enumerate(zip(spans, speakers, strict=True), start=1)
    return tuple(_span(kind, file, f"{noun} {n}", n, span, speaker) for n, (span, speaker) in numbered)


def _span(kind: Kind, file: int, title: str, number: int, span: Span, speaker: str) -> Record:
    said = f"{title}, from {clock(span.start_s)} to {clock(span.end_s)}."
    values = {
        "index": number,
        "file": file,
        "start": span.start_s,
        "end": span.end_s,
        "duration": round(span.end_s - span.start_s, 3),
        "title": title,
        "text": said,
        "summary": said,
        "speaker": speaker,
    }
    return Record(values, (), kind)


def _speakers(spans: tuple[Span, ...], sound: SoundFacts | None) -> list[str]:
    """Return who speaks in each span: those whose pitch is near that of another are one."""
    voices: list[float] = []
    whose: list[int | None] = []
    for span in spans:
        pitch = span.pitch_hz
        near = [at for at, voice in enumerate(voices) if pitch is not None and _is_near(pitch, voice)]
        if pitch is not None and not near:
            near = [len(voices)]
            voices.append(pitch)
        whose.append(near[0] if near else None)
    if len(voices) < 2:
        pitch = sound.pitch_hz if sound is not None else None
        return [_voice(pitch)] * len(spans)
    return [_voice(None if at is None else voices[at]) for at in whose]


def _is_near(pitch: float, voice: float) -> bool:
    return max(pitch, voice) < _OTHER_VOICE * min(pitch, voice)


def _voice(pitch: float | None) -> str:
    return "unvoiced" if pitch is None else f"A voice at {pitch:.0f} Hz"


def _page(file: int, number: int, text: str) -> Record:
    title = " ".join(text.split()[:6]) or f"Page {number}"
    values = {"page": number, "file": file, "text": text, "word": words_of(text), "title": title}
    values["requirement"] = text  # as far as it is a specification
    return Record({**values, "summary": f"Page {number} has {words_of(text)} words."}, (), "page")
