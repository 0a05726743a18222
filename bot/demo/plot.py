"""The picture of a call: both waveforms over time, who said what, the interruption and the latencies."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bot.audio.pcm import Pcm16

PERSON, BOT, CUT, INK, FAINT = "#2563a8", "#c2571a", "#b3261e", "#22262b", "#6b7280"
COLUMNS = 2400  # peaks drawn a waveform: more than the picture has pixels


@dataclass(frozen=True, slots=True)
class Span:
    """Something said from `start` to `end`, in seconds of the picture."""

    start: float
    end: float
    text: str
    cut: bool = False


@dataclass
class Timeline:
    """What the picture shows."""

    rate_hz: int
    person: Pcm16
    bot: Pcm16
    person_name: str
    said: list[Span] = field(default_factory=list)
    answered: list[Span] = field(default_factory=list)
    interruptions: list[float] = field(default_factory=list)
    figures: Sequence[tuple[str, str, bool]] = ()
    """Rows of name, value with its bar, and whether the bar is met."""


def draw(timeline: Timeline, title: str, path: Path) -> None:
    """Write the timeline as a PNG of 1800 x 860 pixels."""
    figure = Figure(figsize=(15, 7.2), dpi=120, facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 1, height_ratios=(1, 1, 0.34), hspace=0.12, left=0.06, right=0.985, top=0.9)
    upper = figure.add_subplot(grid[0])
    lower = figure.add_subplot(grid[1], sharex=upper)
    figure.text(0.06, 0.945, title, fontsize=15, fontweight="bold", color=INK)
    _lane(upper, timeline.person, timeline.rate_hz, timeline.said, timeline.person_name, PERSON)
    _lane(lower, timeline.bot, timeline.rate_hz, timeline.answered, "Earshot", BOT)
    upper.tick_params(labelbottom=False)
    upper.set_xlim(0, max(1.0, timeline.person.size / timeline.rate_hz))
    lower.set_xlabel("seconds", color=FAINT, fontsize=9)
    _gaps(lower, timeline)
    for at in timeline.interruptions:
        for axes in (upper, lower):
            axes.axvline(at, color=CUT, linewidth=1.2, linestyle=(0, (4, 3)))
        upper.annotate(
            "interrupts", (at, 0.95), (4, -2), textcoords="offset points", color=CUT, fontsize=9, va="top"
        )
    _figures(figure.add_subplot(grid[2]), timeline.figures)
    figure.savefig(path)


def _lane(axes: Axes, pcm: Pcm16, rate_hz: int, spans: list[Span], name: str, colour: str) -> None:
    low, high, times = _peaks(pcm, rate_hz)
    scale = max(1e-3, float(np.max(np.abs(np.concatenate((low, high))), initial=0.0))) * 1.25
    axes.fill_between(times, low / scale, high / scale, color=colour, linewidth=0.4)
    axes.set_ylim(-1.05, 2.0)
    axes.set_yticks([])
    axes.set_ylabel(name, color=colour, fontsize=12, fontweight="bold")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="x", color="#e5e7eb", linewidth=0.7)
    axes.set_axisbelow(True)
    seconds = max(1.0, pcm.size / rate_hz)
    for span in spans:
        axes.axvspan(span.start, span.end, ymax=0.67, color=colour, alpha=0.10, linewidth=0)
        room = int((span.end - span.start) / seconds * 190)
        label = _lines(span.text, max(14, room))
        axes.text(span.start, 1.08, label, fontsize=8.5, color=INK, va="bottom", clip_on=True)
        if span.cut:
            axes.plot([span.end], [0], marker="x", color=CUT, markersize=10, markeredgewidth=2.2)


def _lines(text: str, width: int) -> str:
    """Break a text into lines at words, at most three; what does not fit is left out, with an ellipsis."""
    rest = " \N{HORIZONTAL ELLIPSIS}"
    return "\n".join(textwrap.wrap(text, width, max_lines=3, placeholder=rest, break_long_words=False))


def _peaks(pcm: Pcm16, rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lowest and highest sample (full scale 1) of each column, and the columns' times in s."""
    step = max(1, pcm.size // COLUMNS)
    whole = pcm[: pcm.size // step * step].reshape(-1, step).astype(np.float64) / 32768
    times = np.arange(len(whole)) * step / rate_hz
    return whole.min(axis=1, initial=0.0), whole.max(axis=1, initial=0.0), times


def _gaps(axes: Axes, timeline: Timeline) -> None:
    """Mark the time from the end of what was said to the answer."""
    for answer in timeline.answered:
        ends = [said.end for said in timeline.said if said.end <= answer.start]
        if ends:
            arrow = {"arrowstyle": "<->", "color": FAINT}
            axes.annotate("", (answer.start, -0.86), (max(ends), -0.86), arrowprops=arrow)
            text = f"{(answer.start - max(ends)) * 1000:.0f} ms"
            axes.text((answer.start + max(ends)) / 2, -0.8, text, ha="center", fontsize=8.5, color=INK)


def _figures(axes: Axes, rows: Sequence[tuple[str, str, bool]]) -> None:
    axes.axis("off")
    for column, (name, value, met) in enumerate(rows):
        x = column / max(1, len(rows))
        colour = INK if met else CUT
        axes.text(x, 0.30, name, fontsize=9, color=FAINT, transform=axes.transAxes)
        axes.text(x, -0.12, value, fontsize=12, fontweight="bold", color=colour, transform=axes.transAxes)
