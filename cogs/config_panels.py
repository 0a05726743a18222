"""The panels that people have open, so that each shows what somebody else has changed meanwhile."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

import aiohttp
import discord

from cogs.config_ids import Page

logger = logging.getLogger(__name__)

FRESH_S = 14 * 60.0  # Discord takes edits for 15 minutes after a person last used the panel
MOST = 10  # of a guild: each change edits them all

Render = Callable[[discord.Interaction, Page], discord.ui.LayoutView]


class OpenPanels:
    """The newest interaction of each person with a panel; of each guild the newest few."""

    def __init__(self, render: Render) -> None:
        """`render` makes a page as it is to be shown now, to whom the interaction is of."""
        self._render = render
        self._open: dict[int, OrderedDict[int, tuple[discord.Interaction, Page, float]]] = {}

    async def show(self, interaction: discord.Interaction, page: Page) -> None:
        """Show a page in place of the one whose component was used, in an interaction that was deferred."""
        self.note(interaction, page)
        await _edit(interaction, self._render(interaction, page))

    def note(self, interaction: discord.Interaction, page: Page) -> None:
        """Remember what a person has open; nothing is remembered for longer than it can be edited."""
        for guild_id in list(self._open):
            self._drop_old(guild_id)
        panels = self._open.setdefault(_guild_id(interaction), OrderedDict())
        panels[interaction.user.id] = interaction, page, time.monotonic()
        panels.move_to_end(interaction.user.id)
        while len(panels) > MOST:
            panels.popitem(last=False)

    async def refresh_others(self, interaction: discord.Interaction) -> None:
        """Show the others of the guild how it is now; whose panel is gone is forgotten."""
        guild_id = _guild_id(interaction)
        self._drop_old(guild_id)
        for user_id, (other, page, _) in list(self._open.get(guild_id, {}).items()):
            if user_id == interaction.user.id:
                continue
            try:
                await _edit(other, self._render(other, page))
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                logger.debug("Another panel could not be shown anew: %s", error)
                newest = self._open.get(guild_id, OrderedDict())
                if newest.get(user_id, (None,))[0] is other:
                    del newest[user_id]

    def _drop_old(self, guild_id: int) -> None:
        panels, oldest = self._open.get(guild_id, OrderedDict()), time.monotonic() - FRESH_S
        for user_id, (_, _, at) in list(panels.items()):
            if at < oldest:
                del panels[user_id]
        if not panels:
            self._open.pop(guild_id, None)


async def _edit(interaction: discord.Interaction, view: discord.ui.LayoutView) -> None:
    nobody = discord.AllowedMentions.none()  # roles are named in it
    await interaction.edit_original_response(view=view, allowed_mentions=nobody)


def _guild_id(interaction: discord.Interaction) -> int:
    assert interaction.guild_id is not None, "the command and the panel are of a guild"
    return interaction.guild_id
