"""Captions on Discord: one task for each call sends and edits its messages, as the budget lets it.

What changes while a request is waited for goes with the next one. Discord being out of reach, or a message or
a channel being deleted, ends nothing but that message.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import aiohttp
import discord

from bot.conversation.captions_budget import CaptionBudget
from bot.conversation.captions_passage import CaptionLine
from cogs.caption_board import CaptionBoard, Post
from cogs.caption_places import CaptionPlaces, Place
from cogs.waiting import happens

logger = logging.getLogger(__name__)

RETRY_S = 5.0  # after Discord could not be reached; discord.py has tried some times by then
AGED_S = 45 * 60.0  # edits of messages that are over an hour old are limited much more
NOBODY = discord.AllowedMentions.none()
_UNKNOWN_MESSAGE = 10008  # https://discord.com/developers/docs/topics/opcodes-and-status-codes#json


class CaptionPoster:
    """The messages of one call."""

    def __init__(
        self, call: int, places: CaptionPlaces, budget: CaptionBudget, *, wanted: Callable[[], bool]
    ) -> None:
        """Begin to post; `call` is the id of the call's guild, `wanted()` whether captions are on now."""
        self._call = call
        self._places = places
        self._budget = budget
        self._wanted = wanted
        self._board = CaptionBoard()
        self._messages: dict[int, discord.Message] = {}
        self._place: int | None = None
        self._began_at = 0.0  # the newest message
        self._changed = asyncio.Event()
        self._ending = asyncio.Event()
        self._key = id(self)  # not the guild's: its next call may begin before this one has let go
        budget.add(self._key)
        self.task = asyncio.create_task(self._run(), name=f"captions-{call}")
        self.task.add_done_callback(self._ended)

    def update(self, lines: list[CaptionLine]) -> None:
        """Show lines as they are now, or nothing while captions are off; what is posted stays."""
        if self.task.done():
            return
        if not self._wanted():
            self._board.skip(lines)
            return
        if self._messages and (self._has_moved() or time.monotonic() - self._began_at > AGED_S):
            self._board.break_here()
        self._board.update(lines)
        self._changed.set()

    def came_between(self, channel_id: int) -> None:
        """Begin another message with the next line, where somebody has written below the last one."""
        if channel_id == self._place:
            self._board.break_here()

    def finish(self) -> None:
        """Show what there is without the waits between requests, and end."""
        self._ending.set()
        self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            while (post := self._board.next()) is not None:
                if not await self._may(lasting=post.lasting):
                    continue
                post = self._board.next()
                if post is not None and not await self._show(post):
                    return
            if self._ending.is_set():
                return

    async def _may(self, *, lasting: bool) -> bool:
        """Wait for the budget; return False where it is to be asked again, with what there is by then."""
        now = time.monotonic()
        due = self._budget.due(self._key, lasting=lasting)
        if due > now and not self._ending.is_set():
            self._changed.clear()
            if await happens(self._changed, due - now):
                return False
            self._mind_lateness(due)
            return False
        at = self._budget.take(self._key, now)
        if at > now:
            await asyncio.sleep(at - now)
            self._mind_lateness(at)
        return True

    def _mind_lateness(self, due: float) -> None:
        now = time.monotonic()
        self._budget.late(now - due, now)

    async def _show(self, post: Post) -> bool:
        """Send or edit a message; return whether captions go on."""
        message = self._messages.get(post.number)
        place = message.channel if message is not None else self._places.choose()
        if place is None:
            logger.warning("The captions of the call in server %d end: there is no open channel", self._call)
            return False
        try:
            if message is not None:
                await message.edit(content=post.content, allowed_mentions=NOBODY)
            else:
                await self._send(post, place)
        except discord.HTTPException as error:
            return await self._failed(post, place.id, error)
        except (aiohttp.ClientError, OSError) as error:
            return await self._unreachable(error)
        self._board.shown(post)
        return True

    async def _send(self, post: Post, place: Place) -> None:
        notice = self._places.notice(place)
        if notice is not None:
            await place.send(notice, silent=True, allowed_mentions=NOBODY)
        sent = await place.send(post.content, silent=True, suppress_embeds=True, allowed_mentions=NOBODY)
        self._place, self._began_at = place.id, time.monotonic()
        # The one before may still change, those before that have been full for long.
        self._messages = {n: each for n, each in self._messages.items() if n == post.number - 1}
        self._messages[post.number] = sent

    async def _failed(self, post: Post, place_id: int, error: discord.HTTPException) -> bool:
        if error.status >= 500:
            return await self._unreachable(error)
        if error.code == _UNKNOWN_MESSAGE:
            self._board.gone(post.number)
            self._messages.clear()
        elif isinstance(error, discord.NotFound | discord.Forbidden):
            self._places.close(place_id)
            self._board.move()
            self._messages.clear()
        else:
            logger.warning("Discord refused captions: %s", error)
            self._board.shown(post)
        return True

    async def _unreachable(self, error: Exception) -> bool:
        logger.info("Captions can't be sent just now, which is tried again: %s", type(error).__name__)
        return not await happens(self._ending, RETRY_S)

    def _has_moved(self) -> bool:
        place = self._places.choose()
        return place is not None and place.id != self._place

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._budget.remove(self._key)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The captions of a call ended", exc_info=error)
