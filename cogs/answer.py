"""Answers that grow before people's eyes, and their buttons.

Of each answer one task reads what the model says, and the command's own task shows it, at most once a second.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import discord
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.errors import UnfitError
from bot.media.events import MediaEvent
from bot.media.request import MediaRequest
from bot.text.pages import paged
from cogs.answer_buttons import Act, answer_id_of, parse_custom_id
from cogs.answer_delivery import EDITABLE_S, Delivery, InteractionDelivery, UndeliverableError
from cogs.answer_pages import attached_document, page_alone, turned
from cogs.answer_reply import ReplyDelivery
from cogs.answer_requests import Earlier, rest_of, shorter, translated
from cogs.answer_show import show
from cogs.answer_state import Answer, Stage
from cogs.errors import answer_error, sentence_of
from cogs.modal_fields import question_after

__all__ = ["Answers", "MediaRequests", "Speaker", "answer_id_of"]

logger = logging.getLogger(__name__)

KEPT = 300  # answers whose buttons work without a look into the database
UNLOAD_S = 0.4  # for telling people that their answer ends; the client has 0.8 s to close

_RESTARTS = "I am being restarted: ask again in a minute."
_ENDED_EARLY = "The answer ended before it was complete: ask again."
_FORGOTTEN = "I no longer have what was asked there: use the command again."
_SILENT = "I am in no call here any more: /join begins one."
_SPEAKING = "I read it aloud as soon as nobody speaks."


class MediaRequests(Protocol):
    """What answers requests, and keeps what it answered."""

    def ask(self, request: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        """Yield what happens with a request; raise an EarshotError where there is no answer."""

    async def recall(self, answer_id: str) -> tuple[MediaRequest, str] | None:
        """Return what was asked, and the answer's Markdown; None where it is kept no longer."""


class Speaker(Protocol):
    """What speaks in the calls of servers."""

    def can_speak(self, guild_id: int) -> bool:
        """Say whether a call runs in a server."""

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        """Say an answer, in Markdown, in the call of a server, for a person. Raises EarshotError."""


@dataclass(frozen=True, eq=False)
class _Running:
    answer: Answer
    reading: asyncio.Task[None]
    showing: asyncio.Task[Any]


