"""What shows a call to people outside of it: the bot's nickname, and the status of the voice channel.

Both need a permission that the bot may lack, and neither is worth a word or a call: where one can't be set,
that is logged once and let be. A name that was left behind by a program that was killed is put right at the
next start, or used for the next call.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.conversation.call import Call, VoiceChannel
from bot.conversation.listeners import CallListener

logger = logging.getLogger(__name__)

BADGE = "[LISTENING]"
STATUS = "Talking with Earshot, an AI"
NICK_LIMIT = 32  # characters, Discord's
LAG_S = 5.0  # until Discord has told of a nickname that it took; until then our own word is newer

_FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError)


@dataclass
class _Nick:
    """The bot's nickname in one guild; None where it has none there."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    former: str | None = None
    """Before the call."""
    badged: str | None = None
    """What it was changed to for the call."""
    current: str | None = None
    """What it was changed to last."""
    changed_at: float = float("-inf")

    def now(self, me: discord.Member) -> str | None:
        """Return what it is."""
        return self.current if time.monotonic() - self.changed_at < LAG_S else me.nick


@dataclass
class _Status:
    """Where in one guild the status stands, or may stand, since it was asked for; None: nowhere."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    channel_id: int | None = None
    changing: asyncio.Task[None] | None = None
    """What sets or clears it, or did last."""


class CallSigns(CallListener, commands.Cog):
    """Sets the signs of calls that begin, and takes them away at the end."""

    def __init__(self, client_of: Callable[[], discord.Client]) -> None:
        """`client_of()` is Discord's client, which is made after the calls."""
        self._client_of = client_of
        self._running: dict[int, int] = {}  # the channel of the call, by guild
        self._nicks: dict[int, _Nick] = {}
        self._statuses: dict[int, _Status] = {}
        self._logged: set[tuple[int, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def cog_unload(self) -> None:
        """Stop; what is not put right by now is at the next start."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # -- what the calls tell

    def began(self, call: Call, text: discord.abc.Messageable | None) -> None:
        """Show that the bot listens."""
        guild_id = call.channel.guild.id
        self._running[guild_id] = call.channel.id
        self._begin_status(guild_id)
        self._begin(self._put_nick_right(guild_id), f"call-nick-{guild_id}")

    def moved(self, call: Call, former: VoiceChannel) -> None:
        """Show it where the call is now."""
        guild_id = call.channel.guild.id
        if guild_id in self._running:
            self._running[guild_id] = call.channel.id
            self._begin_status(guild_id)

    async def ending(self, call: Call) -> None:
        """Show it no more, while the bot is in the channel: from outside it may not clear the status."""
        guild_id = call.channel.guild.id
        self._running.pop(guild_id, None)
        nick = self._begin(self._put_nick_right(guild_id), f"call-nick-{guild_id}")
        # Not cancelled with this: where Discord takes its time, it is done later.
        await asyncio.wait({nick, self._begin_status(guild_id)})

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Take the badge from names that say that the bot listens where it does not."""
        for guild in self._client_of().guilds:
            if guild.me is not None and (guild.me.nick or "").startswith(BADGE):
                await self._put_nick_right(guild.id)

    def _begin(self, doing: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(doing, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- the nickname

    async def _put_nick_right(self, guild_id: int) -> None:
        """Give the nickname its badge where a call runs by now, and take it away where none does."""
        nick = self._nicks.setdefault(guild_id, _Nick())
        async with nick.lock:
            guild = self._client_of().get_guild(guild_id)
            if guild is None or guild.me is None:
                return
            now = nick.now(guild.me)
            badged = (now or "").startswith(BADGE)
            if guild_id in self._running and not badged:
                name = f"{BADGE} {guild.me.display_name}"[:NICK_LIMIT].rstrip()
                if await self._change(guild.me, nick, name):
                    nick.former, nick.badged = now, name
            elif guild_id not in self._running and badged:
                former = nick.former if now == nick.badged else _without_badge(now or "", guild.me)
                if await self._change(guild.me, nick, former):
                    nick.former = nick.badged = None

    async def _change(self, me: discord.Member, nick: _Nick, name: str | None) -> bool:
        if not me.guild_permissions.change_nickname:
            return False
        try:
            await me.edit(nick=name)
        except _FAILURES as error:
            self._log(me.guild.id, "nickname", error)
            return False
        nick.current, nick.changed_at = name, time.monotonic()
        return True

    # -- the channel's status

    def _begin_status(self, guild_id: int) -> asyncio.Task[None]:
        """Begin to put the status right, in place of what was still under way."""
        status = self._statuses.setdefault(guild_id, _Status())
        if status.changing is not None:
            # It may be waiting for Discord long after the bot has left the channel, and then it is too late.
            status.changing.cancel()
        status.changing = self._begin(self._put_status_right(guild_id, status), f"call-status-{guild_id}")
        return status.changing

    async def _put_status_right(self, guild_id: int, status: _Status) -> None:
        """Have the status stand where the call is by now, and nowhere else."""
        async with status.lock:
            wanted = self._running.get(guild_id)
            if (former := status.channel_id) is not None and former != wanted:
                await self._show_status(guild_id, former, None)
                status.channel_id = None
            if wanted is not None:
                # Before it is known: a request that is cancelled may have been served.
                status.channel_id = wanted
                if not await self._show_status(guild_id, wanted, STATUS):
                    status.channel_id = None

    async def _show_status(self, guild_id: int, channel_id: int, status: str | None) -> bool:
        """Set or clear a status where the bot may; return whether it is so now."""
        guild = self._client_of().get_guild(guild_id)
        channel = guild.get_channel(channel_id) if guild is not None else None
        if not isinstance(channel, discord.VoiceChannel):
            return False
        allowed = channel.permissions_for(channel.guild.me)
        inside = channel.guild.me.id in channel.voice_states
        if not allowed.set_voice_channel_status or not (inside or allowed.manage_channels):
            return False
        try:
            await channel.edit(status=status)
        except _FAILURES as error:
            self._log(guild_id, "voice channel's status", error)
            return False
        return True

    def _log(self, guild_id: int, what: str, error: Exception) -> None:
        if (guild_id, what) not in self._logged:
            self._logged.add((guild_id, what))
            logger.info("The %s can't be set in server %d: %s", what, guild_id, type(error).__name__)


def _without_badge(nick: str, me: discord.Member) -> str | None:
    """Return what a nickname was before a call that was not ended; a long one was cut for the badge."""
    former = nick.removeprefix(BADGE).strip()
    own = me.global_name or me.name
    return None if own.startswith(former) else former
