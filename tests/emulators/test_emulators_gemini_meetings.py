"""Transcripts, minutes and forms as schemas ask for them: what was measured, and nothing made up."""

import io
import wave
from typing import Any

import jsonschema
import numpy as np
import pytest
from gemini_rest_rig import KIT, pdf, tone
from PIL import Image

from bot.emulators.gemini.media_facts import Clip, Facts, SoundFacts
from bot.emulators.gemini.media_measure import measure
from bot.emulators.gemini.rest_findings import Findings
from bot.emulators.gemini.rest_schema import fill

RATE_HZ = 16_000
STRING: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
Schema = dict[str, Any]


def voice(pitch_hz: float, seconds: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Something like a vowel: harmonics that fall off."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * pitch_hz * n * at) / n for n in range(1, 8))
    return np.asarray(sound * 0.15)


def talk() -> bytes:
    """A deep voice for 1 s, a high one for 1.5 s, and the deep one again, with pauses of 0.6 s."""
    pause = np.zeros(round(0.6 * RATE_HZ))
    parts = [voice(110, 1.0), pause, voice(220, 1.5), pause, voice(110, 1.0)]
    samples = np.rint(32767 * np.concatenate(parts)).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


TALK = measure(talk(), "audio/wav", Clip())
FILM = measure(KIT / "video-bunny.mp4", "video/mp4", Clip())
SILENCE = measure(tone(2.0, amplitude=0.0), "audio/wav", Clip())
CAT = measure(KIT / "photo-cat.png", "image/png", Clip())
PAGES = measure(pdf("Total 12.50"), "application/pdf", Clip())


def an_object(required: list[str] | None = None, **members: Schema) -> Schema:
    names = list(members) if required is None else required
    return {"type": "object", "properties": members, "required": names}


def rows(required: list[str] | None = None, **members: Schema) -> Schema:
    return {"type": "array", "items": an_object(required, **members)}


def filled(schema: Schema, *facts: Facts) -> Any:
    value = fill(schema, Findings(facts, "What was said?", ("It was measured.",)))
    jsonschema.validate(value, schema)
    return value


SEGMENTS = rows(speaker=STRING, start=NUMBER, end=NUMBER, text=STRING)
TEXTS = {"type": "array", "items": STRING}
MINUTES = an_object(
    title=STRING,
    summary=STRING,
    speakers=TEXTS,
    segments=SEGMENTS,
    decisions=TEXTS,
    action_items=rows(["task"], task=STRING, owner={"type": ["string", "null"]}, deadline=STRING),
    open_questions=TEXTS,
    next_agenda=TEXTS,
)


def test_who_speaks_when() -> None:
    value = filled(MINUTES, TALK)
    segments = value["segments"]
    assert [(one["start"], one["end"]) for one in segments] == [
        pytest.approx(pair, abs=0.05) for pair in ((0.0, 1.0), (1.6, 3.1), (3.7, 4.7))
    ]
    deep, high, again = (one["speaker"] for one in segments)
    assert (deep, high, again) == ("A voice at 110 Hz", "A voice at 220 Hz", "A voice at 110 Hz")
    assert value["speakers"] == [deep, high]
    assert segments[1]["text"] == "Part 2, from 00:01 to 00:03."


def test_what_nothing_measures_is_empty() -> None:
    value = filled(MINUTES, TALK)
    for name in ("decisions", "action_items", "open_questions", "next_agenda"):
        assert value[name] == [], name
    timed = rows(task=STRING, owner=STRING, deadline=STRING, timestamp=STRING)
    assert filled(an_object(action_items=timed), TALK) == {"action_items": []}


def test_silence_has_no_segments() -> None:
    assert isinstance(SILENCE, SoundFacts)
    value = filled(MINUTES, SILENCE)
    assert (value["segments"], value["speakers"]) == ([], [])


def test_a_film_has_chapters_by_its_pictures_and_cues_by_its_sound() -> None:
    chapters = rows(start=NUMBER, end=NUMBER, title=STRING)
    value = filled(an_object(chapters=chapters, cues=rows(start=NUMBER, end=NUMBER, text=STRING)), FILM)
    assert [one["start"] for one in value["chapters"]] == [0, 1.76, 3.52]
    assert [(one["start"], one["end"]) for one in value["cues"]] == [(2.76, 5.12)]


@pytest.mark.parametrize("facts", [TALK, FILM], ids=["talk", "film"])
def test_times_go_on_and_stay_within(facts: Facts) -> None:
    value = filled(an_object(segments=SEGMENTS, chapters=rows(start=NUMBER, end=NUMBER, title=STRING)), facts)
    for spans in value.values():
        edges = [time for span in spans for time in (span["start"], span["end"])]
        assert edges == sorted(edges)
        assert edges[-1] <= facts.duration_s  # type: ignore[union-attr]


def test_a_part_of_a_film_has_the_times_of_the_whole() -> None:
    clip = measure(KIT / "video-bunny.mp4", "video/mp4", Clip(3.0, 5.0))
    value = filled(an_object(chapters=rows(start=NUMBER, end=NUMBER, title=STRING), segments=SEGMENTS), clip)
    for spans in value.values():
        assert 3.0 <= spans[0]["start"] < spans[-1]["end"] <= 5.0


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        (STRING, "00:01"),
        ({**STRING, "description": "As HH:MM:SS,mmm"}, "00:00:01,600"),
        ({**STRING, "pattern": r"^\d\d:\d\d:\d\d\.\d{3}$"}, "00:00:01.600"),
        ({**STRING, "pattern": r"^\d\d:\d\d:\d\d$"}, "00:00:01"),
        ({**STRING, "description": "MM:SS.mmm"}, "00:01.600"),
    ],
)
def test_times_are_written_as_asked(member: Schema, shown: str) -> None:
    value = filled(an_object(segments=rows(start=member, text=STRING)), TALK)
    assert value["segments"][1]["start"] == shown