class Answers(commands.Cog):
    """Gives answers, and answers their buttons."""

    def __init__(
        self, media: MediaRequests, *, speaker: Speaker | None = None, editable_s: float = EDITABLE_S
    ) -> None:
        """`editable_s` is how long the message of an interaction can be edited; then it is sent anew."""
        self._media = media
        self._speaker = speaker
        self._editable_s = editable_s
        self._running: dict[str, _Running] = {}
        self._kept: OrderedDict[str, Answer] = OrderedDict()

    async def give(self, interaction: discord.Interaction, request: MediaRequest, *, label: str = "") -> None:
        """Answer a deferred interaction; return when the answer has ended, whichever way, and is shown.

        `label` is a word for what is done to an earlier answer.
        """
        await self._answer(request, label, InteractionDelivery(interaction, self._editable_s))

    async def reply(self, message: discord.Message, request: MediaRequest) -> None:
        """Answer a message by a reply; return when the answer has ended, whichever way, and is shown."""
        await self._answer(request, "", ReplyDelivery(message))

    async def recall(self, answer_id: str) -> tuple[MediaRequest, str] | None:
        """Return what was asked, and the answer's Markdown; None where it can't be gone on with any more."""
        answer = self._kept.get(answer_id)
        if answer is not None and answer.request.task.each:  # a table of answers is kept nowhere else
            return answer.request, answer.text
        return await self._media.recall(answer_id)

    def forget(self, user_id: int, guild_id: int | None) -> None:
        """Forget what a person asked in a server, or in direct messages, so that no button brings it back."""
        for answer in list(self._kept.values()):
            if (answer.request.user_id, answer.request.guild_id) == (user_id, guild_id):
                del self._kept[answer.id]

    async def cog_unload(self) -> None:
        """End what runs, and have people told."""
        running = list(self._running.values())
        for each in running:
            _stop(each, _RESTARTS)
        if running:
            await asyncio.wait({each.showing for each in running}, timeout=UNLOAD_S)

    async def _answer(self, request: MediaRequest, label: str, delivery: Delivery) -> None:
        answer_id = secrets.token_hex(8)
        answer = Answer(answer_id, replace(request, id=answer_id), label)
        self._keep(answer)
        showing = asyncio.current_task()
        assert showing is not None, "every coroutine of ours runs in a task"
        reading = asyncio.create_task(self._read(answer), name=f"answer-{answer.id}")
        self._running[answer.id] = _Running(answer, reading, showing)
        try:
            await show(answer, delivery)
        except UndeliverableError as error:
            # Deleted, or no way to Discord: there is nobody to tell, and nothing more to pay for.
            logger.warning("An answer could not be shown: %s", error)
        finally:
            del self._running[answer.id]
            answer.made = ()  # sent; kept, they would fill the memory
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self, answer: Answer) -> None:
        try:
            async with aclosing(self._media.ask(answer.request)) as events:
                async for event in events:
                    answer.speakable = self._can_speak(answer.request.guild_id)
                    answer.apply(event)
            answer.end(Stage.FAILED, _ENDED_EARLY)
        except Exception as error:
            answer.end(Stage.FAILED, sentence_of(error), final=isinstance(error, UnfitError))

    def _keep(self, answer: Answer) -> None:
        self._kept[answer.id] = answer
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the buttons of answers, also of those sent before a restart."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        pressed = parse_custom_id(str(interaction.data.get("custom_id")))
        if pressed is None:
            return
        try:
            await self._press(interaction, *pressed)
        except Exception as error:
            await answer_error(interaction, error)

    async def _press(self, interaction: discord.Interaction, act: Act, answer_id: str, page: int) -> None:
        match act:
            case Act.CANCEL:
                await self._cancel(interaction, answer_id)
                return
            case Act.PAGE:
                await self._turn(interaction, answer_id, page)
                return
        earlier = await self._earlier(answer_id)
        match act:
            case Act.AGAIN:
                await self._another(interaction, earlier.request, "Again")
            case Act.SHORTER:
                await self._another(interaction, shorter(earlier), "Shorter")
            case Act.TRANSLATE:
                await self._another(interaction, translated(earlier, interaction.locale.value), "Translated")
            case Act.GO_ON:
                await self._another(interaction, rest_of(earlier), "The rest")
            case Act.CONTINUE:
                await interaction.response.send_modal(question_after(answer_id))
            case Act.SPEAK:
                await self._speak(interaction, earlier)

    async def _cancel(self, interaction: discord.Interaction, answer_id: str) -> None:
        running = self._running.get(answer_id)
        if running is None:
            raise EarshotError("This answer has ended already.")
        asked = running.answer.request.user_id == interaction.user.id
        if not (asked or interaction.permissions.manage_messages):
            raise EarshotError(
                "Only who asked can stop this answer, or somebody with the Manage Messages permission."
            )
        _stop(running, "Stopped.")
        await interaction.response.defer()

    async def _turn(self, interaction: discord.Interaction, answer_id: str, page: int) -> None:
        """Turn the page: for all where who asked turns it, else for the reader alone."""
        message = interaction.message
        assert message is not None, "a button is in a message"
        answer = self._kept.get(answer_id)
        alone = not (message.flags.ephemeral or _is_theirs(answer, message, interaction.user.id))
        await interaction.response.defer(ephemeral=alone, thinking=alone)
        pages = answer.pages if answer is not None else await self._read_pages(message, answer_id)
        if alone:
            await interaction.edit_original_response(view=page_alone(pages, answer_id, page))
            return
        view = turned(message, pages, answer_id, page)
        await interaction.edit_original_response(view=view, attachments=message.attachments)

    async def _read_pages(self, message: discord.Message, answer_id: str) -> list[str]:
        document = await attached_document(message)
        if document is None:
            document = (await self._earlier(answer_id)).text
        return await asyncio.to_thread(paged, document)

    async def _another(self, interaction: discord.Interaction, request: MediaRequest, label: str) -> None:
        """Give another answer to who pressed a button of an earlier one; to them alone, as that was."""
        alone = interaction.message is not None and interaction.message.flags.ephemeral
        await interaction.response.defer(ephemeral=alone, thinking=True)
        request = replace(
            request,
            guild_id=interaction.guild_id,
            user_id=interaction.user.id,
            others=request.people,
            locale=interaction.locale.value,
        )
        await self.give(interaction, request, label=label)

    async def _speak(self, interaction: discord.Interaction, earlier: Earlier) -> None:
        guild_id = interaction.guild_id
        if self._speaker is None or guild_id is None or not self._speaker.can_speak(guild_id):
            raise EarshotError(_SILENT)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._speaker.speak(guild_id, interaction.user.id, earlier.text)
        await interaction.edit_original_response(content=_SPEAKING)

    def _can_speak(self, guild_id: int | None) -> bool:
        return self._speaker is not None and guild_id is not None and self._speaker.can_speak(guild_id)

    async def _earlier(self, answer_id: str) -> Earlier:
        """Find an answer; raise EarshotError where nobody knows it any more."""
        answer = self._kept.get(answer_id)
        if answer is not None:
            return Earlier(answer_id, answer.request, answer.text)
        recalled = await self.recall(answer_id)
        if recalled is None:
            raise EarshotError(_FORGOTTEN)
        return Earlier(answer_id, *recalled)


def _stop(running: _Running, note: str) -> None:
    running.answer.end(Stage.STOPPED, note)
    running.reading.cancel()


def _is_theirs(answer: Answer | None, message: discord.Message, user_id: int) -> bool:
    """Say whether the answer was asked for by who pressed a button of it; whoever did, if nobody knows."""
    if answer is not None:
        return answer.request.user_id == user_id
    if message.interaction_metadata is not None:
        return message.interaction_metadata.user.id == user_id
    question = message.reference.resolved if message.reference else None
    return not isinstance(question, discord.Message) or question.author.id == user_id
