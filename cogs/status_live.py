"""The panels of `/status`, which keep themselves up to date for some minutes.

Each is the answer to one person's command or button, edited under the budget that all edits share. A newer
panel of the same person takes the place of the older one, which then stays as it is.
"""

import asyncio
import logging
import time

import aiohttp
import discord

from bot.conversation.call import Call
from bot.conversation.calls import Calls
from bot.conversation.captions_budget import CaptionBudget
from cogs.call_rights import call_of
from cogs.status import Seen, StatusView
from cogs.waiting import happens

logger = logging.getLogger(__name__)

REFRESH_S = 5.0  # between two looks: what changes faster nobody reads
LASTS_S = 600.0  # an answer can be edited for 15 minutes
MOST = 50  # panels at a time: with captions they share 25 edits a second

_LIVE = "Kept up to date until <t:{until:.0f}:t>."
_STILL = "As it was at <t:{now:.0f}:T>; /status shows how it is."


class LivePanels:
    """Shows calls, and goes on showing them; `close` ends that."""

    def __init__(self, calls: Calls, budget: CaptionBudget) -> None:
        self._calls = calls
        self._budget = budget
        self._tasks: set[asyncio.Task[None]] = set()  # one for each panel
        self._stops: dict[tuple[int, int], asyncio.Event] = {}  # of the newest, by guild and person

    async def close(self) -> None:
        """Leave the panels as they are."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def open(self, interaction: discord.Interaction) -> None:
        """Show the guild's call to the person who asks, alone. Raises CallError."""
        call = call_of(interaction, self._calls)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if len(self._tasks) >= MOST:
            await interaction.edit_original_response(view=_still(call))
            return
        until = time.time() + LASTS_S
        await interaction.edit_original_response(view=_live(call, until))
        key, stop = (call.channel.guild.id, interaction.user.id), asyncio.Event()
        if (former := self._stops.get(key)) is not None:
            former.set()
        self._stops[key] = stop
        task = asyncio.create_task(
            self._keep(interaction, call, until, stop), name=f"status-{interaction.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._ended(task, key, stop))

    async def _keep(
        self, interaction: discord.Interaction, call: Call, until: float, stop: asyncio.Event
    ) -> None:
        self._budget.add(interaction.id)
        shown = ""
        try:
            while not await happens(stop, REFRESH_S) and time.time() < until and self._runs(call):
                if self._budget.due(interaction.id, lasting=False) > time.monotonic():
                    continue  # people's speech comes first; the panel is looked at again
                view = _live(call, until)
                if view.text == shown:
                    continue
                if not await self._edit(interaction, view):
                    return
                shown = view.text
            await self._edit(interaction, _still(call))
        finally:
            self._budget.remove(interaction.id)

    def _runs(self, call: Call) -> bool:
        return self._calls.get(call.channel.guild.id) is call

    async def _edit(self, interaction: discord.Interaction, view: StatusView) -> bool:
        """Show it when the budget allows; return whether the panel is still there to be edited."""
        wait_s = self._budget.due(interaction.id, lasting=True) - time.monotonic()
        await asyncio.sleep(max(0.0, wait_s))
        now = time.monotonic()
        await asyncio.sleep(self._budget.take(interaction.id, now) - now)
        try:
            await interaction.edit_original_response(view=view)
        except discord.HTTPException as error:
            return error.status >= 500  # any other means that it was dismissed, or has expired
        except (aiohttp.ClientError, OSError):
            return True
        return True

    def _ended(self, task: asyncio.Task[None], key: tuple[int, int], stop: asyncio.Event) -> None:
        self._tasks.discard(task)
        if self._stops.get(key) is stop:
            del self._stops[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A panel of a call ended", exc_info=error)


def _live(call: Call, until: float) -> StatusView:
    return StatusView(call.status(), _seen(call), _LIVE.format(until=until))


def _still(call: Call) -> StatusView:
    footer = _STILL.format(now=time.time())
    return StatusView(call.status(), _seen(call), footer, over=call.over)


def _seen(call: Call) -> Seen:
    state = call.channel.guild.me.voice
    if state is None:
        return Seen()
    return Seen(muted=state.mute or state.suppress, deafened=state.deaf)
