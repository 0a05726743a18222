"""What a soak found: looks at a process, the checks of them, a table, a file and a plot."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

WARM_UP = 0.2  # of the time: caches fill, the first of everything is made
MOST_MB_AN_HOUR = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """The bot's process at one moment; `at` is seconds since the beginning."""

    at: float
    resident_mb: float
    threads: int
    files: int
    tasks: int


@dataclass
class Found:
    """What came of it."""

    calls: int
    looks: list[Look] = field(default_factory=list)
    said_frames: int = 0
    heard_frames: int = 0
    sentences: int = 0
    answers: int = 0
    joins: int = 0
    failed: list[str] = field(default_factory=list)
    """Joins and leaves that failed: when and how."""
    lost: dict[str, int] = field(default_factory=dict)
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    what: str
    measured: str
    bar: str
    passed: bool


def look(pid: int, at: float, *, tasks: int) -> Look:
    """Look at a process, as Linux shows it."""
    process = Path(f"/proc/{pid}")
    fields = dict(line.split(":", 1) for line in (process / "status").read_text("utf-8").splitlines())
    return Look(
        at=at,
        resident_mb=int(fields["VmRSS"].split()[0]) / 1024,
        threads=int(fields["Threads"]),
        files=sum(1 for _ in (process / "fd").iterdir()),
        tasks=tasks,
    )


def checks_of(found: Found, code: int) -> list[Check]:
    """Return what must hold, and whether it does."""
    warm = [look for look in found.looks if look.at >= WARM_UP * found.looks[-1].at]
    hours = (warm[-1].at - warm[0].at) / 3600
    slope = _slope([look.at / 3600 for look in warm], [look.resident_mb for look in warm])
    by_call = slope / found.calls
    lost = found.said_frames - found.heard_frames + sum(found.lost.values())
    checks = [
        Check(
            f"memory, over {hours * found.calls:.1f} hours of calls",
            f"{by_call:+.2f} MB an hour of call ({slope:+.1f} MB an hour of clock)",
            f"at most {MOST_MB_AN_HOUR} MB an hour of call",
            by_call <= MOST_MB_AN_HOUR,
        ),
        Check("20 ms frames lost", f"{lost} of {found.said_frames}", "0", lost == 0),
        Check(
            "sentences answered",
            f"{found.answers} of {found.sentences}",
            "all",
            found.answers == found.sentences,
        ),
        Check(
            "joins and leaves that failed",
            f"{len(found.failed)} of {found.joins + len(found.failed)}",
            "0",
            not found.failed,
        ),
        Check("sessions resumed", str(found.resumed), "some", found.resumed > 0),
        Check("exit code", str(code), "0", code == 0),
    ]
    for name in ("threads", "files", "tasks"):
        values = [getattr(look, name) for look in warm]
        third = max(1, len(values) // 3)
        before, after = np.median(values[:third]), np.median(values[-third:])
        # What comes and goes with one call more or less is no growth.
        checks.append(Check(name, f"{before:.0f} then {after:.0f}", "flat", bool(after - before <= 2)))
    return checks


def _slope(at: list[float], values: list[float]) -> float:
    """Return the median of the slopes between all pairs (Theil and Sen): single leaps don't bend it."""
    x, y = np.array(at), np.array(values)
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))


def show(console: Console, found: Found, checks: list[Check]) -> None:
    """Print it."""
    table = Table("what", "measured", "bar", "")
    for check in checks:
        mark = "[green]ok[/green]" if check.passed else "[bold red]MISSED[/bold red]"
        table.add_row(check.what, check.measured, check.bar, mark)
    console.print(table)
    console.print(*found.failed, sep="\n", end="\n" if found.failed else "")
    console.print(
        f"{found.calls} calls at once, {found.sentences} sentences, {found.joins} joins and leaves."
    )


def write(found: Found, checks: list[Check], out: Path) -> None:
    """Write it, with a plot, into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    report = asdict(found) | {"checks": [asdict(check) for check in checks]}
    (out / "soak.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _plot(found, out / "soak.png")


def _plot(found: Found, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (memory, counts) = pyplot.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    minutes = [look.at / 60 for look in found.looks]
    memory.plot(minutes, [look.resident_mb for look in found.looks], color="#3b6ea5")
    memory.set_ylabel("resident memory, MB")
    memory.set_ylim(bottom=0)
    memory.set_title(f"The bot's process with {found.calls} calls", loc="left")
    for name, colour in (("threads", "#8a5a9e"), ("files", "#c77d2e"), ("tasks", "#4f8f5b")):
        counts.plot(minutes, [getattr(look, name) for look in found.looks], label=name, color=colour)
    counts.set_ylim(bottom=0)
    counts.set_xlabel("minutes")
    counts.legend(loc="lower right", bbox_to_anchor=(1.0, 0.97), ncols=3, frameon=False)  # above the lines
    for axes in (memory, counts):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
