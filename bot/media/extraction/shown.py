"""Values of any schema as Markdown: objects as names and values, lists of objects as tables."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.media.task import Json
from bot.media.value import number, rows, text

MOST_ROWS = 50  # that are shown of a table; the files have all
MOST_COLUMNS = 12  # a wider table is told row by row, and nobody reads on
_LONGEST = 300  # characters of a cell
_MOST_DECIMALS = 6  # of a column; an exponent counts as such, and means a tiny number
_NUMBERS_END = 1e300  # JSON's integers have none; what can't be a float is only a row of digits
_WITHIN = " › "  # noqa: RUF001 - as paths are written on screens: Address, then City within it
_DEEPEST = 3  # objects within objects whose names are joined so; deeper ones are told in a cell

_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&]")
_WORDS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")


def markdown(value: Json) -> str:
    """Return a value, which may still grow, as Markdown; nothing for an empty one."""
    if isinstance(value, list):
        return _list(value)
    if not isinstance(value, dict):
        return plain(written(value))
    pairs = list(_pairs(value))
    known = [(name, each) for name, each in pairs if written(each)]
    parts = []
    if known:
        parts.append(table(["Field", "Value"], [[name, each] for name, each in known]))
    for name, each in _sections(value):
        parts.append(f"### {plain(name)}\n\n{_list(each)}")
    missing = [plain(name) for name, each in pairs if each is None]
    if missing:
        more = f" and {len(missing) - MOST_ROWS:,} more" if len(missing) > MOST_ROWS else ""
        parts.append(f"Not found: {', '.join(missing[:MOST_ROWS])}{more}")
    return "\n\n".join(parts)


def tables_markdown(value: Json) -> str:
    """Return a value of the kind `table` as Markdown."""
    parts = []
    for index, each in enumerate(rows(value, "tables"), start=1):
        title, page = text(each, "title"), number(each, "page")
        heading = plain(title or f"Table {index}") + (f" (page {page:g})" if page is not None else "")
        lines = [row for row in _listed(each.get("rows")) if isinstance(row, list)]
        columns = [written(column) for column in _listed(each.get("columns"))]
        columns = columns or [""] * max((len(row) for row in lines), default=0)
        shown = table(columns, lines) if columns else ""
        parts.append(f"### {heading}\n\n{shown}".strip())
    return "\n\n".join(parts)


def table(columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table; a column of numbers stands to the right."""
    wide = len(columns) > MOST_COLUMNS
    width = min(len(columns), MOST_COLUMNS)
    rows_shown = [[*line[:width], *[None] * (width - len(line))] for line in lines[:MOST_ROWS]]
    by_column = [_column([line[at] for line in rows_shown]) for at in range(width)]
    rules = ["---:" if right else "---" for _, right in by_column]
    cells = zip(*(column for column, _ in by_column), strict=True)
    made = [_row([plain(written(each)) for each in columns[:width]]), _row(rules), *map(_row, cells)]
    left = len(lines) - len(rows_shown)
    notes = [f"{left:,} more rows"] if left > 0 else []
    notes += [f"{len(columns) - width} more columns"] if wide else []
    if notes:
        made += ["", f"… and {' and '.join(notes)}, in the attached file"]
    return "\n".join(made)


def label(name: str) -> str:
    """Return the name of a member as people write it: `unitPrice` and `unit_price` become `Unit price`."""
    words = _WORDS.findall(name)
    if not words:
        return name
    lowered = [word if len(word) > 1 and word.isupper() else word.lower() for word in words]
    first = " ".join(lowered)
    return first[:1].upper() + first[1:]


def written(value: Any) -> str:
    """Return a value on one line: true and false as yes and no, lists with commas, nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            line = " ".join(value.split())
            return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"
        case list():
            return _cut(", ".join(filter(None, map(written, value[:_LONGEST]))))
        case dict():
            # Each value is written once: twice on each level is for ever on the fiftieth.
            told = (f"{label(name)}: {line}" for name, each in value.items() if (line := written(each)))
            return _cut("; ".join(told))
    return str(value).removesuffix(".0")  # of a float: 12.0 is read as 12


def plain(line: str) -> str:
    """Return a line as Markdown that reads as that line."""
    return _MARKDOWN.sub(r"\\\g<0>", line)


def is_table(value: Any) -> bool:
    """Say whether a value is a list of objects, so that it is shown as a table of its own."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def columns_of(items: Sequence[dict[str, Any]]) -> list[str]:
    """Return the names of all members, in the order in which they come."""
    return list(dict.fromkeys(name for item in items for name in item))


def _list(items: list[Any]) -> str:
    if not items:
        return ""
    if is_table(items):
        told = {name for item in items for name, each in item.items() if written(each)}
        names = [name for name in columns_of(items) if name in told]
        # Items that have no name in common have as many columns as rows: all cells would be too many.
        cells = [[item.get(name) for name in names[:MOST_COLUMNS]] for item in items]
        return table([label(name) for name in names], cells)
    if all(isinstance(each, list) for each in items):
        width = max(len(each) for each in items)
        return table([str(number) for number in range(1, width + 1)], items) if width else ""
    lines = [f"- {plain(written(each))}" for each in items[:MOST_ROWS]]
    if len(items) > MOST_ROWS:
        lines.append(f"- … and {len(items) - MOST_ROWS:,} more, in the attached file")
    return "\n".join(lines)


def _pairs(value: dict[str, Any], within: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """Yield the single values of an object, those of objects within it too, under names with their way."""
    for name, each in value.items():
        path = within + label(name)
        if isinstance(each, dict) and each and depth < _DEEPEST:
            yield from _pairs(each, path + _WITHIN, depth + 1)
        elif not _is_section(each):
            yield path, each


def _sections(value: dict[str, Any], within: str = "", depth: int = 1) -> Iterator[tuple[str, list[Any]]]:
    for name, each in value.items():
        path = within + label(name)
        if isinstance(each, dict) and depth < _DEEPEST:
            yield from _sections(each, path + _WITHIN, depth + 1)
        elif _is_section(each):
            yield path, each


def _is_section(value: Any) -> bool:
    """Say whether a value is too much for a cell: objects, lists, or many or long texts."""
    if not isinstance(value, list) or not value:
        return False
    return any(isinstance(each, dict | list) for each in value) or len(written(value)) > _LONGEST / 3


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _column(cells: Sequence[Any]) -> tuple[list[str], bool]:
    """Return the cells of a column as Markdown, and whether they are numbers: then with like decimals."""
    found = [cell for cell in cells if cell is not None]
    if not found or not all(map(_is_number, found)):
        return [plain(written(cell)) for cell in cells], False
    decimals = max(map(_decimals, found))
    if not decimals:
        return [written(cell) for cell in cells], True
    return ["" if cell is None else f"{cell:.{decimals}f}" for cell in cells], True


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < _NUMBERS_END


def _decimals(cell: float) -> int:
    """Return how many decimals a number is written with."""
    return min(len(written(cell).partition(".")[2]), _MOST_DECIMALS)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"
