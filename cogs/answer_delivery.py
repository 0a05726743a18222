"""Where an answer is shown: in the message of the interaction, and after its 15 minutes in another one."""

import logging
import time

import aiohttp
import discord

from cogs.answer_state import Answer
from cogs.answer_view import AnswerView, answer_files, sentence_view

logger = logging.getLogger(__name__)

# An interaction's token ends after 15 minutes; before that there must be time to say where an answer goes on.
EDITABLE_S = 14.5 * 60
# What Discord says of a token that has ended: unknown webhook, invalid webhook token.
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
_ENDED_TOKEN = {10015, 50027}
_NOBODY = discord.AllowedMentions.none()
_MOVES = "This takes longer than Discord keeps an answer open: it comes as a new message."


class UndeliverableError(Exception):
    """There is no place left where the answer could be shown; nobody is there to tell."""


class Delivery:
    """The message of one answer. Not for use by two tasks at once."""

    def __init__(self, interaction: discord.Interaction, editable_s: float) -> None:
        """Take an interaction that was deferred just now, and how long its message can be edited."""
        self._interaction = interaction
        self._until = time.monotonic() + editable_s
        self._moves = False

    async def show(self, answer: Answer) -> None:
        """Show the answer as it is now; raise UndeliverableError where that can't be done any more.

        An answer that outlives its interaction is sent once more, when it has ended.
        """
        try:
            if not self._moves:
                await self._edit(answer)
            if self._moves and answer.ended:
                await self._send(answer)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            raise UndeliverableError(str(error)) from error

    async def _edit(self, answer: Answer) -> None:
        """Edit the interaction's message, or find that the answer must move to another one."""
        self._moves = time.monotonic() > self._until
        try:
            if self._moves:
                await self._interaction.edit_original_response(view=sentence_view(_MOVES))
            else:
                await self._interaction.edit_original_response(
                    view=AnswerView(answer),
                    attachments=answer_files(answer) or discord.utils.MISSING,
                    allowed_mentions=_NOBODY,
                )
        except discord.HTTPException as error:
            passing = error.status >= 500
            self._moves = self._moves or error.code in _ENDED_TOKEN or (passing and answer.ended)
            if not self._moves and not passing:
                raise
            logger.info("An answer could not be edited: %s", error)

    async def _send(self, answer: Answer) -> None:
        """Send the answer where it was asked for, or to who asked where the bot can't write there."""
        channel = self._interaction.channel
        if self._interaction.is_guild_integration() and isinstance(channel, discord.abc.Messageable):
            try:
                await _post(channel, answer)
            except (discord.Forbidden, discord.NotFound) as error:
                logger.info("An answer goes to who asked, as its channel is closed to the bot: %s", error)
            else:
                return
        await _post(self._interaction.user, answer)


async def _post(place: discord.abc.Messageable, answer: Answer) -> None:
    await place.send(view=AnswerView(answer), files=answer_files(answer), allowed_mentions=_NOBODY)
