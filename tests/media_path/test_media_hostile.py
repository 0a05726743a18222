"""Values and schemas that are made to take for ever, or to run as formulas: they do neither."""

import csv
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bot.media.errors import MediaError
from bot.media.extraction import checking
from bot.media.extraction.files import csv_files, csv_of, safe
from bot.media.extraction.given import read_schema
from bot.media.extraction.shown import MOST_COLUMNS, markdown
from bot.media.growing import Growing
from bot.media.tasks.extract import Extract

ANYTHING: dict[str, Any] = {"type": "object"}


@contextmanager
def within(cpu_s: float) -> Iterator[None]:
    """Fail where this thread computes for longer; what else the machine does counts for nothing."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < cpu_s


def test_deep_values_are_shown_in_time() -> None:
    value: Any = "ground"
    for _ in range(19):
        value = {"in": value}
    with within(0.5):
        assert "ground" in markdown(value)
    for _ in range(170):
        value = {"in": value}
    growing = Growing(Extract("own", ANYTHING), ())
    growing.add(json.dumps({"deep": value}))
    with within(0.5):
        assert "Deep" in growing.render()


def test_items_that_share_no_member_are_shown_in_time() -> None:
    items = [{f"name{at}": "x"} for at in range(6_000)]
    with within(1.0):
        shown = markdown({"items": items})
    assert f"{6_000 - MOST_COLUMNS} more columns" in shown
    assert "5,950 more rows" in shown


def test_a_column_that_begins_late_is_shown() -> None:
    items: list[dict[str, Any]] = [{"a": 1, "never": None} for _ in range(100)]
    shown = markdown([*items, {"b": 2}])
    assert "| A | B |" in shown


def test_items_that_share_no_member_make_no_endless_csv() -> None:
    items = [{f"name{at}": f"x{at}", "same": at} for at in range(6_000)]
    with within(3.0):
        (file,) = csv_files({"items": items})
    lines = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert len(lines) == 6_001
    assert lines[0][:2] == ["name0", "same"] and lines[0][-1] == "…"
    assert lines[1][:2] == ["x0", "0"] and lines[1][-1] == ""
    # Nothing is lost: what has no column of its own stands in the last one.
    assert json.loads(lines[-1][-1]) == {"name5999": "x5999"}


def test_no_empty_list_of_not_found_runs_on_for_ever() -> None:
    shown = markdown({"a": 1} | {f"name{at}": None for at in range(500)})
    assert "Name 49" in shown and "Name 50" not in shown and "and 450 more" in shown


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("fine;=1+1", "fine;'=1+1"),
        ("a; @b;\t-cmd", "a;' @b;'\t-cmd"),
        ("=a;=b", "'=a;'=b"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
    ],
)
def test_no_part_of_a_cell_becomes_a_formula(cell: str, written: str) -> None:
    """Where the comma is for decimals, spreadsheets part cells at semicolons."""
    assert safe(cell) == written


@pytest.mark.parametrize("cell", ["-5; -6", "a; b", "see; +1.5;x", "a - b", "; ;"])
def test_lists_of_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell
    assert csv_of(["n"], [[[-5, "-6"]]]).decode("utf-8-sig") == "n\r\n-5; -6\r\n"


def test_checking_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CPU_S", 0.3)
    # Members that every object lacks, in one of two alternatives: the errors of both are collected.
    names = [f"n{at}" for at in range(600)]
    lacking = {"type": "object", "properties": {name: {} for name in names}, "required": names}
    schema = {"type": "array", "items": {"anyOf": [lacking, {"type": "object"}]}}
    task = Extract("own", read_schema(json.dumps(schema).encode(), "own.json"))
    growing = Growing(task, ())
    growing.add(json.dumps([{}] * 30_000))
    with within(2.0), pytest.raises(MediaError, match="too much to be checked by that schema"):
        growing.problems()
    with within(2.0), pytest.raises(MediaError, match="too much to be checked by that schema"):
        task.problems([{}] * 30_000, ())


def test_checking_says_the_same_as_the_validator() -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    found = checking.faults(schema, [{"a": 1}, {"a": "x"}, 3, {"a": None}], 2)
    assert [error.json_path for error in found] == ["$[1].a", "$[2]"]
    assert not checking.faults(schema, [{"a": 1}], 2)


def test_an_honest_large_table_is_checked() -> None:
    cells = {f"c{at}": {"type": ["string", "null"], "description": "A cell."} for at in range(20)}
    schema = {
        "type": "object",
        "properties": {"lines": {"type": "array", "items": {"type": "object", "properties": cells}}},
    }
    value = {"lines": [dict.fromkeys(cells, "said") for _ in range(1_500)]}
    with within(checking.CPU_S):
        assert Extract("own", schema).problems(value, ()) == []


def test_checks_take_turns() -> None:
    schema = {"type": "array", "items": {"type": "integer"}}
    results: list[int] = []

    def check() -> None:
        results.append(len(checking.faults(schema, ["x"] * 50, 20)))

    threads = [threading.Thread(target=check) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert results == [20] * 4
