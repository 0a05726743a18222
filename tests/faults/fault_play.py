"""The test that a module of fault rows has, and the fixture that it plays them with: one bot for a module.

A test module imports `play` and names the modules whose rows are its own:
`test_a_fault_is_survived = survives("rows_voice_dave")`.
"""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from fault_row import Outcome, Row
from fault_rows import rows
from fault_stage import Stage

from bot.emulators.tls import CertificateAuthority

Play: TypeAlias = Callable[[Row], Outcome]
Survive: TypeAlias = Callable[[Row, Play, Callable[[str, object], None]], None]


def survives(*modules: str) -> Survive:
    """Return the test that each row of these modules is survived: nothing that was said is lost."""

    @pytest.mark.parametrize("row", rows(*modules), ids=lambda row: row.id)
    def survive(row: Row, play: Play, record_property: Callable[[str, object], None]) -> None:
        outcome = play(row)
        print(f"{row.name}, {row.where}: {outcome.silence_ms} ms. {outcome.note}")
        record_property("silence_ms", outcome.silence_ms)
        record_property("first_trouble", outcome.first_trouble)
        if outcome.survived and outcome.first_trouble:
            # No class of our own: the process that pytest-xdist reports in can't import it, and ends.
            told = f"{row.id} was survived the second time; {outcome.trouble}"
            warnings.warn(pytest.PytestWarning(told), stacklevel=1)
        assert outcome.survived, outcome.trouble

    return survive


@pytest.fixture(scope="module")
def play(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.chdir(folder)  # no .env there
        patch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what the bot exports goes with the module
        stage = Stage(ca, folder)
        yield lambda row: runner.run(stage.play(row))
        runner.run(stage.close())
