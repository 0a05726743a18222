"""Grounding: what a search leaves in an answer. The loopback has no web, and its sources are examples."""

import html
from typing import Any
from urllib.parse import urlencode

SOURCES = ("example.com", "example.org")  # names that no one owns (RFC 2606)
_QUERY_WORDS = 8
SEARCHED = "I searched for “{query}”; the loopback has no web, and names examples as sources."


def query_of(prompt: str) -> str:
    """Return what is searched for."""
    return " ".join(prompt.split()[:_QUERY_WORDS])


def ground(prompt: str, text: str) -> dict[str, Any]:
    """Return the grounding metadata of an answer; offsets count bytes of its UTF-8, as the real ones do."""
    query = query_of(prompt)
    first = text.split("\n", 1)[0]
    link = f"https://www.google.com/search?{urlencode({'q': query})}"
    chip = f'<div class="container"><a class="chip" href="{html.escape(link)}">{html.escape(query)}</a></div>'
    return {
        "webSearchQueries": [query],
        "searchEntryPoint": {"renderedContent": chip},
        "groundingChunks": [
            {"web": {"uri": f"https://{name}/?{urlencode({'q': query})}", "title": name}} for name in SOURCES
        ],
        "groundingSupports": [
            {
                "segment": {"startIndex": 0, "endIndex": len(first.encode()), "text": first},
                "groundingChunkIndices": list(range(len(SOURCES))),
            }
        ],
    }
