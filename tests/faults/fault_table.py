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
    table.add_column("Words lost", justify="right")
    table.add_column("How it recovers")
    table.add_column("Survived", justify="center")
    for row in rows:
        outcome = outcomes[row.id]
        silence = "" if outcome.silence_ms is None else f"{outcome.silence_ms:,.0f} ms"
        table.add_row(
            row.name,
            row.where,
            silence,
            f"{outcome.words_lost:g}",
            row.recovers,
            "yes" if outcome.survived else "NO",
            style="" if outcome.survived else "bold red",
        )
    return table


def troubles_of(outcomes: Mapping[str, Outcome]) -> Text:
    """Return what is wrong with the rows that were not survived, and how many were."""
    survived = sum(outcome.survived for outcome in outcomes.values())
    lines = [f"{each.id}: {each.trouble}" for each in outcomes.values() if not each.survived]
    return Text("\n".join([*lines, f"{survived} of {len(outcomes)} survived"]))


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
        }
        for row in rows
    ]
