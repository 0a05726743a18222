"""Times of recordings as people write them, such as 0:45, 1:02:03 or 1m30s, and ranges such as 1:10-2:00."""

import re
from dataclasses import dataclass

from bot.media.lengths import clock

AROUND_S = 15.0  # on both sides of a single time: long enough for what was going on then

# A bare number is no time: nobody can tell seconds from minutes, or a year from either.
_CLOCK = r"(?:[0-9]{1,3}:[0-5][0-9]|[0-9]{1,4}):[0-5][0-9](?:[.,][0-9]{1,3})?"
_HOURS, _MINUTES, _SECONDS = "h|hrs?|hours?", "m|mins?|minutes?", "s|secs?|seconds?"
_UNITS = (
    rf"(?=[0-9])(?:[0-9]{{1,4}}\s*(?:{_HOURS})\s*)?(?:[0-9]{{1,4}}\s*(?:{_MINUTES})\s*)?"
    rf"(?:[0-9]{{1,6}}(?:[.,][0-9]{{1,3}})?\s*(?:{_SECONDS}))?"
)
_TIME = rf"(?:{_CLOCK}|{_UNITS})"
_RANGE = re.compile(
    rf"(?:from\s+|between\s+)?(?P<start>{_TIME})?\s*(?:[-\u2013\u2014\u2026~]|\.{{2,3}}|\bto\b|\buntil\b|\band\b)"
    rf"\s*(?P<end>{_TIME})?",
    re.IGNORECASE | re.ASCII,
)
_SINGLE = re.compile(rf"(?:at\s+|@\s*)?(?P<time>{_TIME})", re.IGNORECASE | re.ASCII)
_UNIT = re.compile(
    rf"([0-9]+(?:[.,][0-9]+)?)\s*(?:({_HOURS})|({_MINUTES})|({_SECONDS}))", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class Range:
    """A part of a recording, in seconds from its beginning."""

    start_s: float
    end_s: float | None
    """None for the end of the recording."""
    at_s: float | None = None
    """The single time that was written, if the part is what lies around it."""

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{clock(self.start_s)}-{'' if self.end_s is None else clock(self.end_s)}"


def parse_range(text: str) -> Range | None:
    """Return the range that a text is, or what lies around the time that it is; None for any other text.

    The end may come before the start: who can tell people so, does.
    """
    text = text.strip()
    single = _SINGLE.fullmatch(text)
    if single is not None:
        at_s = _seconds(single["time"])
        return Range(max(0.0, at_s - AROUND_S), at_s + AROUND_S, at_s)
    both = _RANGE.fullmatch(text)
    if both is None or both["start"] is both["end"] is None:
        return None
    start, end = both["start"], both["end"]
    return Range(_seconds(start) if start else 0.0, _seconds(end) if end else None)


def _seconds(written: str) -> float:
    """Return the seconds of a time that fits _TIME."""
    if ":" in written:
        seconds = 0.0
        for part in written.replace(",", ".").split(":"):
            seconds = seconds * 60 + float(part)
        return seconds
    seconds = 0.0
    for number, hours, minutes, _ in _UNIT.findall(written):
        seconds += float(number.replace(",", ".")) * (3600 if hours else 60 if minutes else 1)
    return seconds
