"""What an answer consists of, as Discord shows it: blocks that pages are made of."""

from dataclasses import dataclass
from enum import Enum

from bot.text.escape import unfenced


class Kind(Enum):
    """What a block is: it decides where pages break and how much room is between blocks."""

    PROSE = "prose"
    HEADING = "heading"
    LIST = "list"
    CODE = "code"


@dataclass(frozen=True)
class Block:
    """A piece of an answer in Discord's Markdown; the text of a code block stands without its fences."""

    kind: Kind
    text: str
    language: str = ""

    def shown(self) -> str:
        """Return what is sent to Discord."""
        if self.kind is Kind.CODE:
            return f"```{self.language}\n{unfenced(self.text)}\n```"
        return self.text


def gap(before: Block, after: Block) -> str:
    """Return what stands between two blocks: Discord itself leaves room around headings and code."""
    tight = (
        before.kind is Kind.HEADING
        or Kind.CODE in (before.kind, after.kind)
        or (before.kind is Kind.PROSE and after.kind is Kind.LIST)
    )
    return "\n" if tight else "\n\n"


def size(text: str) -> int:
    """Return the length in UTF-16 units: by every way of counting that Discord has, it is no more."""
    return len(text) + sum(character > "\uffff" for character in text)
