"""Showing an answer while it grows: when its message is edited, and what is done where that fails."""

import asyncio
import logging
import time
from contextlib import suppress

from cogs.answer_delivery import Delivery, UndeliverableError, UnreachableError
from cogs.answer_state import ENDS, Answer, Stage

logger = logging.getLogger(__name__)

EDIT_S = 1.0  # between edits of a message: Discord allows 5 in 2 s, and an eye follows no more
ATTEMPTS = 5  # in a row, before nobody waits any more; most of them discord.py has repeated for 25 s itself
AGAIN_S = 1.0


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


async def show(answer: Answer, delivery: Delivery) -> None:
    """Show an answer until it has ended. Raises UndeliverableError."""
    pace = Pace(time.monotonic())
    shown = Stage.WAITING
    look: object = None
    failures = 0
    while shown not in ENDS:
        await _until_due(answer, shown, pace)
        answer.changed.clear()
        stage = answer.stage
        await answer.make_pages()
        if answer.stage is not stage:
            continue  # it has changed meanwhile, and the pages are not those of its new stage
        new_look = answer.look()
        if new_look == look:
            continue
        try:
            await delivery.show(answer)
        except UnreachableError as error:
            failures += 1
            if failures == ATTEMPTS:
                raise UndeliverableError(str(error)) from error
            logger.info("An answer could not be shown, which is tried again: %s", error)
            await asyncio.sleep(AGAIN_S)
            answer.changed.set()
            continue
        look, shown, failures = new_look, stage, 0
        pace.edited(time.monotonic())


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
