"""The picture of a call: both waveforms over time, who said what, the interruption and the latencies."""

from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.axes import Axes

from bot.audio.pcm import Pcm16
from bot.demo.plot_style import (
    BOT,
    CUT,
    FAINT,
    INK,
    LEFT,
    PERSON,
    RIGHT,
    TOP_OF_WAVE,
    Figures,
    Span,
    bare,
    draw_figures,
    draw_wave,
    draw_words,
    new_figure,
    save,
)

LOW, HIGH = -1.05, 2.0  # of a lane: the waveform, and the words over it


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
    figures: Figures = ()


def draw(timeline: Timeline, title: str, path: Path) -> None:
    """Write the timeline as a PNG of 1800 x 864 pixels."""
    figure = new_figure(7.2, title)
    rows = figure.add_gridspec(3, 1, height_ratios=(1, 1, 0.34), hspace=0.12, left=LEFT, right=RIGHT, top=0.9)
    upper = figure.add_subplot(rows[0])
    lower = figure.add_subplot(rows[1], sharex=upper)
    _lane(upper, timeline.person, timeline.rate_hz, timeline.said, timeline.person_name, PERSON)
    _lane(lower, timeline.bot, timeline.rate_hz, timeline.answered, "Earshot", BOT)
    upper.tick_params(labelbottom=False)
    upper.set_xlim(0, max(1.0, timeline.person.size / timeline.rate_hz))
    lower.set_xlabel("seconds", color=FAINT, fontsize=9)
    _gaps(lower, timeline)
    for at in timeline.interruptions:
        for axes in (upper, lower):  # beside the words, not through them
            axes.plot([at, at], [LOW, TOP_OF_WAVE], color=CUT, linewidth=1.2, linestyle=(0, (4, 3)))
        upper.text(at, -0.98, "  interrupts", color=CUT, fontsize=9, va="bottom")
    draw_figures(figure.add_subplot(rows[2]), timeline.figures)
    save(figure, timeline.figures, path)


def _lane(axes: Axes, pcm: Pcm16, rate_hz: int, spans: list[Span], name: str, colour: str) -> None:
    bare(axes, name, colour)
    draw_wave(axes, pcm, rate_hz, colour)
    axes.set_ylim(LOW, HIGH)
    seconds = max(1.0, pcm.size / rate_hz)
    for span in spans:
        axes.fill_between((span.start, span.end), LOW, TOP_OF_WAVE, color=colour, alpha=0.10, linewidth=0)
        draw_words(axes, span, seconds)


def _gaps(axes: Axes, timeline: Timeline) -> None:
    """Mark the time from the end of what was said to the answer."""
    for answer in timeline.answered:
        ends = [said.end for said in timeline.said if said.end <= answer.start]
        if ends:
            arrow = {"arrowstyle": "<->", "color": FAINT}
            axes.annotate("", (answer.start, -0.86), (max(ends), -0.86), arrowprops=arrow)
            text = f"{(answer.start - max(ends)) * 1000:.0f} ms"
            axes.text((answer.start + max(ends)) / 2, -0.8, text, ha="center", fontsize=8.5, color=INK)
