"""Structured output of the loopback Gemini: valid by the schema, and measured where names ask for it."""

from typing import Any

import jsonschema
import pytest
from gemini_rest_rig import KIT, pdf
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.emulators.gemini.media_facts import Clip, Facts
from bot.emulators.gemini.media_measure import measure
from bot.emulators.gemini.rest_errors import RestError
from bot.emulators.gemini.rest_findings import Findings
from bot.emulators.gemini.rest_openapi import from_openapi
from bot.emulators.gemini.rest_schema import fill, spoil
from bot.emulators.gemini.wire import RefusedError

CAT = measure(KIT / "photo-cat.png", "image/png", Clip())
COFFEE = measure(KIT / "photo-coffee.png", "image/png", Clip())
FILM = measure(KIT / "video-bunny.mp4", "video/mp4", Clip())
SPEECH = measure(KIT / "speech-austen-0920.wav", "audio/wav", Clip())
PAGES = measure(pdf("The first page.", "And the second one."), "application/pdf", Clip())

STRING: dict[str, Any] = {"type": "string"}
NUMBER: dict[str, Any] = {"type": "number"}
INTEGER: dict[str, Any] = {"type": "integer"}


def findings(*facts: Facts) -> Findings:
    return Findings(facts, "What is it?", ("It was measured.", "So it is said."))


def an_object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


def a_list(of: dict[str, Any], **bounds: int) -> dict[str, Any]:
    return {"type": "array", "items": of, **bounds}


def test_members_are_measured_by_their_names() -> None:
    schema = an_object(
        image_width=INTEGER, heightPx=NUMBER, file_format=STRING, colors=a_list(STRING), question=STRING
    )
    assert fill(schema, findings(CAT)) == {
        "image_width": 451,
        "heightPx": 300,
        "file_format": "PNG",
        "colors": ["brown", "orange", "grey"],
        "question": "What is it?",
    }


def test_boxes_are_those_of_the_picture() -> None:
    schema = a_list(an_object(box_2d=a_list(INTEGER, minItems=4, maxItems=4), label=STRING))
    found = fill(schema, findings(CAT))
    assert [one["box_2d"] for one in found] == [list(one.box) for one in CAT.regions]  # type: ignore[union-attr]
    assert found[0]["label"] == "brown region 1"
    assert fill(schema, findings(COFFEE))[0]["box_2d"] != found[0]["box_2d"]


def test_boxes_in_space_have_nine_numbers() -> None:
    schema = an_object(objects=a_list(an_object(label=STRING, box_3d=a_list(NUMBER))))
    assert all(len(one["box_3d"]) == 9 for one in fill(schema, findings(COFFEE))["objects"])


def test_chapters_lie_within_the_film() -> None:
    schema = an_object(
        chapters=a_list(an_object(start_time=NUMBER, end_time=NUMBER, title=STRING)), theme=STRING
    )
    chapters = fill(schema, findings(FILM))["chapters"]
    assert chapters[0]["start_time"] == 0.0
    assert chapters[-1]["end_time"] == pytest.approx(5.28)
    assert [one["title"] for one in chapters] == ["Scene 1", "Scene 2", "Scene 3"]


def test_times_may_be_asked_for_as_text() -> None:
    schema = an_object(segments=a_list(an_object(start=STRING, end=STRING, speaker=STRING, text=STRING)))
    (segment,) = fill(schema, findings(SPEECH))["segments"]
    assert (segment["start"], segment["end"]) == ("00:00", "00:05")
    assert segment["speaker"] == "A voice at 113 Hz"


def test_pages_and_nested_parts() -> None:
    schema = an_object(page_count=INTEGER, pages=a_list(an_object(page=INTEGER, text=STRING)))
    assert fill(schema, findings(PAGES)) == {
        "page_count": 2,
        "pages": [{"page": 1, "text": "The first page."}, {"page": 2, "text": "And the second one."}],
    }
    inner = an_object(width=INTEGER, objects=a_list(an_object(box_2d=a_list(INTEGER))))
    pictures = fill(an_object(pictures=a_list(inner)), findings(CAT, COFFEE))["pictures"]
    assert [one["width"] for one in pictures] == [451, 600]
    assert pictures[1]["objects"][0]["box_2d"] == list(COFFEE.regions[0].box)  # type: ignore[union-attr]


def test_what_was_not_measured_is_left_out_or_null() -> None:
    schema = an_object(
        ["owner", "deadline", "score"],
        owner=STRING,
        deadline={"type": ["string", "null"]},
        score=NUMBER,
        due=STRING,
    )
    assert fill(schema, findings(CAT)) == {
        "owner": "It was measured. So it is said.",
        "deadline": None,
        "score": 0,
    }


