"""What is kept of a call's words: batches on their way to storage, and what is to be forgotten again.

Storage is behind protocols here: a conversation knows nothing of databases.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Protocol

from bot.conversation.captions_passage import CaptionLine
from bot.errors import EarshotError

logger = logging.getLogger(__name__)

WRITE_S = 3.0  # between batches: what a crash may cost, against a write for each sentence
MOST = 2_000  # lines that wait for a database which fails: hours of talk
DAY_S = 24 * 3600.0


def new_call_id(channel_id: int, now: float) -> str:
    """Return the name of a call in a channel that begins now, in Unix seconds."""
    return f"{channel_id}-{round(now * 1000):x}"


def channel_of(call_id: str) -> int | None:
    """Return the channel that a call was in."""
    channel, _, _ = call_id.partition("-")
    return int(channel) if channel.isascii() and channel.isdigit() else None


class TranscriptWriter:
    """The lines of one call that are final and not stored yet."""

    def __init__(
        self, write: Callable[[Sequence[CaptionLine]], Awaitable[None]], keeps: Callable[[], bool]
    ) -> None:
        """`write` stores lines, all or none, or raises EarshotError; `keeps` says whether any are to be."""
        self._write = write
        self._keeps = keeps
        self._waiting: list[CaptionLine] = []

    def add(self, lines: Iterable[CaptionLine]) -> None:
        """Take in lines; those that stay as they are and have text wait to be stored."""
        if self._keeps():
            self._waiting += [line for line in lines if line.final and line.text]
            del self._waiting[:-MOST]

    async def flush(self) -> None:
        """Store what waits; where that fails it waits on."""
        if not self._keeps():
            self._waiting.clear()
        if not self._waiting:
            return
        batch = list(self._waiting)
        try:
            await self._write(batch)
        except EarshotError as error:
            logger.warning("A transcript can't be stored just now, which is tried again: %s", error)
            return
        stored = {line.id for line in batch}
        self._waiting = [line for line in self._waiting if line.id not in stored]


class Shelf(Protocol):
    """Where transcripts are kept."""

    async def guilds(self) -> set[int]:
        """Return the guilds of which something is kept."""

    async def forget_before(self, guild_id: int, until: float) -> None:
        """Delete what was said in a guild before then, in Unix seconds."""


async def sweep(
    shelf: Shelf, days_of: Callable[[int], int], now: float, *, only: set[int] | None = None
) -> None:
    """Forget what is older than its guild keeps it, in days; with 0 all of it. Raises what the shelf does.

    `only` names the guilds to look at; None: all.
    """
    guilds = await shelf.guilds()
    for guild_id in guilds if only is None else guilds & only:
        await shelf.forget_before(guild_id, now - days_of(guild_id) * DAY_S)
