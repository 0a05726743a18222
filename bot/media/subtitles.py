"""Subtitles as a SubRip file (.srt) that players accept: numbered, in order, none over another, short lines.

There is no standard; this is what https://www.matroska.org/technical/subtitles.html and FFmpeg's reader take,
with the lengths that broadcasters ask for: at most two lines of 42 columns.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

COLUMNS = 42  # a line; a letter of Chinese, Japanese or Korean takes two
LINES = 2
LEAST_MS = 700  # that a cue stays: a shorter one flashes by unread
# Scripts without spaces, where lines break between any two letters; but never before what closes.
_IDEOGRAPHS = "\u2e80-\u9fff\uf900-\ufaff\uff01-\uff60\U00020000-\U0003fffd"
_CLOSING = "、。，．！？：；」』）】》〉…ー々ゝゞぁぃぅぇぉっゃゅょァィゥェォッャュョ"  # noqa: RUF001
_ATOM = re.compile(rf"[{_IDEOGRAPHS}][{_CLOSING}]*|[^{_IDEOGRAPHS}]+")
_ARROW = re.compile("--+>")  # stands between times; within a text, some readers take it for that
_NO_WIDTH = ("Mn", "Me", "Cf")
_NEVER = ("Cc", "Cs")  # control characters, and halves of characters, which can't be written


@dataclass(frozen=True)
class Cue:
    """What is shown during a time, in seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass
class _Timed:
    """What is shown at once: times in milliseconds, and at most LINES lines."""

    start: int
    end: int
    lines: list[str]


@dataclass(frozen=True)
class _Atom:
    """Letters that are kept together."""

    text: str
    spaced: bool
    """Whether there is a space before it, within a line."""
    width: int
    """Columns."""


def srt(cues: Iterable[Cue]) -> str:
    """Return the text of a .srt file; cues may overlap, be too long or too short, and come in any order."""
    timed = [part for cue in sorted(cues, key=lambda cue: cue.start_s) for part in _parts(cue)]
    _space(timed)
    return "".join(_written(number, part) for number, part in enumerate(timed, start=1))


def _parts(cue: Cue) -> Iterator[_Timed]:
    """Yield what a cue becomes: several where its text is too long to be shown at once."""
    lines = _balanced(_clean(cue.text))
    shown = [lines[at : at + LINES] for at in range(0, len(lines), LINES)]
    whole = sum(len(line) for line in lines)
    start, told = cue.start_s, 0
    for each in shown:
        told += sum(len(line) for line in each)
        end = cue.start_s + (cue.end_s - cue.start_s) * told / whole
        yield _Timed(round(start * 1000), round(end * 1000), each)
        start = end


def _clean(text: str) -> str:
    """Return a text on one line, without what can't stand in a file of subtitles."""
    plain = "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in _NEVER)
    return _ARROW.sub("->", plain).strip()


def _balanced(text: str) -> list[str]:
    """Return a text as lines that are about equally long, no more of them than are needed."""
    atoms = list(_atoms(text))
    count = len(_filled(atoms, COLUMNS))
    most = count if count < LINES else -(-count // LINES) * LINES
    return next(lines for columns in range(1, COLUMNS + 1) if len(lines := _filled(atoms, columns)) <= most)


def _filled(atoms: Sequence[_Atom], columns: int) -> list[str]:
    """Return lines of so many columns; only what can't be broken makes one longer."""
    lines: list[str] = []
    line, filled = "", 0
    for atom in atoms:
        if line and filled + atom.spaced + atom.width > columns:
            lines.append(line)
            line, filled = "", 0
        glue = " " * (atom.spaced and bool(line))
        line, filled = f"{line}{glue}{atom.text}", filled + len(glue) + atom.width
    return [*lines, line] if line else lines


def _space(timed: Sequence[_Timed]) -> None:
    """Give each cue the time that it takes to be seen, and end it before the next begins."""
    before = 0
    for each, after in itertools.zip_longest(timed, timed[1:]):
        each.start = max(each.start, before)
        least = each.start + LEAST_MS
        each.end = max(each.end, least)
        if after is not None:
            each.end = max(least, min(each.end, after.start))
        before = each.end


def _written(number: int, part: _Timed) -> str:
    # SubRip is from Windows, and all that read it take its ends of lines.
    times = f"{_stamp(part.start)} --> {_stamp(part.end)}"
    return "\r\n".join([str(number), times, *part.lines, "", ""])


def _stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02},{rest:03}"


def _atoms(text: str) -> Iterator[_Atom]:
    """Yield a text as what is kept together; none is wider than a line."""
    for word in text.split():
        spaced = True
        for atom in _ATOM.findall(word):
            for piece in _cut(atom):
                yield _Atom(piece, spaced, _width(piece))
                spaced = False


def _cut(atom: str) -> Iterator[str]:
    """Yield pieces of what is longer than a line, such as an address."""
    piece, filled = "", 0
    for character in atom:
        width = _width(character)
        if filled + width > COLUMNS:
            yield piece
            piece, filled = "", 0
        piece, filled = piece + character, filled + width
    yield piece


def _width(text: str) -> int:
    """Return how many columns a text takes."""
    return sum(
        0 if unicodedata.category(c) in _NO_WIDTH else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
