"""/extract: what the loopback Gemini measured, by ready-made and given schemas, as tables and files."""

import csv
import io
import json
import threading
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from media_rig import Rig, finished, rig
from printed import printed

from bot.emulators.gemini.rest_faults import RestFault, RestWhere, Spoil
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.events import Made, MediaEvent, TextWhole
from bot.media.extraction.files import csv_of, safe
from bot.media.extraction.given import read_schema
from bot.media.extraction.ready import Kind, schema_of
from bot.media.tasks.extract import Extract
from bot.media.tasks.table import from_json, to_json

__all__ = ["rig"]

# What Gemini takes of JSON Schema: ai.google.dev/api/generate-content, responseJsonSchema.
GEMINI_TAKES = {
    *("$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items"),
    *("prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties"),
    *("additionalProperties", "required"),
}
RECEIPT: dict[str, Any] = {
    "merchant": "Café | Grün",
    "address": None,
    "receipt_number": "0042",
    "date": "2026-02-28",
    "time": "14:05",
    "currency": "EUR",
    "items": [
        {"description": "Espresso", "quantity": 2, "unit_price": 2.5, "total": 5.0},
        {"description": "=Cake", "quantity": None, "unit_price": None, "total": 4.25},
        {"description": "Discount", "quantity": None, "unit_price": None, "total": -0.25},
    ],
    "subtotal": None,
    "discount": None,
    "tax": 1.44,
    "tax_included": True,
    "tip": 1,
    "total": 10.0,
    "payment_method": None,
}
STOP = threading.Event()


def made(events: list[MediaEvent]) -> dict[str, bytes]:
    return {file.name: file.data for event in events if isinstance(event, Made) for file in event.files}


def last_text(events: list[MediaEvent]) -> str:
    return [event.text for event in events if isinstance(event, TextWhole)][-1]


def given(schema: dict[str, Any], **changes: Any) -> Extract:
    return Extract("own", read_schema(json.dumps(schema).encode(), "own.json"), **changes)


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def keywords(schema: Any) -> set[str]:
    """Return the keywords at all places where a schema stands."""
    if not isinstance(schema, dict):
        return set()
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    inner += [one for name in ("anyOf", "oneOf", "prefixItems") for one in schema.get(name, ())]
    inner += [schema.get("items"), schema.get("additionalProperties")]
    return set(schema).union(*map(keywords, inner))


async def test_a_product_by_its_picture(rig: Rig) -> None:
    events = await rig.ask(rig.post_media("photo-cat.png"), task=Extract.of_kind("product"))
    value = json.loads(made(events)["extracted.json"])
    assert "451 x 300 pixels" in value["summary"]
    assert value["colours"]
    assert value["brand"] is None
    assert f"| Colours | {', '.join(value['colours'])} |" in last_text(events)
    assert "Not found: Name, Brand, Model" in last_text(events) or value["name"]
    assert finished(events).truncated is None


async def test_tables_of_each_page_with_csv(rig: Rig) -> None:
    source = rig.post("prices.pdf", printed("Fruit and prices", "Nuts and prices"))
    events = await rig.ask(source, task=Extract.of_kind("table", csv=True))
    tables = json.loads(made(events)["extracted.json"])["tables"]
    assert [(table["title"], table["page"]) for table in tables] == [
        ("Fruit and prices", 1),
        ("Nuts and prices", 2),
    ]
    assert "### Fruit and prices (page 1)" in last_text(events)
    assert set(made(events)) == {"extracted.json", "table-1.csv", "table-2.csv"}


async def test_a_given_schema_with_its_definitions(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    """What the model is not told by keywords it is told in words, and it is checked all the same."""
    page = {
        "type": "object",
        "properties": {"page": {"type": "integer"}, "text": {"$ref": "#/definitions/t"}},
    }
    task = given(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": "#/definitions/all",
            "definitions": {
                "t": {"type": "string", "minLength": 3},
                "p": page,
                "all": {
                    "type": "object",
                    "properties": {"pages": {"type": "array", "items": {"$ref": "#/definitions/p"}}},
                },
            },
        },
        csv=True,
    )
    events = await rig.ask(rig.post("p.pdf", printed("First page", "A second")), task=task)
    assert json.loads(made(events)["extracted.json"]) == {
        "pages": [{"page": 1, "text": "First page"}, {"page": 2, "text": "A second"}]
    }
    assert rows_of(made(events)["pages.csv"]) == [["page", "text"], ["1", "First page"], ["2", "A second"]]
    assert "| 2 | A second |" in last_text(events)
    sent = gemini_emulator.requests[-1].schema
    assert keywords(sent) <= GEMINI_TAKES
    assert sent is not None and "at least 3 characters" in sent["$defs"]["t"]["description"]


