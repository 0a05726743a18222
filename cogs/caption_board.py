"""Captions as messages: lines that grow, are put in between, and flow from one message into the next.

Sans-I/O: lines go in; what is to be sent or edited comes out, one request at a time. A message that is full,
and whose lines stay as they are, is forgotten once Discord has it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.conversation.captions_passage import CaptionLine, Kind
from bot.text.blocks import size
from bot.text.escape import ZERO_WIDTH, one_line

MOST = 1_950  # UTF-16 units of a message: Discord takes 2,000
NAME = 32  # as long as names are on Discord
BEHIND = 20  # messages' worth that waits for Discord: what is older can't be read in time, and is left out
EMPTY = "-# …"  # a message that has lost its only line; an empty one is none


@dataclass(frozen=True, slots=True)
class Post:
    """What a message is to show."""

    number: int
    """Of the message, counted on from 0."""
    content: str
    lasting: bool
    """Whether all of it stays as it is."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A line, and how it is shown."""

    line: CaptionLine
    text: str
    size: int


@dataclass
class _Page:
    lines: list[CaptionLine]
    texts: list[str]
    size: int = 0

    @property
    def content(self) -> str:
        return "\n".join(self.texts) or EMPTY

    @property
    def lasting(self) -> bool:
        return all(line.final for line in self.lines)


class CaptionBoard:
    """The messages that may still change."""

    def __init__(self) -> None:
        self._lines: dict[int, _Written] = {}
        self._known = 0  # the newest line that was seen: only what comes after it can begin a message
        self._skipped = 0  # the newest line that is not to be shown, with all before it
        self._begins: set[int] = set()
        self._first = 0
        self._shown: dict[int, str] = {}
        self._breaking = False

    def update(self, lines: Iterable[CaptionLine]) -> None:
        """Take in lines as they are now."""
        for line in lines:
            if line.id not in self._lines and (not line.text or line.id <= self._skipped):
                continue
            newest = line.id > self._known and all(line.at >= other.line.at for other in self._lines.values())
            if self._breaking and newest:
                self._begins.add(line.id)
                self._breaking = False
            self._known = max(self._known, line.id)
            text = _rendered(line)
            self._lines[line.id] = _Written(line, text, size(text))
        self._limit()

    def next(self) -> Post | None:
        """Return the first message that is not as it should be; None where all are."""
        pages = self._pages()
        for number, page in enumerate(pages, start=self._first):
            if self._shown.get(number) != page.content:
                return Post(number, page.content, page.lasting)
        # Of an answer that was cut off, less is left than had been posted.
        left = range(self._first + len(pages), self._first + len(pages) + len(self._shown))
        over = (number for number in left if self._shown.get(number, EMPTY) != EMPTY)
        return next((Post(number, EMPTY, lasting=True) for number in over), None)

    def shown(self, post: Post) -> None:
        """Take in that Discord shows a message so."""
        self._shown[post.number] = post.content
        pages = self._pages()
        while len(pages) > 1 and pages[0].lasting and self._shown.get(self._first) == pages[0].content:
            self._drop(pages.pop(0).lines)
            del self._shown[self._first]
            self._first += 1

    def break_here(self) -> None:
        """Begin another message with the next line."""
        self._breaking = bool(self._lines)

    def gone(self, number: int) -> None:
        """Go on in another message: that one was deleted, and what was final in it with it."""
        pages = self._pages()
        if 0 <= number - self._first < len(pages):
            self._drop(line for line in pages[number - self._first].lines if line.final)
        self._anew()

    def move(self) -> None:
        """Show all that may still change in other messages, elsewhere."""
        self._anew()

    def skip(self, lines: Iterable[CaptionLine]) -> None:
        """Show neither these lines nor more of what has come before; what is posted stays."""
        self._drop([each.line for each in self._lines.values()])
        self._known = self._skipped = max([self._known, *(line.id for line in lines)])
        self._anew()

    def _anew(self) -> None:
        self._first = max([self._first, *(number + 1 for number in self._shown)])
        self._shown.clear()

    def _drop(self, lines: Iterable[CaptionLine]) -> None:
        for line in lines:
            self._lines.pop(line.id, None)
            self._begins.discard(line.id)

    def _limit(self) -> None:
        """Leave out what Discord could not be given in time."""
        pages = self._pages()
        if len(pages) > BEHIND:
            for page in pages[: len(pages) - BEHIND]:
                self._drop(page.lines)
            self._anew()

    def _pages(self) -> list[_Page]:
        pages: list[_Page] = []
        for each in sorted(self._lines.values(), key=lambda one: (one.line.at, one.line.id)):
            full = bool(pages) and pages[-1].size + 1 + each.size > MOST
            if not pages or full or each.line.id in self._begins:
                pages.append(_Page([], []))
            page = pages[-1]
            page.lines.append(each.line)
            if each.text:
                page.texts.append(each.text)
                page.size += 1 + each.size
        return pages


def _rendered(line: CaptionLine) -> str:
    if not line.text:
        return ""
    # An address within a name would become a link.
    name = one_line(line.name.replace("://", f":{ZERO_WIDTH}//"), NAME)
    text = one_line(line.text, len(line.text))
    return f"-# {name} {text}" if line.kind is Kind.NOTE else f"**{name}:** {text}"
