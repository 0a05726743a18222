"""Where a line that is too long can be cut: at a sentence's end, else between words, with its styles kept."""

import re
from dataclasses import dataclass

from bot.text.blocks import size
from bot.text.escape import escaped_lines

# What a line of ours consists of, so that no piece is cut in two; a lone letter is the last resort.
_PIECE = re.compile(
    r"""(?P<whole> \\. | \[(?:\\.|[^\]\\]){0,500}\]\([^)\s]*\) | ``\ .*?\ `` | `[^`]*` | https?://[^\s<]+ )
      | (?P<marker> \*\*\* | \*\* | \* | ~~ )
      | (?P<space> \s+ )
      | (?P<other> [^\s\\\[`*~h]+ | . )""",
    re.VERBOSE | re.DOTALL,
)
_CODE_MARK = re.compile(r"`` |`")
_QUOTE = re.compile(r"(?:> )?")
_SENTENCE_ENDS = ".!?…。\uff01\uff1f"


@dataclass(frozen=True)
class _Place:
    """A place between two pieces, and the styles that are open there, in their order."""

    at: int
    open: tuple[str, ...]
    after_sentence: bool


def cut_line(line: str, limit: int) -> tuple[str, str]:
    """Cut a line that is longer than `limit` UTF-16 units in two, the first of at most `limit`.

    Styles that are open at the cut are closed and opened again; a quote goes on as one.
    """
    place = _best(line, limit)
    if place is None:
        return _cut_letters(line, limit)
    quote = _QUOTE.match(line)
    prefix = quote.group() if quote else ""
    head = line[: place.at].rstrip() + "".join(reversed(place.open))
    # What stood within the line must not become an item or a heading where it begins one.
    rest = escaped_lines(line[place.at :].lstrip())
    return head, prefix + "".join(place.open) + rest


def _best(line: str, limit: int) -> _Place | None:
    """Return the last end of a sentence in the second half of what fits, else the last gap between words."""
    places = _places(line, limit)
    sentences = [place for place in places if place.after_sentence and place.at > limit // 2]
    return sentences[-1] if sentences else places[-1] if places else None


def _places(line: str, limit: int) -> list[_Place]:
    """Return the gaps between words before which, with styles closed, no more than `limit` stands."""
    quote = _QUOTE.match(line)
    start = used = len(quote.group()) if quote else 0
    places: list[_Place] = []
    is_open: list[str] = []
    words = False
    for piece in _PIECE.finditer(line, start):
        if used + sum(map(len, is_open)) > limit:
            break
        if piece["marker"]:
            _turn(is_open, piece["marker"])
        elif piece["space"] and words:
            ends = line[: piece.start()].rstrip("*~\"')")[-1:] in _SENTENCE_ENDS
            places.append(_Place(piece.start(), tuple(is_open), ends))
        else:
            words = words or not piece["space"]
        used += size(piece.group())
    return places


def _turn(is_open: list[str], marker: str) -> None:
    """Open or close what a marker stands for."""
    if marker == "***":
        # Both close, or both open; what closes closes the inner one first.
        both = ["*", "**"] if is_open and is_open[-1] == "*" else ["**", "*"]
        for each in both:
            _turn(is_open, each)
    elif marker in is_open:
        is_open.remove(marker)
    else:
        is_open.append(marker)


def _cut_letters(line: str, limit: int) -> tuple[str, str]:
    """Cut between two letters; code stays code on both sides, else what it hides would be shown."""
    at = _letters(line, limit)
    piece = next((each for each in _PIECE.finditer(line) if each.end() > at), None)
    mark = _CODE_MARK.match(piece["whole"] or "") if piece is not None else None
    if piece is None or mark is None or at - mark.end() <= piece.start() + mark.end():
        return line[:at], line[at:]
    at -= mark.end()
    return line[:at] + mark.group()[::-1], mark.group() + line[at:]


def _letters(line: str, limit: int) -> int:
    """Return how many letters fit, not ending within an escape; at least one."""
    used = 0
    for at, letter in enumerate(line):
        used += size(letter)
        if used > limit:
            slashes = len(line[:at]) - len(line[:at].rstrip("\\"))
            return max(at - slashes % 2, 1)
    return len(line)