async def test_a_spoilt_answer_is_asked_for_once_more(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.faults.append(RestFault(RestWhere.GENERATE, Spoil()))
    events = await rig.ask(rig.post("a.pdf", printed("Only page")), task=Extract.of_kind("form"))
    first, second = gemini_emulator.requests
    assert "title" not in json.loads(first.answer)
    assert "'title' is a required property" in second.prompt
    assert "Only page" in json.loads(made(events)["extracted.json"])["title"] or finished(events)
    assert finished(events).truncated is None


@pytest.mark.parametrize("kind", get_args(Kind))
def test_ready_made_schemas_are_such_as_people_may_give(kind: Kind) -> None:
    schema = schema_of(kind)
    assert read_schema(json.dumps(schema).encode(), kind) == schema
    sent = Extract.of_kind(kind).schema
    assert keywords(sent) <= GEMINI_TAKES
    Draft202012Validator.check_schema(sent)
    task = Extract.of_kind(kind, csv=True, closeness="high")
    assert from_json(json.loads(json.dumps(to_json(task)))) == task


def test_a_receipt_as_people_see_it() -> None:
    task = Extract.of_kind("receipt", csv=True)
    assert task.problems(RECEIPT, ()) == []
    shown = task.render(RECEIPT, ())
    assert "| Merchant | Café \\| Grün |" in shown
    assert "| Tax included | yes |" in shown
    assert "| Total | 10 |" in shown
    assert "### Items" in shown
    assert "| Espresso | 2 | 2.5 | 5.00 |" in shown
    assert "| =Cake |  |  | 4.25 |" in shown
    assert "Not found: Address, Subtotal, Discount, Payment method" in shown
    assert "⚠" not in shown
    files = {file.name: file.data for file in task.make(RECEIPT, (), STOP)}
    assert list(files) == ["extracted.json", "extracted.csv", "items.csv"]
    assert json.loads(files["extracted.json"]) == RECEIPT
    assert files["items.csv"].startswith(b"\xef\xbb\xbfdescription,quantity,unit_price,total\r\n")
    assert rows_of(files["items.csv"])[2:] == [["'=Cake", "", "", "4.25"], ["Discount", "", "", "-0.25"]]
    heads, values = rows_of(files["extracted.csv"])
    assert dict(zip(heads, values, strict=True))["merchant"] == "Café | Grün"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"total": 12.0}, "The lines come to 10.00, and the total says 12.00"),
        ({"total": 11.44}, "The lines come to 10.00, and the total says 11.44"),
        ({"total": 11.44, "tax_included": False}, None),
        ({"tax_included": False}, "The lines come to 11.44, and the total says 10.00"),
        ({"total": 11.44, "tax_included": None}, None),
        ({"tip": None, "discount": 1, "total": 8.0}, None),
        ({"total": 9.95}, None),  # cash, rounded
        ({"items": [{"total": 10.0}, {"total": None}], "total": 99.0}, None),
        ({"items": [{"quantity": 3, "unit_price": 2.5, "total": 9.0}]}, "Line 1 says 3 times 2.50 is 9.00"),
    ],
)
def test_a_receipt_that_does_not_add_up_is_noted(changes: dict[str, Any], note: str | None) -> None:
    task, value = Extract.of_kind("receipt"), {**RECEIPT, **changes}
    shown = task.render(value, ())
    assert task.problems({**RECEIPT, "total": 12.0}, ()) == [], "it may be so on the paper"
    assert ("⚠" not in shown) if note is None else (f"⚠️ {note}" in shown)
    del value["payment_method"]
    assert "⚠" not in task.render(value, ()), "the receipt still grows"


