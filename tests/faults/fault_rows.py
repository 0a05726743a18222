"""All rows: every module `rows_AREA*.py` beside this one has a list ROWS."""

import importlib
from pathlib import Path

from fault_row import Row


def rows(area: str = "") -> list[Row]:
    """Return the rows of an area ("live": of `rows_live*.py`), "" for all; alike settings together."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob(f"rows_{area}*.py"))
    found = [row for module in modules for row in importlib.import_module(module).ROWS]
    ids = [row.id for row in found]
    doubled = {each for each in ids if ids.count(each) > 1}
    if doubled:
        raise ValueError(f"These ids are not unique: {', '.join(sorted(doubled))}")
    return sorted(found, key=lambda row: str(sorted(row.settings.items())))