def test_the_end_of_a_schema_within_itself() -> None:
    node = an_object(["title"], title=STRING, children=a_list({"$ref": "#/$defs/node"}))
    schema = {"$defs": {"node": node}, "$ref": "#/$defs/node"}
    value = fill(schema, findings(CAT, FILM))
    jsonschema.validate(value, schema)
    endless = {"$defs": {"node": an_object(child={"$ref": "#/$defs/node"})}, "$ref": "#/$defs/node"}
    with pytest.raises(RestError, match="nested too deeply"):
        fill(endless, findings(CAT))


@pytest.mark.parametrize(
    "schema",
    [an_object(title=STRING), STRING, INTEGER, a_list(STRING)],
)
def test_a_spoilt_answer_breaks_the_schema(schema: dict[str, Any]) -> None:
    value = fill(schema, findings(CAT))
    jsonschema.validate(value, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoil(value, schema), schema)


def _bounded(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(st.integers(-50, 500), st.integers(0, 500)).map(
        lambda pair: {"type": kind, "minimum": pair[0], "maximum": pair[0] + pair[1]}
    )


NAMES = st.sampled_from(
    [
        "start",
        "end_time",
        "box_2d",
        "label",
        "width",
        "colour",
        "summary",
        "page",
        "owner",
        "isOk",
        "points",
        "x",
    ]
)
LEAVES = st.one_of(
    st.sampled_from([STRING, NUMBER, INTEGER, {"type": "boolean"}, {"type": "null"}]),
    st.sampled_from([{"type": ["integer", "null"]}, {"anyOf": [{"type": "null"}, STRING]}]),
    _bounded("number"),
    _bounded("integer"),
    st.tuples(st.sampled_from(["number", "integer"]), st.integers(-50, 500), st.integers(2, 500)).map(
        lambda three: {
            "type": three[0],
            "exclusiveMinimum": three[1],
            "exclusiveMaximum": three[1] + three[2],
        }
    ),
    st.tuples(st.integers(0, 30), st.integers(0, 300)).map(
        lambda pair: {"type": "string", "minLength": pair[0], "maxLength": pair[0] + pair[1]}
    ),
    st.sampled_from(["date", "date-time"]).map(lambda form: {"type": "string", "format": form}),
    st.sampled_from([r"^\d+$", r"^[A-Z]{3}$", r"^\d\d:\d\d$"]).map(
        lambda one: {"type": "string", "pattern": one}
    ),
    st.lists(st.sampled_from(["a", "brown", 3, None]), min_size=1, unique=True).map(
        lambda some: {"enum": some}
    ),
)


def _grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(NAMES, inner, min_size=1, max_size=4)
    return st.one_of(
        st.tuples(members, st.booleans()).map(lambda pair: an_object(None if pair[1] else [], **pair[0])),
        st.tuples(inner, st.integers(0, 3), st.integers(0, 5)).map(
            lambda three: a_list(three[0], minItems=three[1], maxItems=three[1] + three[2])
        ),
        st.lists(inner, min_size=1, max_size=2).map(lambda some: {"anyOf": some}),
        inner.map(lambda one: {"$defs": {"one": one}, "allOf": [one]}),
    )


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(LEAVES, _grown, max_leaves=12),
    st.sampled_from([(), (CAT,), (FILM, SPEECH), (PAGES, COFFEE)]),
)
def test_every_answer_is_valid(schema: dict[str, Any], facts: tuple[Facts, ...]) -> None:
    jsonschema.validate(fill(schema, findings(*facts)), schema)


def test_openapi_becomes_json_schema() -> None:
    schema = from_openapi(
        {
            "type": "OBJECT",
            "propertyOrdering": ["a"],
            "properties": {
                "a": {"type": "ARRAY", "min_items": "2", "items": {"type": "STRING", "nullable": True}},
                "b": {"any_of": [{"type": "INTEGER"}, {"type": "NULL"}]},
            },
            "required": ["a"],
        }
    )
    assert schema == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "minItems": 2, "items": {"type": ["string", "null"]}},
            "b": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["a"],
    }


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "DICT"},
        {"type": "OBJECT"},
        {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["b"]},
        {"type": "STRING", "surprise": 1},
        {"type": "ARRAY", "minItems": "many"},
    ],
)
def test_broken_openapi_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises((RestError, RefusedError)):
        from_openapi(schema)