def test_what_the_model_was_not_told_by_keywords_is_a_problem() -> None:
    wrong = {**RECEIPT, "date": "2026-02-30", "currency": "Euro"}
    found = Extract.of_kind("receipt").problems(wrong, ())
    assert len(found) == 2
    assert "$.date: '2026-02-30' is not a 'date'" in found
    assert any(each.startswith("$.currency: 'Euro' is too long") for each in found)
    many = given({"type": "object", "properties": {"n": {"type": "integer", "multipleOf": 0.5}}})
    assert many.problems({"n": 10**400}, ()) == ["A number is far too large."]


def test_a_row_of_another_length_is_a_problem() -> None:
    value = {"tables": [{"title": None, "page": 1, "columns": ["a", "b"], "rows": [["1", "2"], ["3"]]}]}
    found = Extract.of_kind("table").problems(value, ())
    assert found == ["tables[0].rows[1] has 1 cells, and the table has 2 columns"]


def test_every_state_of_a_growing_value_is_shown() -> None:
    from pydantic_core import from_json as partial

    grown: dict[Kind, Any] = {
        "receipt": RECEIPT,
        "table": {"tables": [{"title": "T", "page": 1, "columns": ["a"], "rows": [["1"], [None]]}]},
        "form": {"title": "F", "fields": [{"label": "Name", "value": "Ada", "sure": True}], "signed": True},
    }
    for kind, value in grown.items():
        task, whole = Extract.of_kind(kind), json.dumps(value)
        for end in range(1, len(whole) + 1):
            task.render(partial(whole[:end], allow_partial="trailing-strings"), ())
    assert Extract.of_kind("table").render({"tables": []}, ()) == "There is nothing of this in the file."
    assert Extract.of_kind("receipt").render({}, ()) == ""


def test_values_of_any_shape_are_shown() -> None:
    task = Extract("own", {"type": "object"})
    shown = task.render(
        {
            "shipTo": {
                "firstName": "Ada",
                "place": {"zip_code": "10115", "geo": {"lat": 52.53, "lon": 13.38}},
            },
            "ISBN": ["a", "b"],
            "matrix": [[1, 2], [3, 4]],
            "notes": ["x" * 200, "y *z*"],
            "parts": [{"name": "Bolt", "sizes": [1, 2]}, {"name": "Nut", "made": {"in": "DE"}}],
            "rate": 1234567.891,
            "empty": [],
        },
        (),
    )
    for line in (
        "| Ship to › First name | Ada |",  # noqa: RUF001
        "| Ship to › Place › Zip code | 10115 |",  # noqa: RUF001
        "| Ship to › Place › Geo | Lat: 52.53; Lon: 13.38 |",  # noqa: RUF001
        "| ISBN | a, b |",
        "| Rate | 1234567.891 |",
        "| Bolt | 1, 2 |  |",
        "| Nut |  | In: DE |",
        "- y \\*z\\*",
    ):
        assert line in shown, shown
    assert Extract("own", {}).render([{"a": 1}, {"a": 2, "b": "x"}], ()).count("\n") == 3
    long = Extract("own", {}).render([{"n": n} for n in range(60)], ())
    assert "| 49 |" in long and "| 50 |" not in long and "… and 10 more rows, in the attached file" in long


@pytest.mark.parametrize(
    "cell", ["=1+1", "@x", "+49 30 1234", "-5 €", "\t=1", "-cmd", "\uff1d1", "-1.5E", "=-5"]
)
def test_no_cell_becomes_a_formula(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-5", "+1.234,50", "-12%", "5", "a=b", "", "é"])
def test_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell


def test_csv_by_the_standard() -> None:
    data = csv_of(["a", "=b"], [['say "hi"', "x,y"], ["two\nlines", None], [-0.0000001, True]])
    assert data.decode("utf-8-sig").split("\r\n") == [
        "a,'=b",
        '"say ""hi""","x,y"',
        '"two\nlines",',
        "-1e-07,true",
        "",
    ]


def test_files_of_odd_names() -> None:
    value = {"Überschrift/../x": [{"a": 1}], "ÄÖ": [{"a": 2}], "table": [{"a": 3}], "n": "\ud800"}
    files = Extract("own", {}, csv=True).make(value, (), STOP)
    assert [file.name for file in files] == [
        "extracted.json",
        "extracted.csv",
        "berschrift-x.csv",
        "table.csv",
        "table-2.csv",
    ]
