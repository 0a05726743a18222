"""Where an answer is shown: in the message of the interaction, and after its 15 minutes in another one."""

import logging
import time
from typing import Any, Protocol

import aiohttp
import discord

from cogs.answer_files import ROOM
from cogs.answer_state import Answer
from cogs.answer_view import AnswerView, sentence_view

logger = logging.getLogger(__name__)

# An interaction's token ends after 15 minutes; before that there must be time to say where an answer goes on.
EDITABLE_S = 14.5 * 60
NOBODY = discord.AllowedMentions.none()
# What Discord says of a token that has ended: unknown webhook, invalid webhook token.
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_ENDED_TOKEN = {10015, 50027}
_MOVES = "This takes longer than Discord keeps an answer open: it comes as a new message."


class UndeliverableError(Exception):
    """There is no place left where the answer could be shown; nobody is there to tell."""


class UnreachableError(Exception):
    """Discord can't be reached just now; a moment later that may be over."""


class Delivery(Protocol):
    """The message of one answer. Not for use by two tasks at once."""

    async def show(self, answer: Answer) -> None:
        """Show the answer as it is now. Raises UnreachableError, UndeliverableError."""


FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError)


def judged(error: Exception) -> UnreachableError | UndeliverableError:
    """Return what one of FAILURES means for an answer."""
    if isinstance(error, discord.DiscordException):
        passing = isinstance(error, discord.HTTPException) and error.status >= 500
        return UnreachableError(str(error)) if passing else UndeliverableError(str(error))
    # The text of some would quote the proxy's address, password included.
    return UnreachableError(type(error).__name__)


class InteractionDelivery:
    """The message of an interaction.

    It is only ever edited: further messages are few where the app is let in by a person alone.
    """

    def __init__(self, interaction: discord.Interaction, editable_s: float) -> None:
        """Take an interaction that was deferred just now, and how long its message can be edited."""
        self._interaction = interaction
        self._until = time.monotonic() + editable_s
        self._moves = False

    async def show(self, answer: Answer) -> None:
        """Show the answer as it is now. Raises UnreachableError, UndeliverableError.

        An answer that outlives its interaction is sent once more, when it has ended.
        """
        ended = answer.ended  # an end that comes meanwhile is shown in its turn, with all its pages
        try:
            if not self._moves:
                await self._edit(answer)
            if self._moves and ended:
                await self._send(answer)
        except FAILURES as error:
            raise judged(error) from error

    async def _edit(self, answer: Answer) -> None:
        """Edit the interaction's message, or find that the answer must move to another one."""
        self._moves = time.monotonic() > self._until
        try:
            if self._moves:
                await self._interaction.edit_original_response(view=sentence_view(_MOVES))
                return
            view = AnswerView(answer, self._interaction.filesize_limit)
            await self._interaction.edit_original_response(
                view=view, attachments=view.files or discord.utils.MISSING, allowed_mentions=NOBODY
            )
        except discord.HTTPException as error:
            self._moves = self._moves or error.code in _ENDED_TOKEN
            if not self._moves:
                raise
            logger.info("An answer could not be edited: %s", error)

    async def _send(self, answer: Answer) -> None:
        """Send the answer where it was asked for, or to who asked where the bot can't write there."""
        channel = self._interaction.channel
        if self._interaction.is_guild_integration() and isinstance(channel, discord.abc.Messageable):
            try:
                await post(channel, answer, room_in(self._interaction.guild))
            except (discord.Forbidden, discord.NotFound) as error:
                logger.info("An answer goes to who asked, as its channel is closed to the bot: %s", error)
            else:
                return
        await post(self._interaction.user, answer, ROOM)


def room_in(guild: discord.Guild | None) -> int:
    """Return how many bytes a file of the bot may have in a guild, or in a direct message."""
    return ROOM if guild is None else guild.filesize_limit


async def post(
    place: discord.abc.Messageable,
    answer: Answer,
    room: int,
    reference: discord.MessageReference | None = None,
) -> discord.Message:
    """Send an answer as a new message; Discord takes it once, also where it is sent again."""
    view = AnswerView(answer, room)
    kwargs: dict[str, Any] = {} if reference is None else {"reference": reference, "mention_author": False}
    return await place.send(view=view, files=view.files, allowed_mentions=NOBODY, nonce=answer.id, **kwargs)
