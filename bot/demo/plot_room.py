"""The picture of the room: who spoke, had the floor, waited, or was not heard; what was seen and done.

Each person has a lane: the waveform of what they said, over it a hatched stretch while they waited and were
kept, and a filled one while the model was given their turn. The strip below shows the floor as the model was
told of it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from bot.audio.pcm import Pcm16
from bot.demo.plot_style import (
    BOT,
    DPI,
    FAINT,
    INK,
    LANE_PT,
    LEFT,
    RIGHT,
    TOP_OF_WAVE,
    WIDTH_IN,
    WORDS_PT,
    Figures,
    Span,
    bare,
    draw_figures,
    draw_wave,
    draw_words,
    new_figure,
    save,
    wrapped,
)

HEIGHT_IN = 10.2
COLOURS = ("#2563a8", "#0f766e", "#7c3aed")  # of the people, in the order in which they are given
NOT_HEARD = "#9ca3af"
LOW, HIGH = -1.05, 2.15  # of a lane: the waveform, and the words over it
THUMBNAIL_PX = 104
LATE = 0.9  # of the width: what happens later has its words at the right edge
SHORT = 0.01  # of the width: what is over sooner is a moment
WAIT_S = 0.15  # a shorter wait is that of any word on its way
POINTS_PER_IN = 72
_HATCH = "////"
_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody said, and what became of it; all in seconds of the picture."""

    said: Span
    floor: tuple[float, float] | None = None
    """While the model was given it; None: it never was."""


@dataclass
class Lane:
    """A person."""

    name: str
    pcm: Pcm16
    utterances: list[Utterance]
    note: str = ""
    """Why nothing was given to the model; empty for who is heard."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was shown or done at a time, with what came of it at another.

    With a picture its words stand before the time, else after it, as far as there is room.
    """

    start: float
    end: float
    head: str
    text: str
    picture: bytes = b""


@dataclass
class RoomPicture:
    """What the picture shows."""

    rate_hz: int
    seconds: float
    lanes: list[Lane]
    bot: Pcm16
    floor: list[Span]
    """The turns as the model was told of them, with the speakers' names for a text."""
    answered: list[Span] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    figures: Figures = ()


def draw_room(room: RoomPicture, title: str, path: Path) -> None:
    """Write the picture as a PNG of 1800 x 1224 pixels."""
    figure = new_figure(HEIGHT_IN, title)
    heights = (*[1.0 if not lane.note else 0.8 for lane in room.lanes], 0.3, 1.25, 0.95, 0.08, 0.36)
    rows = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, hspace=0.1, left=LEFT, right=RIGHT, top=0.905, bottom=0.05
    )
    colours: dict[str, str] = {}
    for lane in room.lanes:
        colours[lane.name] = COLOURS[len(colours) % len(COLOURS)] if not lane.note else NOT_HEARD
    first = _people(figure, rows, room, colours)
    below = len(room.lanes)
    _floor(_row(figure, rows, below, first), room.floor, colours)
    _answers(_row(figure, rows, below + 1, first), room)
    _deeds(_row(figure, rows, below + 2, first), room)
    first.set_xlim(0, room.seconds)
    _legend(figure)
    draw_figures(figure.add_subplot(rows[below + 4]), room.figures)
    save(figure, room.figures, path)


def _row(figure: Figure, rows: GridSpec, number: int, first: Axes | None) -> Axes:
    axes = figure.add_subplot(rows[number], sharex=first)
    axes.tick_params(labelbottom=False, length=0)
    return axes


def _people(figure: Figure, rows: GridSpec, room: RoomPicture, colours: dict[str, str]) -> Axes:
    """Draw the lanes, and return the first."""
    first: Axes | None = None
    for number, lane in enumerate(room.lanes):
        axes = _row(figure, rows, number, first)
        first = first or axes
        _lane(axes, lane, room, colours[lane.name])
    assert first is not None, "a room has people"
    return first


def _lane(axes: Axes, lane: Lane, room: RoomPicture, colour: str) -> None:
    bare(axes, lane.name, colour)
    axes.set_ylim(LOW, HIGH)
    draw_wave(axes, lane.pcm, room.rate_hz, colour)
    begins = [each.said.start for each in lane.utterances]
    for each, following in zip(lane.utterances, [*begins[1:], room.seconds], strict=True):
        draw_words(axes, each.said, room.seconds, room_s=following - each.said.start - 1.0, lines=2)
        if each.floor is None:
            continue
        start, end = each.floor
        axes.fill_between((start, end), LOW, TOP_OF_WAVE, color=colour, alpha=0.18, linewidth=0)
        if start - each.said.start >= WAIT_S:
            _wait(axes, each.said.start, start, colour)
    if lane.note and begins:
        last = max(each.said.end for each in lane.utterances)
        words = axes.text(last + 0.6, 0, lane.note, color=INK, fontsize=9.5, va="center", style="italic")
        words.set_bbox(_ON_WHITE)


