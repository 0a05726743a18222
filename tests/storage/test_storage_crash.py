"""SIGKILL at any point: the database opens, nothing is half there, and what was stored is there."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from crash_writer import look

from bot.storage.database import Database

KILLS = 12
LONGEST_S = 0.05  # after a number of writes: so long some of them take, and the making of the tables
SEED = 5
# One row is written anew with each batch, so that only the newest is there.
OVERWRITTEN = {"settings", "call"}


def start(path: Path, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_writer.py")), str(path), *options],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(path: Path, writes: int, seconds: float) -> list[tuple[str, int]]:
    """Let the writer write so often and for so long, kill it, and return what it said is stored."""
    writer = start(path)
    assert writer.stdout is not None
    with writer:
        assert writer.stdout.readline() == "opening\n"
        told = "".join(writer.stdout.readline() for _ in range(writes))
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.read()
    assert writer.returncode == -signal.SIGKILL, "it was still writing"
    # The last line may be cut.
    return [(what, int(number)) for what, number in map(str.split, told.split("\n")[:-1])]


async def opens(path: Path) -> None:
    await (await Database.open(f"sqlite+aiosqlite:///{path}")).close()


def test_killed_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "earshot.db"
    moments = random.Random(SEED)
    stored: dict[str, set[int]] = {}
    for kill in range(KILLS):
        # The first ones come while it makes its tables, or before.
        writes = moments.randrange(40) if kill > 3 else 0
        for what, number in killed_after(path, writes, moments.uniform(0, LONGEST_S)):
            stored.setdefault(what, set()).add(number)
        if kill % 2 == 0:
            continue  # the next writer is the first to open what this one left
        asyncio.run(opens(path))
        found = look(path)
        for what, numbers in stored.items():
            if what in OVERWRITTEN:
                assert max(found[what]) >= max(numbers), f"{what} as it was before"
            else:
                assert found[what] >= numbers, f"{what} that was stored is not there"
    assert all(len(numbers) > 6 for numbers in stored.values()), "it wrote"


def test_killed_before_each_statement(tmp_path: Path) -> None:
    with start(tmp_path / "earshot.db", "--each-step") as writer:
        told, _ = writer.communicate(timeout=120)
    assert writer.returncode == 0
    steps = {int(batches): int(steps) for batches, steps in map(str.split, told.splitlines()[-2:])}
    assert steps[0] > 40, "statements that make the tables"
    assert steps[1] > 40, "statements of a batch"
