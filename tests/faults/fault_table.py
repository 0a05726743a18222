"""The matrix as people and programs read it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from fault_row import Outcome, Row
from rich import box
from rich.table import Table
from rich.text import Text


def table_of(rows: Sequence[Row], outcomes: Mapping[str, Outcome]) -> Table:
    """Return a line for each row."""
    table = Table(title="Faults", title_justify="left", box=box.SIMPLE_HEAD, show_lines=False)
    table.add_column("Fault")
    table.add_column("Where")
    table.add_column("Silence noticed", justify="right", no_wrap=True)
    table.add_column("Bound", justify="right", no_wrap=True)
    table.add_column("Words lost", justify="right")
    table.add_column("How it recovers")
    table.add_column("Survived", justify="center")
    for row in rows:
        outcome = outcomes[row.id]
        silence = "" if outcome.silence_ms is None else f"{outcome.silence_ms:,.0f} ms"
        bound = "" if outcome.silence_ms is None else f"{1000 * row.silence_s:,.0f} ms"
        table.add_row(
            row.name,
            row.where,
            silence,
            bound,
            f"{outcome.words_lost:g}",
            row.recovers,
            _survived(outcome),
            style=_style(outcome),
        )
    return table


def _survived(outcome: Outcome) -> str:
    if not outcome.survived:
        return "NO"
    return "the 2nd time" if outcome.first_trouble else "yes"


def _style(outcome: Outcome) -> str:
    if not outcome.survived:
        return "bold red"
    return "yellow" if outcome.first_trouble else ""


def troubles_of(outcomes: Mapping[str, Outcome]) -> Text:
    """Return what was wrong, in whichever play, and how many rows were survived."""
    survived = [outcome for outcome in outcomes.values() if outcome.survived]
    twice = sum(bool(outcome.first_trouble) for outcome in survived)
    lines = [f"{each.id}: {each.trouble}" for each in outcomes.values() if each.trouble]
    told = f"{len(survived)} of {len(outcomes)} survived" + (f", {twice} the second time" if twice else "")
    return Text("\n".join([*lines, told]))


def as_json(rows: Sequence[Row], outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Return the matrix as JSON values."""
    return [
        {
            "fault": row.name,
            "where": row.where,
            "recovers": row.recovers,
            "kills_bot": row.kills_bot,
            **asdict(outcomes[row.id]),
            "survived": outcomes[row.id].survived,
            "plays": 2 if outcomes[row.id].first_trouble else 1,
        }
        for row in rows
    ]
