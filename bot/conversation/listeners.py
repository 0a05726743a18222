"""Who hears of calls that begin, move and end: what shows a call to people, or remembers it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import discord

from bot.conversation.call import Call, VoiceChannel

logger = logging.getLogger(__name__)

ENDING_S = (
    0.4  # for all of them: a request takes half of that, and closing calls has 1.6 s with captions' 1.1
)


class CallListener:
    """Hears of calls; overrides what it wants to know. What it raises is logged, and harms no call."""

    def began(self, call: Call, text: discord.abc.Messageable | None) -> None:
        """Take in that a call runs, which was asked for in `text`; return at once."""

    def moved(self, call: Call, former: VoiceChannel) -> None:
        """Take in that a call is in another channel than before; return at once."""

    def unheard(self, call: Call, user_id: int) -> None:
        """Take in that a person speaks in a call, begun or not, who may not be heard; return at once.

        It comes again as they speak on.
        """

    async def ending(self, call: Call) -> None:
        """Do what needs the call, or its channel, before it is closed; cancelled after `ENDING_S`."""


class Listeners:
    """All who hear of the calls of this process."""

    def __init__(self, listeners: Sequence[CallListener]) -> None:
        self._listeners = listeners

    def began(self, call: Call, text: discord.abc.Messageable | None) -> None:
        """Tell that a call runs."""
        self._tell(lambda each: each.began(call, text))

    def moved(self, call: Call, former: VoiceChannel) -> None:
        """Tell that a call is in another channel."""
        self._tell(lambda each: each.moved(call, former))

    def unheard(self, call: Call, user_id: int) -> None:
        """Tell who speaks and may not be heard."""
        self._tell(lambda each: each.unheard(call, user_id))

    async def ending(self, call: Call) -> None:
        """Tell that a call is about to be closed, and give them a moment."""
        try:
            async with asyncio.timeout(ENDING_S):
                await asyncio.gather(*(_safely(each.ending(call)) for each in self._listeners))
        except TimeoutError:
            logger.warning("Not all was done within %s s that a call's end asks for", ENDING_S)

    def _tell(self, tell: Callable[[CallListener], None]) -> None:
        for each in self._listeners:
            try:
                tell(each)
            except Exception:  # a listener's trouble must not end the call that it hears of
                logger.exception("A listener to calls failed")


async def _safely(ending: Awaitable[None]) -> None:
    try:
        await ending
    except Exception:  # a listener's trouble must not keep the call from closing
        logger.exception("A listener to the end of calls failed")
