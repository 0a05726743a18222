"""What the demo's pictures have in common: colours, waveforms, words, and the figures at the foot."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from bot.audio.pcm import Pcm16

PERSON, BOT, CUT, INK = "#2563a8", "#c2571a", "#b3261e", "#22262b"
FAINT, FRAME, RULE = "#6b7280", "#c3c7ce", "#e5e7eb"
COLUMNS = 2400  # peaks drawn a waveform: more than a picture has pixels
WIDTH_IN, DPI = 15.0, 120
LEFT, RIGHT = 0.06, 0.985  # of the width: where lanes begin and end
LANE_PT = WIDTH_IN * (RIGHT - LEFT) * 72  # how wide a lane is, in points as letters are
WORDS_PT = 8.5  # how high words are
NARROWEST_PT = 72.0  # of a block of words: in less there is hardly a word a line
TOP_OF_WAVE = 1.0  # in a lane, whose words stand over that
_FONT = FontProperties(size=WORDS_PT)

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
FIGURES = "Figures"  # in a picture's metadata: JSON, the value of each figure by its name
NOTICE = "notice that it is an AI"

Figures = Sequence[tuple[str, str, bool]]
"""Rows of name, value with its bar, and whether the bar is met."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something said from `start` to `end`, in seconds of the picture."""

    start: float
    end: float
    text: str
    cut: bool = False
    label: str = ""
    """What else is to be known of it, in two or three words."""


def new_figure(height_in: float, title: str) -> Figure:
    """Return an empty picture of 1800 pixels' width with its title."""
    figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(LEFT, 1 - 0.42 / height_in, title, fontsize=15, fontweight="bold", color=INK, va="center")
    return figure


def bare(axes: Axes, name: str, colour: str) -> None:
    """Take an axes' frame away, and write its name at its left."""
    axes.set_yticks([])
    axes.set_ylabel(name, color=colour, fontsize=12, fontweight="bold")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FRAME)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)


def draw_wave(axes: Axes, pcm: Pcm16, rate_hz: int, colour: str) -> None:
    """Draw a waveform between -0.8 and 0.8."""
    low, high, times = _peaks(pcm, rate_hz)
    scale = max(1e-3, float(np.max(np.abs(np.concatenate((low, high))), initial=0.0))) * 1.25
    axes.fill_between(times, low / scale, high / scale, color=colour, linewidth=0.4)


def draw_words(axes: Axes, span: Span, seconds: float, *, room_s: float = 0.0, lines: int = 3) -> None:
    """Write a span's words over it, as wide as it is or as there is room, and cross it out if it was cut."""
    width = max(span.end - span.start, room_s) / seconds * LANE_PT
    label = wrapped(span.text, width, lines)
    axes.text(span.start, TOP_OF_WAVE + 0.08, label, fontsize=WORDS_PT, color=INK, va="bottom", clip_on=True)
    if span.label:
        axes.text(span.start, -1.02, f" {span.label}", fontsize=8, style="italic", color=INK, va="bottom")
    if span.cut:
        axes.plot([span.end], [0], marker="x", color=CUT, markersize=10, markeredgewidth=2.2)


def wrapped(text: str, width_pt: float, most: int) -> str:
    """Break a text into lines at words, by their real width; an ellipsis stands for what does not fit."""
    widest = max(NARROWEST_PT, width_pt)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width_pt(longer) <= widest:
            lines[-1] = longer
        elif len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = _shortened(lines[-1], widest)
            break
    return "\n".join(lines)


def _shortened(line: str, widest_pt: float) -> str:
    """Return as many words of a line as fit together with an ellipsis."""
    words = line.split()
    while len(words) > 1 and _width_pt(" ".join([*words, ELLIPSIS])) > widest_pt:
        words.pop()
    return " ".join([*words, ELLIPSIS])


def save(figure: Figure, figures: Figures, path: Path) -> None:
    """Write a picture as a PNG, with its figures in its metadata: what quotes them can be checked."""
    figure.savefig(path, metadata={FIGURES: json.dumps({name: value for name, value, _ in figures})})


def _width_pt(text: str) -> float:
    return float(text_to_path.get_text_width_height_descent(text, _FONT, ismath=False)[0])


def draw_figures(axes: Axes, rows: Figures) -> None:
    """Write the figures side by side."""
    axes.axis("off")
    for column, (name, value, met) in enumerate(rows):
        x = column / max(1, len(rows))
        colour = INK if met else CUT
        axes.text(x, 0.30, name, fontsize=9, color=FAINT, transform=axes.transAxes)
        axes.text(x, -0.12, value, fontsize=12, fontweight="bold", color=colour, transform=axes.transAxes)


def _peaks(pcm: Pcm16, rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lowest and highest sample (full scale 1) of each column, and the columns' times in s."""
    step = max(1, pcm.size // COLUMNS)
    whole = pcm[: pcm.size // step * step].reshape(-1, step).astype(np.float64) / 32768
    times = np.arange(len(whole)) * step / rate_hz
    return whole.min(axis=1, initial=0.0), whole.max(axis=1, initial=0.0), times
