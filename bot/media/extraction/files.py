"""Values as files: JSON, and CSV (RFC 4180) that spreadsheets open as it is meant.

A cell that begins as a formula gets an apostrophe: https://owasp.org/www-community/attacks/CSV_Injection
So does what follows a semicolon in it: where decimals have commas, spreadsheets part cells there.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.media.events import MadeFile
from bot.media.extraction.shown import columns_of, is_table
from bot.media.task import Json
from bot.media.value import rows

MOST_TABLES = 5  # files beside the first: Discord takes ten a message, and the answer may be one
_LONGEST_NAME = 40
# Of one table: six times as many as a model's longest answer has. Items that have no name in common, each a
# column of its own, would make hundreds of millions.
_MOST_CELLS = 200_000
_REST = "…"  # the column of what has none of its own

# Full-width signs begin a formula too, where Excel speaks Japanese.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d[\d.,]*%?")

Table = tuple[str, list[str], list[list[Any]]]
"""A name, the heads of the columns, and the rows."""


def json_file(value: Json) -> MadeFile:
    """Return a value as extracted.json."""
    data = json.dumps(value, ensure_ascii=False, indent=2).encode(errors="replace")
    return MadeFile("extracted.json", data, "What was extracted, as JSON")


def csv_files(value: Json, kind: str | None = None) -> list[MadeFile]:
    """Return the tables of a value as CSV files, UTF-8 with a mark that Excel needs to know it by."""
    tables = _page_tables(value) if kind == "table" else _tables(value)
    used: set[str] = set()
    made = []
    for name, columns, lines in itertools.islice(tables, MOST_TABLES + 1):
        file = f"{_unused(name, used)}.csv"
        made.append(MadeFile(file, csv_of(columns, lines), f"What was extracted, as a table: {name}"))
    return made


def csv_of(columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> bytes:
    """Return a table as CSV; a table without heads has none."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if any(columns):
        writer.writerow([safe(column) for column in columns])
    writer.writerows([_safe_cell(cell) for cell in line] for line in lines)
    return out.getvalue().encode("utf-8-sig", errors="replace")


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; numbers stay as they are."""
    return ";".join(f"'{part}" if _is_formula(part) else part for part in cell.split(";"))


def _is_formula(part: str) -> bool:
    """Say whether a spreadsheet may take a text for a formula; some cut off the space before it."""
    bare = part.strip()
    return bare.startswith(_FORMULA) and _NUMBER.fullmatch(bare) is None


def _safe_cell(value: Any) -> str:
    cell = _cell(value)
    return cell if isinstance(value, int | float) else safe(cell)


def _tables(value: Json) -> Iterator[Table]:
    """Yield an object's own values as one row, then each list of objects in it; or the list that it is."""
    if isinstance(value, list):
        yield _list("extracted", value)
        return
    if not isinstance(value, dict):
        yield "extracted", ["value"], [[value]]
        return
    flat = dict(_flat(value))
    lists = {name: each for name, each in flat.items() if is_table(each)}
    own = {name: each for name, each in flat.items() if name not in lists}
    if own:
        yield "extracted", list(own), [list(own.values())]
    for name, each in lists.items():
        yield _list(name, each)


def _list(name: str, items: list[Any]) -> Table:
    if is_table(items):
        columns = columns_of(items)
        room = max(1, _MOST_CELLS // len(items))
        own, others = columns[:room], set(columns[room:])
        lines = [[item.get(column) for column in own] for item in items]
        if others:
            for line, item in zip(lines, items, strict=True):
                line.append({key: each for key, each in item.items() if key in others} or None)
        return name, [*own, *([_REST] if others else [])], lines
    return name, [], [each if isinstance(each, list) else [each] for each in items]


def _page_tables(value: Json) -> Iterator[Table]:
    found = rows(value, "tables")
    for index, each in enumerate(found, start=1):
        columns, lines = each.get("columns"), each.get("rows")
        yield (
            "extracted" if len(found) == 1 else f"table-{index}",
            [_cell(column) for column in columns] if isinstance(columns, list) else [],
            [line for line in lines if isinstance(line, list)] if isinstance(lines, list) else [],
        )


def _flat(value: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the members of an object, those of objects within it as `outer.inner`."""
    for name, each in value.items():
        if isinstance(each, dict) and each:
            yield from _flat(each, f"{within}{name}.")
        else:
            yield f"{within}{name}", each


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list() if not any(isinstance(each, dict | list) for each in value):
            return "; ".join(map(_cell, value))
        case list() | dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _unused(name: str, used: set[str]) -> str:
    """Return a name for a file, by letters that every system takes, and no other file's."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:_LONGEST_NAME] or "table"
    found, count = stem, 1
    while found.lower() in used:
        count += 1
        found = f"{stem}-{count}"
    used.add(found.lower())
    return found
