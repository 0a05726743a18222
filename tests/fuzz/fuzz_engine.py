"""What runs a fuzz target: seeded, in batches, watched for hangs, measured for growth.

A target makes its own inputs from the dice it is given, so a run is repeated by its seed and its count alone.
What it raises is a finding, with the input that did it.
"""

import gc
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

HANG_S = 30.0  # for a batch, which takes a tenth of a second: what takes longer does not end
WARM = 0.2  # share of the inputs after which growth is counted: caches and pools are full by then
SHOWN_BYTES = 2_000  # of a failing input; longer ones are cut by hand, with the seed


class HangError(Exception):
    """An input took so long that it counts as for ever."""


class Broken(Exception):  # noqa: N818 - a property of the program does not hold
    """What must hold did not."""


@dataclass
class Finding:
    """Something that went wrong, and how to have it again."""

    target: str
    seed: str
    at: int
    """Inputs before it."""
    error: str
    data: bytes
    """The last input."""

    def __str__(self) -> str:
        """Say all that is needed to have it again; no input holds a secret."""
        more = "…" if len(self.data) > SHOWN_BYTES else ""
        return (
            f"{self.target}: {self.error}\n  seed {self.seed!r}, after {self.at} inputs\n"
            f"  input {self.data[:SHOWN_BYTES].hex()}{more}"
        )


@dataclass
class Outcome:
    """What a run found and measured."""

    target: str
    inputs: int = 0
    seconds: float = 0.0
    grown_bytes: int = 0
    """By which the process's memory grew after the warm-up."""
    sizes: dict[str, int] = field(default_factory=dict)
    """The largest that each bounded structure became."""
    tally: dict[str, int] = field(default_factory=dict)
    """What became of the inputs: shows that they reach deep."""
    findings: list[Finding] = field(default_factory=list)


class Target(ABC):
    """Some code that takes input from outside."""

    name: str
    batch = 500

    def __init__(self, dice: Random) -> None:
        """Make the code ready; all randomness is the dice's."""
        self.dice = dice
        self.last = b""
        """The newest input, noted before it is given."""

    @abstractmethod
    def run(self, count: int) -> None:
        """Give so many inputs."""

    def sizes(self) -> Mapping[str, int]:
        """Return the sizes of what must stay bounded; raise Broken where one is not."""
        return {}

    def tally(self) -> Mapping[str, int]:
        """Return what became of the inputs."""
        return {}

    def close(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of threads and loops."""


def fuzz(
    make: Callable[[Random], Target],
    count: int,
    seed: str,
    *,
    progress: Callable[[int], None] = lambda done: None,
    until: float = float("inf"),
    most_findings: int = 1,
) -> Outcome:
    """Run a target for `count` inputs, or until `time.monotonic()` is `until`."""
    target = make(Random(seed))
    outcome = Outcome(target.name)
    began = time.monotonic()
    warm: int | None = None
    try:
        while outcome.inputs < count and time.monotonic() < until:
            size = min(target.batch, count - outcome.inputs)
            try:
                with no_longer_than(HANG_S):
                    target.run(size)
                    _note_sizes(outcome, target)
            except Exception as error:  # the point of it all: whatever escapes is a finding
                outcome.findings.append(
                    Finding(target.name, seed, outcome.inputs, _told(error), bytes(target.last))
                )
                if len(outcome.findings) >= most_findings:
                    break
            outcome.inputs += size
            progress(size)
            if warm is None and outcome.inputs >= WARM * count:
                warm = resident_bytes()
        outcome.grown_bytes = resident_bytes() - (warm or resident_bytes())
        outcome.tally = dict(target.tally())
    finally:
        target.close()
    outcome.seconds = time.monotonic() - began
    return outcome


def resident_bytes() -> int:
    """Return the memory that this process holds, once what nobody needs is gone; 0 where it can't be told."""
    gc.collect()
    table = Path("/proc/self/statm")
    if not table.exists():
        return 0
    return int(table.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Raise HangError in this thread, the main one, after so long."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise HangError(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _note_sizes(outcome: Outcome, target: Target) -> None:
    for name, size in target.sizes().items():
        outcome.sizes[name] = max(size, outcome.sizes.get(name, 0))


def _told(error: BaseException) -> str:
    """Return the error with the place in the code that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}: {error!s:.300}{where}"
