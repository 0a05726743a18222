"""What a row is held to: the silence that it allows, and what a second play of it may forgive."""

import io
import json
import logging
from pathlib import Path

import pytest
from fault_play import survives
from fault_row import Outcome, Row, When
from fault_stage import Stage
from fault_table import as_json, table_of, troubles_of
from rich.console import Console, Group

from bot.emulators.tls import CertificateAuthority


async def _nothing(_scene: object) -> None: ...


class Spoilt:
    """A row of which the first plays end with a silence of 9 s, and the others with one of 1 s."""

    def __init__(self, spoilt: int, *, error: str = "", silence_s: float = 4.0) -> None:
        self.plays = 0
        self.folders: set[Path] = set()
        self.spoilt, self.error = spoilt, error
        self.row = Row(
            "spoilt", "it is late", "here", When.IDLE, "-", _nothing, own=self._own, silence_s=silence_s
        )

    async def _own(self, outcome: Outcome, _ca: CertificateAuthority, folder: Path) -> None:
        self.plays += 1
        self.folders.add(folder)
        outcome.silence_ms = 9000.0 if self.plays <= self.spoilt else 1000.0
        if self.error and self.plays <= self.spoilt:
            logging.getLogger("bot.voice").error(self.error)


async def played(spoilt: Spoilt, ca: CertificateAuthority, folder: Path) -> Outcome:
    return await Stage(ca, folder).play(spoilt.row)


def shown(row: Row, outcome: Outcome) -> str:
    console = Console(file=io.StringIO(), width=160)
    outcomes = {row.id: outcome}
    console.print(Group(table_of([row], outcomes), troubles_of(outcomes)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_a_row_is_held_to_its_bound_of_silence(ca: CertificateAuthority, tmp_path: Path) -> None:
    outcome = await played(late := Spoilt(2), ca, tmp_path)
    assert not outcome.survived
    assert outcome.trouble.startswith("9000 ms of silence, where 4000 are allowed")
    assert "the first time: 9000 ms" in outcome.trouble
    assert "9,000 ms   4,000 ms" in shown(late.row, outcome)
    assert "NO" in shown(late.row, outcome)


async def test_a_row_may_state_a_longer_one(ca: CertificateAuthority, tmp_path: Path) -> None:
    outcome = await played(late := Spoilt(1, silence_s=9.5), ca, tmp_path)
    assert (outcome.survived, late.plays, outcome.trouble) == (True, 1, "")
    assert "9,000 ms   9,500 ms" in shown(late.row, outcome)
    assert "0 of" not in shown(late.row, outcome)


async def test_a_second_play_is_told_of(ca: CertificateAuthority, tmp_path: Path) -> None:
    outcome = await played(late := Spoilt(1), ca, tmp_path)
    assert (outcome.survived, late.plays, len(late.folders)) == (True, 2, 2)
    text = shown(late.row, outcome)
    assert "the 2nd time" in text
    assert "spoilt: the first time: 9000 ms of silence" in text
    assert "1 of 1 survived, 1 the second time" in text
    (told,) = json.loads(json.dumps(as_json([late.row], {"spoilt": outcome})))
    assert (told["survived"], told["plays"], told["silence_ms"]) == (True, 2, 1000.0)
    assert told["first_trouble"].startswith("9000 ms of silence")
    told = "spoilt was survived the second time; the first time: 9000 ms of silence"
    with pytest.warns(pytest.PytestWarning, match=told):
        survives("rows_rest")(late.row, lambda _: outcome, lambda *_: None)


async def test_an_error_gets_no_second_play(ca: CertificateAuthority, tmp_path: Path) -> None:
    outcome = await played(late := Spoilt(1, error="nobody caught it"), ca, tmp_path)
    assert (outcome.survived, late.plays) == (False, 1)
    assert "logged: bot.voice: nobody caught it" in outcome.trouble


def test_what_is_left_behind_gets_no_second_play() -> None:
    assert not Outcome("row", left=["1 UDP socket"], lost=1).only_late
    assert Outcome("row", lost=1).only_late
    assert not Outcome("row").only_late
