"""All rows: every module `rows_AREA*.py` beside this one has a list ROWS."""

import importlib
from pathlib import Path

from fault_row import Row


def modules() -> list[str]:
    """Return the names of all modules that have rows."""
    return sorted(path.stem for path in Path(__file__).parent.glob("rows_*.py"))


def rows(*chosen: str) -> list[Row]:
    """Return the rows of the modules named, of all where none is; alike settings together."""
    found = [row for module in chosen or modules() for row in importlib.import_module(module).ROWS]
    ids = [row.id for row in found]
    doubled = {each for each in ids if ids.count(each) > 1}
    if doubled:
        raise ValueError(f"These ids are not unique: {', '.join(sorted(doubled))}")
    return sorted(found, key=lambda row: str(sorted(row.settings.items())))