def _wait(axes: Axes, start: float, end: float, colour: str) -> None:
    corner, height = (start, LOW), TOP_OF_WAVE - LOW
    hatched = Rectangle(
        corner, end - start, height, facecolor="none", edgecolor=colour, alpha=0.35, hatch=_HATCH, linewidth=0
    )
    axes.add_patch(hatched)
    middle, words = (start + end) / 2, f"{end - start:.1f} s"
    axes.text(middle, LOW + 0.12, words, fontsize=7.5, color=colour, ha="center", bbox=_ON_WHITE)


def _floor(axes: Axes, turns: Sequence[Span], colours: dict[str, str]) -> None:
    bare(axes, "floor", INK)
    axes.yaxis.label.set(fontsize=9, rotation=0, ha="right", va="center")
    axes.set_ylim(0, 1)
    for turn in turns:
        axes.fill_between((turn.start, turn.end), 0, 1, color=colours.get(turn.text, INK), linewidth=0)
        middle = (turn.start + turn.end) / 2
        axes.text(middle, 0.47, turn.text, color="white", fontsize=7.5, ha="center", va="center")


def _answers(axes: Axes, room: RoomPicture) -> None:
    bare(axes, "Earshot", BOT)
    axes.set_ylim(LOW, 2.6)
    draw_wave(axes, room.bot, room.rate_hz, BOT)
    for span in room.answered:
        axes.fill_between((span.start, span.end), LOW, TOP_OF_WAVE, color=BOT, alpha=0.10, linewidth=0)
        axes.plot([span.start, span.start], [LOW, TOP_OF_WAVE], color=BOT, alpha=0.6, linewidth=1.0)
        draw_words(axes, span, room.seconds, lines=4)


def _deeds(axes: Axes, room: RoomPicture) -> None:
    """Draw what was shown and done."""
    bare(axes, "", INK)
    axes.set_ylim(0, 1)
    axes.tick_params(labelbottom=True, length=3)
    axes.set_xlabel("seconds", color=FAINT, fontsize=9)
    ends = [deed.start for deed in room.deeds[1:]]
    for deed, following in zip(room.deeds, [*ends, room.seconds], strict=True):
        axes.plot([deed.start], [0.93], marker="v", color=INK, markersize=7)
        if deed.end - deed.start > SHORT * room.seconds:
            axes.plot([deed.start, deed.end], [0.93, 0.93], color=INK, linewidth=2.0)
            axes.plot([deed.end], [0.93], marker="|", color=INK, markersize=10, markeredgewidth=2.0)
        if deed.picture:
            x, align = deed.start - _thumbnail(axes, deed.picture, deed.start, room.seconds), "right"
            width = x
        else:
            x, align, width = deed.start, "left", following - deed.start
            if x > LATE * room.seconds:
                x, align, width = room.seconds, "right", 0.0
        axes.text(x, 0.8, deed.head, fontsize=9, fontweight="bold", color=INK, va="top", ha=align)
        words = wrapped(deed.text, (width - 1.0) / room.seconds * LANE_PT, 3)
        axes.text(x, 0.56, words, fontsize=WORDS_PT, color=INK, va="top", ha=align)


def _thumbnail(axes: Axes, picture: bytes, at: float, seconds: float) -> float:
    """Draw a picture small, ending at a time, and return its width in seconds."""
    with Image.open(io.BytesIO(picture)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((2 * THUMBNAIL_PX, 2 * THUMBNAIL_PX))  # twice as fine: the PNG may be looked at closely
    box = OffsetImage(np.asarray(small), zoom=0.5 * POINTS_PER_IN / DPI)
    placed = AnnotationBbox(box, (at, 0.4), box_alignment=(1, 0.5), frameon=False, pad=0)
    axes.add_artist(placed)
    return (THUMBNAIL_PX + 12) / (WIDTH_IN * DPI * (RIGHT - LEFT)) * seconds


def _legend(figure: Figure) -> None:
    """Explain the stretches, once and in grey: they mean the same in each colour."""
    given = Patch(facecolor=FAINT, alpha=0.25, label="has the floor: the model is given what they say")
    waits = Patch(facecolor="none", edgecolor=FAINT, hatch=_HATCH, label="waits: is kept, and replayed next")
    place = (LEFT - 0.004, 1 - 0.6 / HEIGHT_IN)
    figure.legend(
        handles=[given, waits], loc="upper left", bbox_to_anchor=place, ncols=2, frameon=False, fontsize=9
    )
