"""Fuzzes what comes from outside, for as long as it takes to give every target its inputs, then stops.

`python tests/fuzz/fuzz_run.py [--scale 0.1] [--seed S] [--only live] [--jobs 2] [--minutes 15]`; FUZZ_SCALE
and FUZZ_SEED in the environment do the same. Prints a table; ends with 1 if anything was found. Keys of calls
are random, so a finding in a datagram comes again by its bytes, any other by its seed.
"""

import argparse
import logging
import multiprocessing
import os
import queue
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from fuzz_answers import ModelJson, Words  # noqa: E402
from fuzz_datagrams import Datagrams  # noqa: E402
from fuzz_engine import Finding, Outcome, Target, fuzz  # noqa: E402
from fuzz_files import Files  # noqa: E402
from fuzz_gateway import VoiceMessages  # noqa: E402
from fuzz_live import LiveMessages  # noqa: E402
from fuzz_main_gateway import CallWord  # noqa: E402
from rich.console import Console, Group  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: E402
from rich.table import Table  # noqa: E402
from rich.text import Text  # noqa: E402

# By target: how it is made, and how many inputs it gets. The datagrams are a million together.
TARGETS: dict[str, tuple[Callable[[Random], Target], int]] = {
    "datagrams, encrypted": (partial(Datagrams, steady=True), 500_000),
    "datagrams, changing": (partial(Datagrams, steady=False), 500_000),
    "Live messages": (LiveMessages, 100_000),
    "voice gateway": (VoiceMessages, 12_000),
    "main gateway": (CallWord, 20_000),
    "posted files": (Files, 8_000),
    "models' JSON": (ModelJson, 12_000),
    "Markdown and names": (Words, 6_000),
}
MOST_GROWN = 24_000_000  # bytes after the warm-up: what decoders and davey keep is less, a leak soon more
LOOK_S = 0.1  # between looks at what the processes say


@dataclass
class Job:
    """One target in a process of its own: a decoder that crashes ends only that."""

    name: str
    count: int
    process: BaseProcess | None = None
    outcome: Outcome | None = None

    @property
    def running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.process is not None and self.outcome is None


def work(name: str, count: int, seed: str, until: float, said: Any) -> None:
    """Fuzz one target, and say how far it is and what came of it."""
    logging.disable()
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff complains there of each file
    make, _ = TARGETS[name]
    try:
        outcome = fuzz(
            make, count, seed, progress=lambda done: said.put((name, done)), until=until, most_findings=20
        )
    except Exception as error:  # the process's edge: what a target can't begin with is told as well
        outcome = Outcome(name, findings=[Finding(name, seed, 0, repr(error), b"")])
    said.put((name, outcome))


def run(jobs: Sequence[Job], at_once: int, seed: str, until: float, progress: Progress) -> None:
    """Run all jobs, so many side by side."""
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    bars = {job.name: progress.add_task(job.name, total=job.count) for job in jobs}
    by_name = {job.name: job for job in jobs}
    while any(job.outcome is None for job in jobs):
        for job in jobs:
            if job.process is None and sum(each.running for each in jobs) < at_once:
                job.process = context.Process(
                    target=work, args=(job.name, job.count, f"{seed}-{job.name}", until, said)
                )
                job.process.start()
        try:
            name, news = said.get(timeout=LOOK_S)
        except queue.Empty:
            _bury(jobs, seed)
            continue
        if isinstance(news, Outcome):
            by_name[name].outcome = news
        else:
            progress.advance(bars[name], news)
    for job in jobs:
        if job.process is not None:
            job.process.join()


def _bury(jobs: Sequence[Job], seed: str) -> None:
    """Make a finding of each process that ended without a word."""
    for job in jobs:
        if job.running and job.process is not None and job.process.exitcode is not None:
            error = f"the process ended with {job.process.exitcode}"
            job.outcome = Outcome(job.name, findings=[Finding(job.name, f"{seed}-{job.name}", 0, error, b"")])


def table_of(outcomes: Sequence[Outcome]) -> Table:
    """Return what was measured."""
    table = Table(title="Fuzzing", title_justify="left")
    for heading in ("Target", "Inputs", "Findings", "Per second", "Grown"):
        table.add_column(heading, justify="left" if heading == "Target" else "right")
    for each in outcomes:
        style = "red" if each.findings or each.grown_bytes > MOST_GROWN else ""
        table.add_row(
            each.target,
            f"{each.inputs:,}",
            str(len(each.findings)),
            f"{each.inputs / each.seconds:,.0f}" if each.seconds else "",
            f"{each.grown_bytes / 1e6:.1f} MB",
            style=style,
        )
    return table


def kept_at_most(outcomes: Sequence[Outcome]) -> Text:
    """Return how large each bounded structure became."""
    lines = [
        f"{each.target}: {', '.join(f'{name} {size:,}' for name, size in each.sizes.items() if size)}"
        for each in outcomes
        if any(each.sizes.values())
    ]
    return Text("\n".join(["Kept at most", *lines]), style="dim")


def main() -> int:
    """Fuzz as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description="Fuzz what comes from outside.")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("FUZZ_SCALE", "1")))
    parser.add_argument("--seed", default=os.environ.get("FUZZ_SEED") or f"{SystemRandom().randrange(10**6)}")
    parser.add_argument("--only", default="", help="targets whose names have this in them")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--minutes", type=float, default=15.0, help="when to stop, whatever is left")
    chosen = parser.parse_args()
    jobs = [
        Job(name, max(1, int(count * chosen.scale)))
        for name, (_, count) in TARGETS.items()
        if chosen.only.lower() in name.lower()
    ]
    console = Console()
    console.print(f"Seed {chosen.seed}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        run(jobs, max(1, chosen.jobs), chosen.seed, time.monotonic() + 60 * chosen.minutes, progress)
    outcomes = [job.outcome for job in jobs if job.outcome is not None]
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    console.print(
        Group(table_of(outcomes), kept_at_most(outcomes), *(Text(f"\n{finding}") for finding in findings))
    )
    return int(bool(findings) or any(outcome.grown_bytes > MOST_GROWN for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
