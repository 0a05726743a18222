"""Answers that grow before people's eyes, and their buttons.

Of each answer one task reads what the model says, and the command's own task shows it, at most once a second.
"""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.events import MediaEvent
from bot.media.prompts import go_on, shorter
from bot.media.request import MediaRequest
from bot.text.pages import paged
from cogs.answer_delivery import EDITABLE_S, Delivery, UndeliverableError
from cogs.answer_state import ENDS, Answer, Stage
from cogs.answer_view import FILE_NAME, Act, page_alone, parse_custom_id, turned
from cogs.errors import answer_error, sentence_of

logger = logging.getLogger(__name__)

EDIT_S = 1.0  # between edits of a message: Discord allows 5 in 2 s, and an eye follows no more
KEPT = 300  # answers whose buttons work in full; of older ones the pages do, from the attached file
UNLOAD_S = 0.4  # for telling people that their answer ends; the client has 0.8 s to close

_RESTARTS = "I am being restarted: ask again in a minute."
_ENDED_EARLY = "The answer ended before it was complete: ask again."
_FORGOTTEN = "I no longer have what was asked there: use the command again."

Ask = Callable[[MediaRequest], AsyncGenerator[MediaEvent, None]]


class Pace:
    """When a message may be edited next: once a second; what must come sooner is made up for afterwards."""

    def __init__(self, now: float) -> None:
        """Begin with a second for words to come: until then Discord itself shows that the bot thinks."""
        self._quiet_until = now + EDIT_S
        self._next = now

    def left(self, now: float) -> float:
        """Return the seconds until the next edit is due."""
        return max(0.0, self._quiet_until - now, self._next - now)

    def edited(self, now: float) -> None:
        """Count an edit."""
        self._next = max(self._next, now) + EDIT_S


@dataclass(frozen=True, eq=False)
class _Running:
    answer: Answer
    reading: asyncio.Task[None]
    showing: asyncio.Task[Any]


class Answers(commands.Cog):
    """Gives answers, and answers their buttons."""

    def __init__(self, ask: Ask, *, editable_s: float = EDITABLE_S) -> None:
        """`ask` yields what happens with a request, and raises an EarshotError where there is no answer.

        `editable_s` is how long the message of an interaction can be edited; a longer answer is sent anew.
        """
        self._ask = ask
        self._editable_s = editable_s
        self._running: dict[str, _Running] = {}
        self._kept: OrderedDict[str, Answer] = OrderedDict()

    async def give(
        self, interaction: discord.Interaction, request: MediaRequest, *, heading: str, label: str = ""
    ) -> None:
        """Answer a deferred interaction; return when the answer has ended, whichever way, and is shown.

        `heading` is a safe line that says what was asked, `label` a word for what is done to an earlier
        answer.
        """
        answer = Answer(secrets.token_hex(8), request, heading, label)
        self._keep(answer)
        showing = asyncio.current_task()
        assert showing is not None, "every coroutine of ours runs in a task"
        reading = asyncio.create_task(self._read(answer), name=f"answer-{answer.id}")
        self._running[answer.id] = _Running(answer, reading, showing)
        try:
            await _show(answer, Delivery(interaction, self._editable_s))
        except UndeliverableError as error:
            # Deleted, or no way to Discord: there is nobody to tell, and nothing more to pay for.
            logger.warning("An answer could not be shown: %s", error)
        finally:
            del self._running[answer.id]
            reading.cancel()
            await asyncio.wait({reading})

    async def cog_unload(self) -> None:
        """End what runs, and have people told."""
        running = list(self._running.values())
        for each in running:
            _stop(each, _RESTARTS)
        if running:
            await asyncio.wait({each.showing for each in running}, timeout=UNLOAD_S)

    async def _read(self, answer: Answer) -> None:
        try:
            async with aclosing(self._ask(answer.request)) as events:
                async for event in events:
                    answer.apply(event)
            answer.end(Stage.FAILED, _ENDED_EARLY)
        except Exception as error:
            answer.end(Stage.FAILED, sentence_of(error))

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
            case Act.PAGE:
                await self._turn(interaction, answer_id, page)
            case Act.AGAIN:
                await self._another(interaction, answer_id, lambda request, _: request, "Again")
            case Act.SHORTER:
                await self._another(interaction, answer_id, shorter, "Shorter")
            case Act.GO_ON:
                await self._another(interaction, answer_id, go_on, "Continued")

    async def _cancel(self, interaction: discord.Interaction, answer_id: str) -> None:
        running = self._running.get(answer_id)
        if running is None:
            raise EarshotError("This answer has ended already.")
        if not (_asked(running.answer, interaction) or interaction.permissions.manage_messages):
            raise EarshotError("Only who asked can stop this answer.")
        _stop(running, "Stopped.")
        await interaction.response.defer()

    async def _turn(self, interaction: discord.Interaction, answer_id: str, page: int) -> None:
        """Turn the page: for all where who asked turns it, else for the reader alone."""
        message = interaction.message
        assert message is not None, "a button is in a message"
        answer = self._kept.get(answer_id)
        alone = not (message.flags.ephemeral or _is_theirs(answer, message, interaction))
        await interaction.response.defer(ephemeral=alone, thinking=alone)
        pages = answer.pages if answer is not None else await _read_pages(message)
        view = page_alone(pages, answer_id, page) if alone else turned(message, pages, answer_id, page)
        await interaction.edit_original_response(view=view)

    async def _another(
        self,
        interaction: discord.Interaction,
        answer_id: str,
        change: Callable[[MediaRequest, str], MediaRequest],
        label: str,
    ) -> None:
        """Give another answer, to a request made of that of an earlier one and its text."""
        answer = self._kept.get(answer_id)
        if answer is None:
            raise EarshotError(_FORGOTTEN)
        await interaction.response.defer(thinking=True)
        request = change(answer.request, answer.text)
        request = replace(request, guild_id=interaction.guild_id, user_id=interaction.user.id)
        await self.give(interaction, request, heading=answer.heading, label=label)


