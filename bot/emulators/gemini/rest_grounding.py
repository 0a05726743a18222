"""Grounding: what a search leaves in an answer. The loopback has no web, and its sources are examples."""

import html
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

SOURCES = ("example.com", "example.org")  # names that no one owns (RFC 2606)
_QUERY_WORDS = 8
_MOST_QUERIES = 3
_SENTENCE = re.compile(r"[^.?!\n]+[.?!]?")
_QUESTION = re.compile(r"[^.?!\n]+\?(?=\s|$)")
_SEARCHED = "I searched for “{query}”; the loopback has no web, and names examples as sources."


def queries_of(prompt: str) -> list[str]:
    """Return what is searched for: each of the first sentences is a search of its own."""
    return _shortened(_SENTENCE.findall(prompt))


def questions_of(text: str) -> list[str]:
    """Return what is searched for where the model itself finds that a question needs it."""
    return _shortened(_QUESTION.findall(text))


def _shortened(found: Sequence[str]) -> list[str]:
    sentences = [sentence.split() for sentence in found]
    queries = [" ".join(words[:_QUERY_WORDS]) for words in sentences if words]
    return list(dict.fromkeys(queries))[:_MOST_QUERIES]


def searched(queries: Sequence[str]) -> str:
    """Return a sentence on each search, on a line of its own."""
    return "\n".join(_SEARCHED.format(query=query) for query in queries)


def ground(queries: Sequence[str], text: str) -> dict[str, Any]:
    """Return the grounding metadata of an answer; offsets count bytes of its UTF-8, as the real ones do.

    A support names the sources of a line of the answer. What is zero is left out, as in all proto JSON.
    """
    return {
        "webSearchQueries": list(queries),
        "searchEntryPoint": {"renderedContent": _chips(queries)},
        "groundingChunks": [
            {"web": {"uri": f"https://{name}/?{urlencode({'q': query})}", "title": name}}
            for query in queries
            for name in SOURCES
        ],
        "groundingSupports": _supports(text, len(queries)),
    }


def _supports(text: str, count: int) -> list[dict[str, Any]]:
    supports: list[dict[str, Any]] = []
    start = 0
    for index, line in enumerate(text.split("\n", count)[:count]):
        end = start + len(line.encode())
        if not line:
            break  # nothing was said
        segment = {"startIndex": start, "endIndex": end, "text": line}
        sources = range(index * len(SOURCES), (index + 1) * len(SOURCES))
        supports.append(
            {
                "segment": {name: value for name, value in segment.items() if value},
                "groundingChunkIndices": list(sources),
            }
        )
        start = end + 1
    return supports


def _chips(queries: Sequence[str]) -> str:
    """Return the search suggestions as Google writes them: to be shown as they are, or as links."""
    links = [f"https://www.google.com/search?{urlencode({'q': query})}" for query in queries]
    chips = [
        f'<a class="chip" href="{html.escape(link)}">{html.escape(query)}</a>'
        for link, query in zip(links, queries, strict=True)
    ]
    return f'<div class="container">{"".join(chips)}</div>'
