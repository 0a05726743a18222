"""Stretches of time in a model's JSON: what is wrong with them, and what small slips become.

Models are about a second off, and asking again for an hour of speech is dear: slips of that size are mended
here, and only what is further off is sent back.
"""

from collections.abc import Sequence
from typing import Any

from bot.media.value import number

SLACK_S = 1.0
LONGEST_S = 100 * 3600.0 - 1  # no recording is longer; where its length is not known, a time may be nonsense


def faults(
    found: Sequence[dict[str, Any]], name: str, begin_s: float, end_s: float | None, *, overlap: bool = False
) -> list[str]:
    """Return what is wrong with the `start` and `end` of each, fit to be told to the model.

    They lie between `begin_s` and `end_s` (None where the length is not known), in order; they may `overlap`
    where people talk at the same time.
    """
    told = []
    before = begin_s
    for index, each in enumerate(found):
        start, end = number(each, "start"), number(each, "end")
        if start is None or end is None:
            told.append(f"{name}[{index}] lacks start or end")
            continue
        at = f"{name}[{index}] ({start:g} to {end:g} s)"
        if end <= start - SLACK_S * overlap:
            told.append(f"{at} ends before it begins")
        elif start < begin_s - SLACK_S or (end_s is not None and end > end_s + SLACK_S):
            told.append(f"{at} is not within {_bounds(begin_s, end_s)}")
        elif start < before - SLACK_S:
            told.append(f"{at} begins before {before:g} s, where the one before it {_edge(overlap)}")
        before = max(before, start if overlap else end)
    return told


def ordered(
    found: Sequence[dict[str, Any]], begin_s: float = 0.0, end_s: float | None = None
) -> list[tuple[float, float, dict[str, Any]]]:
    """Return those that have times, in their order and within the bounds, as (start, end, it)."""
    spans = []
    for each in found:
        start = number(each, "start")
        if start is None:
            continue
        end = number(each, "end")
        start, end = (within(value, begin_s, end_s) for value in (start, start if end is None else end))
        spans.append((start, max(start, end), each))
    return sorted(spans, key=lambda span: span[0])


def within(value: float, begin_s: float, end_s: float | None) -> float:
    """Return a time moved into the bounds."""
    return min(max(begin_s, value), LONGEST_S if end_s is None else end_s)


def _bounds(begin_s: float, end_s: float | None) -> str:
    if end_s is None:
        return f"the recording: the part begins at {begin_s:g} s" if begin_s else "the recording"
    return f"the recording, which is asked about from {begin_s:g} to {end_s:g} s"


def _edge(overlap: bool) -> str:
    return "begins" if overlap else "ends"
