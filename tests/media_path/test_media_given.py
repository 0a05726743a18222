"""JSON Schemas that people give: which are taken, and what is said of the others."""

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bot.media.errors import MediaError
from bot.media.extraction.given import MAX_BYTES, read_schema
from bot.media.extraction.keywords import for_gemini
from bot.media.tasks.extract import Extract


def read(schema: Any) -> dict[str, Any]:
    return read_schema(json.dumps(schema).encode(), "my.json")


def refused(data: bytes) -> str:
    with pytest.raises(MediaError) as caught:
        read_schema(data, "my.json")
    return str(caught.value)


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "my.json is empty: put a JSON Schema into it."),
        (b"\xff\xfe{", "my.json is not text in UTF-8: save it as a JSON file."),
        (b'{\n "type": object}', "my.json is not JSON: in line 2, column 10, expecting value."),
        (b'{"minimum": NaN}', "my.json is not JSON: NaN is no number there."),
        (b"[1]", "my.json holds a list, and a JSON Schema is an object: put it between { and }."),
        (b"7", "my.json holds a number, and a JSON Schema is an object: put it between { and }."),
        (b"{}", "my.json asks for nothing: give it properties, or items of a list."),
        (b"[" * 60_000, "my.json is nested too deeply: make it flatter."),
        (b"[" * 70 + b"]" * 70, "my.json is nested too deeply: make it flatter."),
        (b" " * (MAX_BYTES + 1), "my.json is larger than 64 KiB, the limit for a schema: shorten it."),
    ],
)
def test_what_is_no_schema(data: bytes, sentence: str) -> None:
    assert refused(data) == sentence


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (of(a={"pattern": "(a+)+$"}), "uses pattern, which can't be used here: leave that out."),
        (
            of(a={"allOf": [{"not": {}}], "uniqueItems": True}),
            "uses allOf and uniqueItems, which can't be used here: leave that out.",
        ),
        (
            {"type": "object", "patternProperties": {"(a+)+$": {}}, "properties": {}},
            "uses patternProperties, which can't be used here: leave that out.",
        ),
        (of(a=True), "uses true or false in place of a schema, which can't be used here: leave that out."),
        (
            of(a={"$ref": "https://example.com/s.json"}),
            "refers to https://example.com/s.json, which is none of its own $defs: put it there.",
        ),
        (of(a={"$ref": "#"}), "refers to #, which is none of its own $defs: put it there."),
        (
            of(a={"$ref": "#/properties/a"}),
            "refers to #/properties/a, which is none of its own $defs: put it there.",
        ),
        (
            {
                "$ref": "#/$defs/a",
                "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
            },
            "refers to itself in a circle: write out as many levels as you need.",
        ),
        (
            {**of(a={}), "required": ["a", "b", "c"]},
            "requires b and c, which its properties don't have: add it there.",
        ),
        (
            of(a={"type": "money"}),
            "is not a valid JSON Schema (2020-12): at properties/a/type, "
            "'money' is not valid under any of the given schemas.",
        ),
        (
            {"properties": 5},
            "is not a valid JSON Schema (2020-12): at properties, 5 is not of type 'object'.",
        ),
        (
            of(a={"type": "array", "items": [{}]}),
            "is not a valid JSON Schema (2020-12): at properties/a/items",
        ),
        (of(a={"enum": list(range(1001))}), "has an enum of more than 1,000 values: shorten it."),
        (of(a={"anyOf": [{"type": "null"}] * 16}), "has more than 16 alternatives for one value"),
        (
            {"anyOf": [of(a={"oneOf": [{}, {}]}), of(a={"items": {"anyOf": [{}] * 14}})]},
            "has more than 16 alternatives for one value",
        ),
        (of(**{f"p{n}": {} for n in range(2000)}), "has more than 2,000 members"),
    ],
)
def test_what_can_not_be_used(schema: Any, sentence: str) -> None:
    said = refused(json.dumps(schema).encode())
    assert said.startswith(f"my.json {sentence}")


