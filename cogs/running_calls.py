"""Remembers in storage which calls run, so that a bot that was killed, or restarted, finds its way back."""

import asyncio
import logging
import time
from typing import NamedTuple

import discord

from bot.conversation.call import Call, VoiceChannel
from bot.conversation.listeners import CallListener
from bot.storage.errors import StorageError
from bot.storage.running import RunningStore
from bot.tasks import going_on

logger = logging.getLogger(__name__)

TOUCH_S = 30.0  # a call is come back to within 5 minutes: a tenth of that is as good as the truth

_TROUBLE = "Which calls run could not be stored, which is tried again"


class _Place(NamedTuple):
    channel_id: int
    text_id: int | None


class RunningCalls(CallListener):
    """Keeps the rows as the calls are, until `close`: calls that end with the process stay in them."""

    def __init__(self, store: RunningStore) -> None:
        self._store = store
        self._places: dict[int, _Place] = {}  # of the calls that run, by guild
        self._changed: set[int] = set()  # guilds whose row is not as their call is
        self._woken = asyncio.Event()
        self._in_order = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._keep(), name="running-calls")

    async def close(self) -> None:
        """Write what is left to be written, and how late it is; nothing after this."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._write()
        await self._touch()

    # -- what the calls tell

    def began(self, call: Call, text: discord.abc.Messageable | None) -> None:
        """Remember a call."""
        text_id = text.id if isinstance(text, discord.abc.Snowflake) else None
        self._put(call.channel.guild.id, _Place(call.channel.id, text_id))

    def moved(self, call: Call, former: VoiceChannel) -> None:
        """Remember where the call goes on."""
        guild_id = call.channel.guild.id
        if (place := self._places.get(guild_id)) is not None:
            self._put(guild_id, place._replace(channel_id=call.channel.id))

    async def ending(self, call: Call) -> None:
        """Forget a call, before anybody is told that it is over."""
        if not self._closed:
            guild_id = call.channel.guild.id
            self._places.pop(guild_id, None)
            self._changed.add(guild_id)
            await self._write()

    def _put(self, guild_id: int, place: _Place) -> None:
        if not self._closed:
            self._places[guild_id] = place
            self._changed.add(guild_id)
            self._woken.set()

    # -- writing

    async def _keep(self) -> None:
        """Write what changes, and now and then that the rest is alive."""
        loop = asyncio.get_running_loop()
        touch_at = loop.time() + TOUCH_S
        while True:
            try:
                async with asyncio.timeout_at(touch_at):
                    await self._woken.wait()
            except TimeoutError:
                touch_at = loop.time() + TOUCH_S
                with going_on(_TROUBLE):
                    await self._touch()
            self._woken.clear()
            with going_on(_TROUBLE):
                await self._write()

    async def _write(self) -> None:
        """Write what changed; where that fails it is tried again with the next change or touch."""
        async with self._in_order:
            for guild_id in list(self._changed):
                place = self._places.get(guild_id)
                try:
                    await self._write_one(guild_id, place)
                except StorageError as error:
                    logger.warning(
                        "Which calls run can't be stored just now, which is tried again: %s", error
                    )
                    return
                # Not before it is written: a write that is cancelled is done again by `close`. And what
                # changed meanwhile is still to be written.
                if self._places.get(guild_id) == place:
                    self._changed.discard(guild_id)

    async def _write_one(self, guild_id: int, place: _Place | None) -> None:
        if place is None:
            await self._store.ended(guild_id)
        else:
            await self._store.began(guild_id, place.channel_id, place.text_id, time.time())

    async def _touch(self) -> None:
        try:
            await self._store.alive(list(self._places), time.time())
        except StorageError as error:
            logger.warning("That calls run can't be stored just now, which is tried again: %s", error)
