"""Plays every fault of the matrix and prints what people noticed: `make faults`.

`python tests/faults/fault_run.py [--only live] [--jobs 3] [--minutes 20] [--out faults.json]`; the rows are
shared among processes, each with a bot of its own. Ends with 1 where a row was not survived; the table tells
which ones were so in their second play alone.
"""

import argparse
import asyncio
import itertools
import json
import logging
import multiprocessing
import os
import queue
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from bot.emulators.tls import CertificateAuthority  # noqa: E402

# Each process has a throw-away CA; aiohttp reads which are trusted when it is imported.
_FOLDER = tempfile.TemporaryDirectory(prefix="earshot-faults-")
_CA = CertificateAuthority.create(Path(_FOLDER.name))
os.environ["SSL_CERT_FILE"] = str(_CA.ca_file)

from fault_row import Outcome, Row  # noqa: E402
from fault_rows import rows  # noqa: E402
from fault_stage import Stage  # noqa: E402
from fault_table import as_json, table_of, troubles_of  # noqa: E402
from rich.console import Console, Group  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402

WIDE = 160  # columns, in a file or a CI's log
LOOK_S = 0.2  # between looks at what the processes say


@dataclass
class Player:
    """A process that plays rows."""

    process: BaseProcess
    playing: str = ""


def work(number: int, ids: Any, said: Any) -> None:
    """Play the rows whose ids wait, until none does; tell each as it begins and as it ends."""
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the bot invites
    folder = Path(_FOLDER.name) / "bots"
    folder.mkdir()
    os.chdir(folder)  # no .env there
    by_id = {row.id: row for row in rows()}
    with asyncio.Runner() as runner:
        stage = Stage(_CA, folder)
        while True:
            try:
                row_id = ids.get(timeout=LOOK_S)
            except queue.Empty:
                break
            said.put((number, row_id))
            said.put((number, runner.run(stage.play(by_id[row_id]))))
        runner.run(stage.close())


def run(chosen: Sequence[Row], at_once: int, until: float, progress: Progress) -> dict[str, Outcome]:
    """Play all rows, so many side by side; what is not played by then is not survived."""
    context = multiprocessing.get_context("spawn")
    ids, said = context.Queue(), context.Queue()
    for row in chosen:
        ids.put(row.id)
    outcomes: dict[str, Outcome] = {}
    bar = progress.add_task("faults", total=len(chosen))
    players: dict[int, Player] = {}
    numbers, begun = itertools.count(), 0
    while len(outcomes) < len(chosen) and time.monotonic() < until:
        _replace_dead(players, outcomes)
        while len(players) < min(at_once, len(chosen) - begun):
            number = next(numbers)
            process = context.Process(target=work, args=(number, ids, said), daemon=True)
            process.start()
            players[number] = Player(process)
        try:
            number, news = said.get(timeout=LOOK_S)
        except queue.Empty:
            continue
        playing = ""
        if isinstance(news, Outcome):
            outcomes[news.id] = news
        else:
            playing, begun = news, begun + 1
        if number in players:
            players[number].playing = playing
        shown = ", ".join(player.playing for player in players.values() if player.playing)
        progress.update(bar, completed=len(outcomes), description=shown or "faults")
    for player in players.values():
        player.process.join(timeout=10.0)
        player.process.kill()
    return {
        row.id: outcomes.get(row.id) or Outcome(row.id, failed="it was not played in time") for row in chosen
    }


def _replace_dead(players: dict[int, Player], outcomes: dict[str, Outcome]) -> None:
    """Take out processes that have ended; the row that one was playing killed it."""
    for number, player in list(players.items()):
        if player.process.exitcode is None:
            continue
        if player.playing and player.playing not in outcomes:
            code = player.process.exitcode
            outcomes[player.playing] = Outcome(player.playing, failed=f"its process ended with {code}")
        del players[number]


def main() -> int:
    """Play what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description="Play every fault and print what people notice.")
    parser.add_argument("--only", default="", help="rows whose ids have this in them")
    parser.add_argument("--jobs", type=int, default=3, help="bots side by side; most of a row is waiting")
    parser.add_argument("--minutes", type=float, default=20.0, help="when to stop, whatever is left")
    parser.add_argument("--out", type=Path, default=ROOT / "faults.json")
    given = parser.parse_args()
    chosen = [row for row in rows() if given.only.lower() in row.id]
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    began = time.monotonic()
    with Progress(*columns, console=console) as progress:
        outcomes = run(chosen, max(1, given.jobs), began + 60 * given.minutes, progress)
    console.print(Group(table_of(chosen, outcomes), troubles_of(outcomes)))
    given.out.write_text(json.dumps(as_json(chosen, outcomes), indent=2) + "\n", encoding="utf-8")
    console.print(f"{given.out.name}: {len(chosen)} rows in {time.monotonic() - began:.0f} s")
    return int(not all(outcome.survived for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
