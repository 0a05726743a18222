"""Comes back after a restart to the calls that ran when the program ended, whatever ended it."""

import asyncio
import logging
import time
from collections.abc import Callable

import aiohttp
import discord
from discord.ext import commands

from bot.conversation.call import CallError
from bot.conversation.calls import Calls
from bot.storage.errors import StorageError
from bot.storage.running import RunningCall, RunningStore
from bot.tasks import going_on
from cogs.errors import sentence_of

logger = logging.getLogger(__name__)

WINDOW_S = 300.0  # after five minutes people have gone on without the bot
AT_ONCE = 5  # joins at a time: each is a connection to Discord and one to Google
# discord.py tells that a guild is there 2 s after the last of all guilds came: too late for people who wait.
LOOK_S = 0.05
# A call that ends the program each time, or a machine that does, is left alone after so many returns, each
# less than that long after the one before; who restarts the bot to try out settings is not that fast.
MOST, WITHIN_S = 3, 600.0

_BACK = (
    "I am back in {channel} after a restart: whom I hear is as before, but I remember nothing of the talk."
)
_FAILED = "After a restart I could not come back to {channel}. {why}"
_STAYS_AWAY = (
    f"I came back to {{channel}} {MOST} times, and each time was ended within {WITHIN_S / 60:.0f} minutes, "
    "so now I stay away: /join brings me back. Whoever runs me finds more in my log."
)


class Returning(commands.Cog):
    """Joins again, once after the start."""

    def __init__(
        self, calls: Calls, store: RunningStore, guild_of: Callable[[int], discord.Guild | None]
    ) -> None:
        """`guild_of(guild_id)` is what is known of a guild by now."""
        self._calls = calls
        self._store = store
        self._guild_of = guild_of
        self._waiting: dict[int, RunningCall] = {}  # by guild, for the guild to be there
        self._returns: dict[int, asyncio.Task[None]] = {}  # by guild, begun
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._looking: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Look up what ran, and begin to wait for the guilds; discord.py loads a cog before it connects."""
        if self._looking is not None:  # a client that begins afresh
            return
        try:
            rows = await self._store.since(0.0)
        except StorageError as error:
            logger.warning("Which calls ran before the start is not known: %s", error)
            return
        for row in rows:
            if _is_fresh(row):
                self._waiting[row.guild_id] = row
            else:
                await self._forget(row.guild_id)
        if self._waiting:
            logger.info("Calls to come back to: %d", len(self._waiting))
            self._looking = asyncio.create_task(self._look(), name="returning")

    async def close(self) -> None:
        """Stop coming back; what was not come back to yet is left for the next start."""
        tasks = [*self._returns.values(), *([self._looking] if self._looking is not None else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def give_up(self, guild_id: int) -> bool:
        """Don't come back to a guild's call: somebody wants it to end. Return whether the bot would have."""
        meant = self._waiting.pop(guild_id, None) is not None
        task = self._returns.get(guild_id)
        if task is not None and task.cancel():
            await asyncio.wait({task})
            meant = True
        if meant:
            await self._forget(guild_id)
        return meant

    async def _look(self) -> None:
        """Begin each return once its guild is there; whose guild does not come in time is forgotten."""
        while self._waiting:
            for row in list(self._waiting.values()):
                with going_on("A call could not be come back to"):
                    guild = self._guild_of(row.guild_id)
                    if not _is_fresh(row):
                        del self._waiting[row.guild_id]
                        await self._forget(row.guild_id)
                    elif guild is not None and not guild.unavailable:
                        del self._waiting[row.guild_id]
                        self._begin(row, guild)
            await asyncio.sleep(LOOK_S)

    def _begin(self, row: RunningCall, guild: discord.Guild) -> None:
        task = asyncio.create_task(self._return(row, guild), name=f"returning-{row.guild_id}")
        self._returns[row.guild_id] = task
        task.add_done_callback(lambda _: self._returns.pop(row.guild_id, None))

    async def _return(self, row: RunningCall, guild: discord.Guild) -> None:
        """Join again where people wait, and say so; say why it can't be done where it can't."""
        async with self._turn:
            if self._calls.taken(guild.id):
                return  # somebody was quicker with /join
            if not _is_fresh(row):  # it was its turn too late
                await self._forget(guild.id)
                return
            channel = guild.get_channel(row.channel_id)
            text = _text(guild, row)
            before = row.returns if _is_recent(row.returned_at) else 0
            try:
                if not isinstance(channel, discord.VoiceChannel):
                    raise CallError("The channel is gone; /join brings me to another.")
                if not _people_in(channel):
                    await self._forget(guild.id)
                    return
                if before >= MOST:
                    await self._stay_away(row, text)
                    return
                # Before it joins, since what ends the program may be in that.
                await self._count(row, before + 1)
                await self._calls.join(channel, text, notice=False)
            except Exception as error:  # the task's edge: what it is, people in the channel are told
                await self._failed(row, text, error)
                return
        logger.info("Came back to the call in guild %d", guild.id)
        await _tell(text, _BACK.format(channel=channel.mention))

    async def _stay_away(self, row: RunningCall, text: discord.abc.Messageable | None) -> None:
        logger.warning("The call in guild %d was come back to %d times: not again", row.guild_id, MOST)
        await self._forget(row.guild_id)
        await _tell(text, _STAYS_AWAY.format(channel=f"<#{row.channel_id}>"))

    async def _count(self, row: RunningCall, returns: int) -> None:
        """Store that it is come back to once more, so that the next start knows."""
        try:
            await self._store.returned(row.guild_id, returns, time.time())
        except StorageError as error:
            logger.warning("That a call is come back to can't be stored: %s", error)

    async def _failed(self, row: RunningCall, text: discord.abc.Messageable | None, error: Exception) -> None:
        if self._calls.taken(row.guild_id):
            return
        await self._forget(row.guild_id)
        await _tell(text, _FAILED.format(channel=f"<#{row.channel_id}>", why=sentence_of(error)))

    async def _forget(self, guild_id: int) -> None:
        try:
            await self._store.ended(guild_id)
        except StorageError as error:
            logger.warning("That a call is over can't be stored: %s", error)


def _is_fresh(row: RunningCall) -> bool:
    return time.time() - row.seen_at < WINDOW_S


def _is_recent(at: float | None) -> bool:
    """Say whether something was within WITHIN_S until now, so that it counts."""
    return at is not None and time.time() - at < WITHIN_S


def _people_in(channel: discord.VoiceChannel) -> bool:
    """Say whether anybody but bots is there; the bot itself is, until Discord misses its last session."""
    members = {user_id: channel.guild.get_member(user_id) for user_id in channel.voice_states}
    return any(member is None or not member.bot for member in members.values())


def _text(guild: discord.Guild, row: RunningCall) -> discord.abc.Messageable | None:
    """Return where the call was asked for; the voice channel's own chat where that is gone."""
    for channel_id in (row.text_channel_id, row.channel_id):
        found = guild.get_channel_or_thread(channel_id) if channel_id is not None else None
        if isinstance(found, discord.abc.Messageable):
            return found
    return None


async def _tell(text: discord.abc.Messageable | None, words: str) -> None:
    if text is None:
        return
    try:
        await text.send(words, allowed_mentions=discord.AllowedMentions.none())
    except (discord.DiscordException, aiohttp.ClientError, OSError):
        logger.info("A restart could not be told in the text channel of a call")