def test_milliseconds_are_a_thousand_times_as_many() -> None:
    whole = {"type": "integer"}
    value = filled(an_object(segments=rows(start_ms=whole, endMs=whole, text=STRING)), TALK)
    assert [(one["start_ms"], one["endMs"]) for one in value["segments"]][1] == pytest.approx(
        (1600, 3100), abs=50
    )


def test_times_of_several_files_do_not_run_into_each_other() -> None:
    assert len(filled(an_object(segments=SEGMENTS), TALK, FILM)["segments"]) == 3
    named = rows(file=NUMBER, start=NUMBER, text=STRING)
    assert [one["file"] for one in filled(an_object(segments=named), TALK, FILM)["segments"]] == [1, 1, 1, 2]


def test_a_form_is_not_made_up() -> None:
    receipt = an_object(
        ["currency", "items"],
        currency={"type": "string", "enum": ["EUR", "USD"]},
        items=rows(name=STRING, quantity=NUMBER, price=NUMBER),
        total=NUMBER,
    )
    for facts in (CAT, PAGES):
        assert filled(receipt, facts) == {"currency": "EUR", "items": []}


def test_a_specification_says_what_it_requires() -> None:
    deviations = rows(requirement=STRING, page=NUMBER, expected=STRING, found=STRING)
    (deviation,) = filled(an_object(deviations=deviations), CAT, PAGES)["deviations"]
    assert (deviation["requirement"], deviation["page"]) == ("Total 12.50", 1)
    assert filled(an_object(deviations=deviations), FILM) == {"deviations": []}


def test_text_of_pages_and_of_pictures() -> None:
    schema = an_object(pages=rows(page=NUMBER, text=STRING))
    assert filled(schema, PAGES) == {"pages": [{"page": 1, "text": "Total 12.50"}]}
    (page,) = filled(schema, CAT)["pages"]
    assert "451 x 300" in page["text"]
    blocks = filled(an_object(blocks=rows(text=STRING, box_2d={"type": "array", "items": NUMBER})), CAT)
    assert blocks["blocks"][0]["text"] == "brown region 1"
    assert blocks["blocks"][0]["box_2d"] == list(CAT.regions[0].box)  # type: ignore[union-attr]


def test_names_beside_others_keep_their_meaning() -> None:
    schema = an_object(picture_width=NUMBER, file_format=STRING, recorded_at={"type": "string"}, image=STRING)
    buffer = io.BytesIO()
    Image.new("RGB", (70, 30), "red").save(buffer, "PNG")
    value = filled(schema, measure(buffer.getvalue(), "image/png", Clip()))
    assert (value["picture_width"], value["file_format"]) == (70, "PNG")
