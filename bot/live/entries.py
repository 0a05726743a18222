"""What waits to be said to the model, or was said and not answered: its size, and what it belongs to."""

import math
from collections import deque
from dataclasses import dataclass

from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, Picture, Text, ToolResult

NEVER = -math.inf


@dataclass(slots=True)
class Entry:
    """An item, and when it was sent last, in `time.monotonic()` seconds."""

    item: Item
    sent_at: float = NEVER
    told: bool = False
    """Whether it is a function's result after which an answer has begun, which may have told it."""

    @property
    def size(self) -> int:
        """Bytes of audio."""
        return len(self.item.pcm) if isinstance(self.item, Audio) else 0

    @property
    def picture_size(self) -> int:
        """Bytes of a picture."""
        return len(self.item.jpeg) if isinstance(self.item, Picture) else 0

    @property
    def bound(self) -> bool:
        """Whether it belongs to one connection."""
        match self.item:
            case ToolResult() | Text(passing=True):
                return True
        return False

    @property
    def is_result(self) -> bool:
        """Whether it is what came of a function."""
        return isinstance(self.item, ToolResult)

    @property
    def speaks(self) -> bool:
        """Whether it is people's speech."""
        return isinstance(self.item, Audio) and self.item.speaker is not None

    @property
    def asks(self) -> bool:
        """Whether the model is to answer after it."""
        match self.item:
            case ActivityEnd():
                return True
            case Text(answer=answer):
                return answer
            case ToolResult(silent=silent):
                return not (silent or self.told)
        return False


def is_of(speaker: int, entry: Entry) -> bool:
    """Return whether it is something that a person said, wrote or showed."""
    match entry.item:
        case Picture(by=whose) | Audio(speaker=whose) | Text(by=whose):
            return speaker in whose if isinstance(whose, frozenset) else speaker == whose
    return False


def drop_all_empty(queue: deque[Entry]) -> None:
    """Take out every turn with nothing in it."""
    for index in reversed(range(1, len(queue))):
        drop_if_empty(queue, index)


def drop_if_empty(queue: deque[Entry], end: int) -> None:
    """Take out the end of a turn at this index and its begin, where nothing is between them."""
    if not 0 < end < len(queue):
        return
    begin, finish = queue[end - 1].item, queue[end].item
    if isinstance(begin, ActivityStart) and isinstance(finish, ActivityEnd):
        del queue[end]
        del queue[end - 1]
