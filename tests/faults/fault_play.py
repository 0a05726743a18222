"""A fixture for test modules to import: plays rows on one bot, which the rows of a module share."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from fault_row import Outcome, Row
from fault_stage import Stage

from bot.emulators.tls import CertificateAuthority

Play: TypeAlias = Callable[[Row], Outcome]


@pytest.fixture(scope="module")
def play(ca: CertificateAuthority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.chdir(folder)  # no .env there
        patch.setenv("GOOGLE_GEMINI_BASE_URL", "")  # so that what the bot exports goes with the module
        stage = Stage(ca, folder)
        yield lambda row: runner.run(_survived(stage, row))
        runner.run(stage.close())


async def _survived(stage: Stage, row: Row) -> Outcome:
    """Play a row, and once more where it was not survived: a machine that is busy spoils frames of its own.

    A defect does so again.
    """
    outcome = await stage.play(row)
    return outcome if outcome.survived else await stage.play(row)
