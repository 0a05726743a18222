"""Where a searched answer comes from: numbered links at its end, and searches that must be offered."""

import re

from bot.media.events import Grounding, Link

BUTTON_URL = 512  # characters that Discord takes as the address of a button
BUTTON_LABEL = 80
BUTTONS = 5  # in a row
LONGEST_LIST = 9_000  # characters: three pages; Google's addresses have about 250 each

_LONGEST_TITLE = 80
_LONGEST_URL = 1_500  # a link that is cut to fit a page leads nowhere
_ADDRESS = re.compile(r"https?://[^\s<>\"\\]+")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_MARKDOWN = re.compile(r"[\\`*_<>#~|!&]")
_BRACKETS = str.maketrans("[]", "()")  # which could end a link early


def listed(grounding: Grounding) -> str:
    """Return the sources by their numbers as Markdown, as many as there is room for; maybe nothing.

    Searches that are too long for a button are among them: Google asks that each is offered as a link.
    """
    lines = [f"{number}. {_link(source)}" for number, source in enumerate(grounding.sources, start=1)]
    searches = [f"- Searched for {_link(each)}" for each in grounding.searches if not _fits(each)]
    kept: list[str] = []
    left = LONGEST_LIST
    for line in searches + lines:
        if len(line) <= left:
            kept.append(line)
            left -= len(line)
    return "\n".join(["**Sources**", "", *kept]) if kept else ""


def search_buttons(grounding: Grounding | None) -> list[Link]:
    """Return the searches that can be buttons: label and address of each."""
    searches = () if grounding is None else grounding.searches
    return [Link(_clipped(each.title, BUTTON_LABEL), each.url) for each in searches if _fits(each)][:BUTTONS]


def _fits(search: Link) -> bool:
    return len(search.url) <= BUTTON_URL and _ADDRESS.fullmatch(search.url) is not None


def _link(link: Link) -> str:
    """Return a link as Markdown; words that look like an address themselves are none on Discord."""
    title = _SCHEME.sub("", _clipped(link.title, _LONGEST_TITLE)).translate(_BRACKETS)
    title = _MARKDOWN.sub(r"\\\g<0>", title)
    whole = len(link.url) <= _LONGEST_URL and _ADDRESS.fullmatch(link.url) is not None
    return f"[{title}](<{link.url}>)" if whole else title


def _clipped(text: str, limit: int) -> str:
    text = " ".join(text.split()) or "a page"
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
