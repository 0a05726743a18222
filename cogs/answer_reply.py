"""An answer as a reply to a message; where its channel is closed, as a direct message."""

import logging

import discord

from cogs.answer_delivery import FAILURES, NOBODY, judged, post, room_in
from cogs.answer_files import ROOM
from cogs.answer_state import Answer
from cogs.answer_view import AnswerView

logger = logging.getLogger(__name__)

_UNKNOWN_MESSAGE = 10008


class ReplyDelivery:
    """A message in reply to another one, edited as the answer grows."""

    def __init__(self, question: discord.Message) -> None:
        self._question = question
        self._answer: discord.Message | None = None
        self._closed = False

    async def show(self, answer: Answer) -> None:
        """Show the answer as it is now. Raises UnreachableError, UndeliverableError."""
        try:
            if not self._closed:
                await self._show_in_channel(answer)
            if self._closed:
                await self._show_in_private(answer)
        except FAILURES as error:
            raise judged(error) from error

    async def _show_in_channel(self, answer: Answer) -> None:
        """Reply, or find that the channel is closed to the bot."""
        try:
            if self._answer is None:
                # Somebody may have deleted the question meanwhile.
                reference = self._question.to_reference(fail_if_not_exists=False)
                self._answer = await post(self._question.channel, answer, self._room(), reference)
            else:
                await _edit(self._answer, answer, self._room())
        except (discord.Forbidden, discord.NotFound) as error:
            if error.code == _UNKNOWN_MESSAGE:
                raise  # somebody deleted the answer, and wants none
            logger.info("An answer goes to who asked, as its channel is closed to the bot: %s", error)
            self._closed, self._answer = True, None

    async def _show_in_private(self, answer: Answer) -> None:
        if self._answer is None:
            self._answer = await post(self._question.author, answer, ROOM)
        else:
            await _edit(self._answer, answer, ROOM)

    def _room(self) -> int:
        """Return how many bytes a file may have in the channel; 0 where the bot may attach none."""
        channel, guild = self._question.channel, self._question.guild
        if guild is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            return ROOM
        if isinstance(channel, discord.Thread) and channel.parent is None:
            return room_in(guild)  # not known yet, and Discord has the last word
        return room_in(guild) if channel.permissions_for(guild.me).attach_files else 0


async def _edit(message: discord.Message, answer: Answer, room: int) -> None:
    view = AnswerView(answer, room)
    await message.edit(view=view, attachments=view.files or discord.utils.MISSING, allowed_mentions=NOBODY)