def test_references_do_not_multiply() -> None:
    """Each level has the next ten times: a small file that would be 10^12 schemas."""
    definitions = {
        f"d{level}": of(**{f"p{n}": {"$ref": f"#/$defs/d{level + 1}"} for n in range(10)})
        for level in range(12)
    }
    bomb = {"$ref": "#/$defs/d0", "$defs": {**definitions, "d12": {"type": "string"}}}
    began = time.process_time()
    assert "has more than 2,000 members, its $refs followed" in refused(json.dumps(bomb).encode())
    assert time.process_time() - began < 5


def test_a_long_chain_of_references() -> None:
    chain = {f"d{level}": {"$ref": f"#/$defs/d{level + 1}"} for level in range(900)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**chain, "d900": {"type": "string"}}}
    assert "refers from one definition to the next too often" in refused(json.dumps(schema).encode())


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        schema = of(a=schema)
    assert "has more than 16 levels" in refused(json.dumps(schema).encode())


def test_what_only_describes_is_dropped_and_old_definitions_are_known() -> None:
    kept = read(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://example.com/a",
            "x-mine": {"pattern": "("},
            "definitions": {"d": {"type": "string", "examples": ["x"]}},
            **of(pattern={"$ref": "#/definitions/d"}, allOf={"type": "string", "default": "y"}),
        }
    )
    assert kept == {
        **of(pattern={"$ref": "#/$defs/d"}, allOf={"type": "string"}),
        "$defs": {"d": {"type": "string"}},
    }


def test_the_same_values_fit_what_gemini_is_told() -> None:
    kept = read(
        of(
            size={"type": ["string", "null"], "enum": ["S", "M", None], "title": "Size"},
            fixed={"const": "x"},
            flag={"enum": [True, False], "type": "boolean"},
            mail={"type": "string", "format": "email", "description": "Of the sender"},
            pair={"prefixItems": [{"type": "number"}], "items": False, "type": "array"},
        )
    )
    told = for_gemini(kept)["properties"]
    assert told == {
        "size": {"title": "Size", "anyOf": [{"type": ["string"], "enum": ["S", "M"]}, {"type": "null"}]},
        "fixed": {"enum": ["x"]},
        "flag": {"type": "boolean"},
        "mail": {"type": "string", "description": "Of the sender (format: email)"},
        "pair": {"prefixItems": [{"type": "number"}], "type": "array"},
    }
    for value in ({"size": None}, {"size": "M", "fixed": "x", "flag": True}, {"pair": [1]}):
        assert Draft202012Validator(kept).is_valid(value)
        assert Draft202012Validator(for_gemini(kept)).is_valid(value)
    assert Extract("own", kept).problems({"size": "L", "fixed": "y", "mail": "nobody", "pair": [1, 2]}, ())
    assert (
        len(Extract("own", kept).problems({"size": "L", "fixed": "y", "mail": "nobody", "pair": [1, 2]}, ()))
        == 4
    )


def test_each_member_may_have_its_alternatives() -> None:
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = of(**{f"p{number}": nullable for number in range(200)})
    assert read(schema) == schema


def test_what_gemini_refuses_in_large_numbers_it_is_told_in_words() -> None:
    """Bounds of lists and long enums count towards a budget of its own; over it, any request is refused."""
    long, short = [f"a long choice, number {at}" for at in range(100)], ["a", None]
    kept = read(
        of(
            parts={
                "type": "array",
                "items": of(a={}),
                "minItems": 2,
                "maxItems": 900,
                "description": "Parts",
            },
            one={"enum": long},
            other={"type": ["string", "null"], "enum": short},
        )
    )
    made = for_gemini(kept)["properties"]
    assert made["parts"] == {
        "type": "array",
        "items": of(a={}),
        "description": "Parts (at least 2 items; at most 900 items)",
    }
    assert made["one"] == {"description": f"(one of {json.dumps(long)})"}
    assert made["other"]["anyOf"][0]["enum"] == ["a"]
    problems = Extract("own", kept).problems({"parts": [{}], "one": "b"}, ())
    assert any(problem.startswith("$.parts: ") for problem in problems)
    assert any(problem.startswith("$.one: ") for problem in problems)