async def _show(answer: Answer, delivery: Delivery) -> None:
    """Show an answer until it has ended."""
    pace = Pace(time.monotonic())
    shown = Stage.WAITING
    look: object = None
    while shown not in ENDS:
        await _until_due(answer, shown, pace)
        answer.changed.clear()
        stage = answer.stage
        await answer.make_pages()
        if answer.stage is not stage:
            continue  # it has changed meanwhile, and the pages are not those of its new stage
        before, look = look, answer.look()
        if look == before:
            continue
        await delivery.show(answer)
        pace.edited(time.monotonic())
        shown = stage


async def _until_due(answer: Answer, shown: Stage, pace: Pace) -> None:
    """Wait until there is something to show, and time to; first words and a stop are not kept waiting."""
    await answer.changed.wait()
    while (left := pace.left(time.monotonic())) > 0:
        first_words = shown is Stage.WAITING and answer.stage is not Stage.WAITING
        if first_words or answer.stage is Stage.STOPPED:
            return
        answer.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await answer.changed.wait()


def _stop(running: _Running, note: str) -> None:
    running.answer.end(Stage.STOPPED, note)
    running.reading.cancel()


def _asked(answer: Answer, interaction: discord.Interaction) -> bool:
    return answer.request.user_id == interaction.user.id


def _is_theirs(answer: Answer | None, message: discord.Message, interaction: discord.Interaction) -> bool:
    """Say whether the answer was asked for by who pressed a button of it; whoever did, if nobody knows."""
    if answer is not None:
        return _asked(answer, interaction)
    origin = message.interaction_metadata
    return origin is None or origin.user.id == interaction.user.id


async def _read_pages(message: discord.Message) -> list[str]:
    """Make the pages of an answer from the file that is attached to it."""
    file = next((each for each in message.attachments if each.filename == FILE_NAME), None)
    if file is None:
        raise EarshotError(_FORGOTTEN)
    text = (await file.read()).decode(errors="replace")
    return await asyncio.to_thread(paged, text)
