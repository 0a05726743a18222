"""Tells people who speak in a call and have not agreed that they are not heard, with the button for it.

Once for each person and call, several in one message, and seldom: who was told does as they please. Who has
objected is never asked, nor is anybody where the server gives notice, or where people press a button to talk.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import discord
from discord.ext import commands

from bot.conversation.call import Call
from bot.conversation.listeners import CallListener
from bot.storage.consents import ConsentStore
from bot.storage.guilds import GuildStore
from cogs.call_panel import consent_button
from cogs.caption_places import CaptionPlaces, Place
from cogs.consent import is_pressed, unheard_text

logger = logging.getLogger(__name__)

GATHER_S = 2.0  # in which others begin to speak too: they are told in the same message
PACE_S = 30.0  # between two messages of a call
MOST = 200  # people who are told in one call; a channel full of others by then has seen it


@dataclass
class _Asking:
    """Who is told in one call."""

    call: Call
    known: set[int] = field(default_factory=set)
    """Who was told, or waits to be."""
    waiting: list[int] = field(default_factory=list)
    telling: asyncio.Task[None] | None = None
    """Ends when nobody waits any more."""
    told_at: float = float("-inf")


class UnheardPeople(CallListener, commands.Cog):
    """Tells them in the chat of the call."""

    def __init__(
        self,
        consents: ConsentStore,
        guilds: GuildStore,
        *,
        paid: bool,
        text_of: Callable[[int], discord.abc.Messageable | None],
        wrote: Callable[[int, int], None],
    ) -> None:
        """`paid` says whether the operator's Gemini quota is; `text_of(guild_id)` is where /join was used.

        `wrote(guild_id, channel_id)` is told where something was posted.
        """
        self._consents = consents
        self._guilds = guilds
        self._paid = paid
        self._text_of = text_of
        self._wrote = wrote
        self._askings: dict[int, _Asking] = {}  # of calls in which somebody was unheard, by guild

    async def cog_unload(self) -> None:
        """Tell nobody any more."""
        for asking in self._askings.values():
            _stop(asking)
        tasks = {each.telling for each in self._askings.values() if each.telling is not None}
        if tasks:
            await asyncio.wait(tasks)

    def unheard(self, call: Call, user_id: int) -> None:
        """Take in that somebody speaks who may not be heard."""
        guild = call.channel.guild
        member = guild.get_member(user_id)
        if call.over or (member is not None and member.bot) or not self._may_ask(call, user_id):
            return
        asking = self._askings.get(guild.id)
        if asking is None or asking.call is not call:
            if asking is not None:
                _stop(asking)
            asking = self._askings[guild.id] = _Asking(call)
        if user_id in asking.known or len(asking.known) >= MOST:
            return
        asking.known.add(user_id)
        asking.waiting.append(user_id)
        if asking.telling is None or asking.telling.done():
            asking.telling = asyncio.create_task(self._tell(asking), name=f"unheard-{guild.id}")

    async def ending(self, call: Call) -> None:
        """Forget whom a call told."""
        asking = self._askings.get(call.channel.guild.id)
        if asking is not None and asking.call is call:
            _stop(asking)
            self._forget(asking)

    def _forget(self, asking: _Asking) -> None:
        if self._askings.get(guild_id := asking.call.channel.guild.id) is asking:
            del self._askings[guild_id]

    async def _tell(self, asking: _Asking) -> None:
        while asking.waiting:
            await asyncio.sleep(max(GATHER_S, asking.told_at + PACE_S - time.monotonic()))
            if asking.call.over:  # before it had begun, perhaps: nobody else says so then
                self._forget(asking)
                return
            people = [user_id for user_id in asking.waiting if self._may_ask(asking.call, user_id)]
            asking.waiting.clear()
            if not people:
                continue
            asking.told_at = time.monotonic()
            if not await self._post(asking.call, people):
                asking.known.difference_update(people)  # they are told when they speak on

    def _may_ask(self, call: Call, user_id: int) -> bool:
        """Say whether a person is there to be told, and did not decide so far, nor the server for them."""
        guild_id = call.channel.guild.id
        if self._consents.consented(guild_id, user_id) or self._consents.objected(guild_id, user_id):
            return False
        return user_id in call.channel.voice_states and not is_pressed(self._guilds.get(guild_id))

    async def _post(self, call: Call, people: list[int]) -> bool:
        """Post it where captions are, too; return whether it stands there."""
        guild_id, asked_in = call.channel.guild.id, self._text_of(call.channel.guild.id)
        text = asked_in if isinstance(asked_in, Place) else None
        place = CaptionPlaces(lambda: call.channel, text).choose()
        if place is None:
            return False
        words = unheard_text(people, self._guilds.get(guild_id), paid=self._paid)
        nobody = discord.AllowedMentions.none()
        try:
            await place.send(words, view=consent_button(), allowed_mentions=nobody)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            logger.info("People who are not heard could not be told: %s", type(error).__name__)
            return False
        self._wrote(guild_id, place.id)
        return True


def _stop(asking: _Asking) -> None:
    if asking.telling is not None:
        asking.telling.cancel()
