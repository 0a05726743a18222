"""Where a searched answer comes from: numbered links, and the searches that Google asks to be shown.

https://ai.google.dev/gemini-api/docs/google-search
"""

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

from google.genai import types

from bot.media.events import Grounding, Link

MOST_SOURCES = 20
MOST_SEARCHES = 5
_SEARCH = "https://www.google.com/search?"


def grounding_of(metadata: types.GroundingMetadata | None) -> Grounding | None:
    """Return the sources and searches of an answer; None where it rests on none."""
    if metadata is None:
        return None
    found = [chunk.web for chunk in metadata.grounding_chunks or [] if chunk.web is not None]
    return linked([(web.title or "", web.uri or "") for web in found], metadata.web_search_queries or [])


def linked(pages: Sequence[tuple[str, str]], queries: Sequence[str]) -> Grounding | None:
    """Return pages, by title and address, and searches as links; None where there are none."""
    sources = tuple(
        Link(title or str(urlsplit(address).hostname), address)
        for title, address in pages[:MOST_SOURCES]
        if _on_the_web(address)
    )
    searches = tuple(Link(query, _SEARCH + urlencode({"q": query})) for query in queries[:MOST_SEARCHES])
    return Grounding(sources, searches) if sources or searches else None


def cited(text: str, metadata: types.GroundingMetadata) -> str:
    """Return an answer with the numbers of its sources after what they support.

    Supports count bytes of the UTF-8 text, and sources from 0; people count from 1.
    """
    data = text.encode()
    for support in sorted(metadata.grounding_supports or [], key=_end, reverse=True):
        end = _end(support)
        numbers = [n + 1 for n in support.grounding_chunk_indices or [] if 0 <= n < MOST_SOURCES]
        whole = support.segment is not None and not support.segment.part_index
        if not (whole and numbers and 0 < end <= len(data) and _between_letters(data, end)):
            continue
        marks = "".join(f"[{number}]" for number in sorted(set(numbers)))
        data = data[:end] + f" {marks}".encode() + data[end:]
    return data.decode()


def _end(support: types.GroundingSupport) -> int:
    return (support.segment.end_index or 0) if support.segment is not None else 0


def _between_letters(data: bytes, at: int) -> bool:
    return at == len(data) or data[at] & 0xC0 != 0x80


def _on_the_web(address: str) -> bool:
    try:
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:  # half of an IPv6 address, for one
        return False
