"""Requests made of earlier ones: what the buttons of an answer ask."""

from dataclasses import dataclass, replace

from bot.media.request import MediaRequest
from bot.media.task import Task
from bot.media.tasks.rewrite import GoOn, Shorter, Translate


@dataclass(frozen=True)
class Earlier:
    """An answer that is there already."""

    id: str
    request: MediaRequest
    text: str
    """As Markdown, as far as it came."""


def shorter(earlier: Earlier) -> MediaRequest:
    """Return the request for an answer in few words."""
    return _following(earlier, Shorter(earlier.text))


def translated(earlier: Earlier, language: str) -> MediaRequest:
    """Return the request for an answer in another language, given as a BCP 47 tag."""
    return _following(earlier, Translate(earlier.text, language))


def rest_of(earlier: Earlier) -> MediaRequest:
    """Return the request for the rest of an answer that was cut short."""
    return _following(earlier, GoOn())


def _following(earlier: Earlier, task: Task) -> MediaRequest:
    turns = earlier.request.then(earlier.text)
    return replace(earlier.request, task=task, sources=(), turns=turns, after=earlier.id)
