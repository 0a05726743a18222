"""Every row of the matrix is played by a test, and by one alone."""

import importlib
from collections import Counter
from pathlib import Path

import pytest
from fault_row import Row
from fault_rows import modules, rows

TESTS = sorted(path.stem for path in Path(__file__).parent.glob("test_faults_*.py") if path != Path(__file__))


def played_by(test: str) -> list[Row]:
    """Return the rows that the marks of a test module have pytest play."""
    marks = importlib.import_module(test).test_a_fault_is_survived.pytestmark
    return [row for mark in marks if mark.name == "parametrize" for row in mark.args[1]]


@pytest.mark.parametrize("module", modules())
def test_the_rows_of_a_module_are_played_by_one_test_module(module: str) -> None:
    own = {row.id for row in rows(module)}
    playing = {test: {row.id for row in played_by(test)} & own for test in TESTS}
    found = [test for test, ids in playing.items() if ids]
    assert len(found) == 1, (
        f"{module} is played by {found or 'no test module: give it to a test_faults_*.py'}"
    )
    assert playing[found[0]] == own


def test_no_row_is_played_twice() -> None:
    counted = Counter(row.id for test in TESTS for row in played_by(test))
    assert counted == Counter(row.id for row in rows())
