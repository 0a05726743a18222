"""Messages that people are asking about, for as long as they write the question.

Discord shows the bot a message on which an app is used. Fetched later, it is blank without the intent Message
Content; where the bot is no member, it can't be fetched. So it is kept in memory, for a short while.
"""

import time
from collections import OrderedDict
from collections.abc import Callable

import discord

from bot.errors import EarshotError
from cogs.ask_words import readable

KEPT_S = 15 * 60.0  # a question takes no longer to write
KEPT = 200  # messages; each has some thousand characters

_LOST = "I no longer see that message: use Ask on it again."


class Targets:
    """The messages, each for the person who asks about it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._kept: OrderedDict[tuple[int, int], tuple[float, discord.Message]] = OrderedDict()

    def keep(self, user_id: int, message: discord.Message) -> None:
        """Keep a message until it is found again, or its time is over."""
        self._kept.pop((user_id, message.id), None)
        self._kept[user_id, message.id] = self._clock() + KEPT_S, message
        self._forget()

    async def find(self, interaction: discord.Interaction, message_id: int) -> discord.Message:
        """Return the message that somebody asked about, from Discord where it is kept no longer.

        Raises EarshotError where there is nothing to be read any more.
        """
        self._forget()
        _, message = self._kept.pop((interaction.user.id, message_id), (0.0, None))
        if message is None:
            message = await _fetched(interaction, message_id)
        if message is None or not readable(message):
            raise EarshotError(_LOST)
        return message

    def _forget(self) -> None:
        """Forget what is over; the oldest are at the front."""
        now = self._clock()
        while self._kept and (len(self._kept) > KEPT or next(iter(self._kept.values()))[0] <= now):
            self._kept.popitem(last=False)


async def _fetched(interaction: discord.Interaction, message_id: int) -> discord.Message | None:
    if interaction.channel_id is None:
        return None
    # What the bot may read there is not for everyone who may write there.
    if interaction.guild_id is not None and not interaction.permissions.read_message_history:
        return None
    client = interaction.client
    place = client.get_partial_messageable(interaction.channel_id, guild_id=interaction.guild_id)
    try:
        return await place.fetch_message(message_id)
    except (discord.Forbidden, discord.NotFound):
        return None
