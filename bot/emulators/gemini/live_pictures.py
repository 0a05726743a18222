"""Pictures that a Live session was shown: measured beside the event loop, and put into words.

A picture that can't be read ends the session, as the real server ends it; until it was looked at, it has no
facts. Many pictures in one turn are a video, and are summed up: nobody wants to hear of each frame.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.emulators.gemini.media_facts import PictureFacts
from bot.emulators.gemini.media_picture import look

_MOST_TOLD = 4  # pictures that are told one by one
_NAMED = 0.1  # share of the area from which on a colour is said
_MOST_COLOURS = 3


@dataclass(eq=False)
class Picture:
    """A picture as it came in; compared by identity."""

    at: float
    mime_type: str
    sha256: str
    """Of the bytes, in hex."""
    size_bytes: int
    facts: PictureFacts | None = None
    """What was measured, once it was looked at."""


def received(data: bytes, mime_type: str, at: float) -> Picture:
    """Return a picture that has yet to be looked at."""
    return Picture(at, mime_type, hashlib.sha256(data).hexdigest(), len(data))


def look_at(picture: Picture, data: bytes) -> None:
    """Measure it; raise UnreadableError where the bytes are no picture. It blocks: use a thread."""
    picture.facts = look(data)


def tell(pictures: Sequence[Picture]) -> list[str]:
    """Return sentences about what was seen in a turn."""
    facts = _seen(pictures)
    if len(facts) <= _MOST_TOLD:
        return [f"I saw a picture of {_size(one)}, mostly {_colours(one)}." for one in facts]
    sizes = {_size(one) for one in facts}
    size = sizes.pop() if len(sizes) == 1 else "of several sizes"
    return [
        f"I saw {len(facts)} pictures, the first mostly {_colours(facts[0], 1)}, "
        f"the last mostly {_colours(facts[-1], 1)}, {size}."
    ]


def remember(pictures: Sequence[Picture]) -> list[str]:
    """Return a sentence about pictures of earlier turns, if there are any."""
    facts = _seen(pictures)
    if not facts:
        return []
    if len(facts) == 1:
        return [f"I remember 1 picture, mostly {_colours(facts[0], 1)}."]
    return [f"I remember {len(facts)} pictures, the last mostly {_colours(facts[-1], 1)}."]


def _seen(pictures: Sequence[Picture]) -> list[PictureFacts]:
    return [picture.facts for picture in pictures if picture.facts is not None]


def _size(facts: PictureFacts) -> str:
    return f"{facts.width} by {facts.height} pixels"


def _colours(facts: PictureFacts, most: int = _MOST_COLOURS) -> str:
    """Return the names of the main colours, the largest first."""
    names = [colour.name for colour in facts.colours if colour.share >= _NAMED][:most]
    if not names:
        return "of no single colour"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
