"""Answers cut into pages that each fit into one Discord message."""

from bot.text.blocks import Block, Kind, gap, size
from bot.text.cut import cut_line
from bot.text.escape import unfenced
from bot.text.markdown import blocks_of

# Discord takes 4,000 characters of text in a message; what is over is for the lines around the page:
# the question above it, a note and the footer below it.
PAGE_SIZE = 3_300

# A page that is emptier than this takes the beginning of a block that does not fit as a whole.
_EMPTY = 1 / 3
# Of a block that is divided, less than this is not worth standing alone at the end of a page.
_LEAST = 60


def paged(markdown: str, limit: int = PAGE_SIZE) -> list[str]:
    """Return a model's Markdown as pages in Discord's, each of at most `limit` UTF-16 units.

    No page is empty; none comes of nothing. `limit` must be at least 200. Takes about 2 ms per 1,000
    characters: keep long ones off the event loop.
    """
    made: list[str] = []
    page = _Page(limit)
    for block in blocks_of(markdown):
        rest: Block | None = block
        while rest is not None:
            rest = page.take(rest)
            if rest is not None:
                made.append(page.text)
                page = page.next()
    return [text for text in (*made, page.text) if text.strip()]  # what is set in far is cut to spaces


class _Page:
    """A page that is being filled."""

    def __init__(self, limit: int, blocks: tuple[Block, ...] = ()) -> None:
        self._limit = limit
        self._blocks: list[Block] = []
        self._carried: tuple[Block, ...] = ()
        self.text = ""
        for block in blocks:
            self._add(block)

    def take(self, block: Block) -> Block | None:
        """Take a block, or what fits of it, and return what is left."""
        shown = self._joined(block)
        if size(shown) <= self._limit:
            self._add(block)
            return None
        room = self._limit - size(self.text) - len(gap(self._blocks[-1], block) if self._blocks else "")
        if self.text and (room < _LEAST or size(self.text) > self._limit * _EMPTY):
            self._give_up_headings()
            return block
        head, rest = divided(block, room)
        self._add(head)
        return rest

    def next(self) -> "_Page":
        """Return the page after this one, begun with the headings that this one gave up."""
        return _Page(self._limit, self._carried)

    def _joined(self, block: Block) -> str:
        if not self._blocks:
            return block.shown()
        return self.text + gap(self._blocks[-1], block) + block.shown()

    def _add(self, block: Block) -> None:
        self.text = self._joined(block)
        self._blocks.append(block)

    def _give_up_headings(self) -> None:
        """Leave headings that stand at the end to the next page, unless they are all that is here."""
        count = 0
        while count < len(self._blocks) and self._blocks[-1 - count].kind is Kind.HEADING:
            count += 1
        kept, carried = self._blocks[: len(self._blocks) - count], self._blocks[len(self._blocks) - count :]
        if not kept or sum(size(block.text) for block in carried) > self._limit * _EMPTY:
            return
        self._carried, self._blocks, self.text = tuple(carried), [], ""
        for block in kept:
            self._add(block)


def divided(block: Block, room: int) -> tuple[Block, Block | None]:
    """Divide a block at the end of a line, or within a line that is too long itself."""
    code = block.kind is Kind.CODE
    room -= size(Block(block.kind, "", block.language).shown())
    lines = block.text.split("\n")
    count, used = 0, 0
    while count < len(lines):
        used += size(unfenced(lines[count]) if code else lines[count]) + bool(count)
        if used > room:
            break
        count += 1
    head, rest = lines[:count], lines[count:]
    if not head:
        first, rest[0] = (_cut_code if code else cut_line)(rest[0], room)
        head = [first]
    # A page that begins with empty lines could be nothing but them.
    left = "\n".join(rest) if code else "\n".join(rest).lstrip("\n")
    begun = Block(block.kind, "\n".join(head), block.language)
    return begun, Block(block.kind, left, block.language) if left else None


def _cut_code(line: str, limit: int) -> tuple[str, str]:
    """Cut a line of code anywhere: fences within it, which grow when shown, and wide letters still fit."""
    at = max(limit * 3 // 5, 1) if "```" in line else limit
    while size(unfenced(line[:at])) > limit:
        at = at // 2
    return line[:at], line[at:]
