"""The buttons under the answer to /join: who is heard, push-to-talk, quiet, and how the call is going."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import discord

from bot.storage.consents import ConsentStore
from bot.storage.guilds import GuildStore
from cogs.consent import GIVE_ID, WITHDRAW_ID, agree, object_to
from cogs.errors import answer_error

# Fixed for ever: a button that was posted before a restart must still work after it.
TALK_ID, QUIET_ID, STATUS_ID = "earshot:call:talk", "earshot:call:quiet", "earshot:call:status"

Act: TypeAlias = Callable[[discord.Interaction], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Acts:
    """What the buttons do beside consent; each does what a command does, and may raise as one may."""

    talk: Act
    quiet: Act
    status: Act


_GIVE = "Let Earshot hear me"


def consent_button() -> discord.ui.View:
    """Return the first button alone, to send: it is answered by `CallPanel`."""
    view = discord.ui.View(timeout=None)
    button: discord.ui.Button[Any] = discord.ui.Button(
        label=_GIVE, style=discord.ButtonStyle.success, custom_id=GIVE_ID
    )
    view.add_item(button)
    view.stop()
    return view


class CallPanel(discord.ui.View):
    """All the buttons; one instance, registered at start, answers every message that carries any of them."""

    def __init__(self, consents: ConsentStore, guilds: GuildStore, acts: Acts) -> None:
        super().__init__(timeout=None)
        self._consents = consents
        self._guilds = guilds
        self._acts = acts

    def posted(self, *, push_to_talk: bool) -> discord.ui.View:
        """Return a copy to send: stopped, so that discord.py does not keep it for each message it is in."""
        copy = CallPanel(self._consents, self._guilds, self._acts)
        if not push_to_talk:
            copy.remove_item(copy.talk)
        copy.stop()
        return copy

    @discord.ui.button(label=_GIVE, style=discord.ButtonStyle.success, custom_id=GIVE_ID)
    async def give(self, interaction: discord.Interaction, _button: discord.ui.Button["CallPanel"]) -> None:
        """Record that a person agrees to be heard."""
        await agree(interaction, self._consents, self._guilds)

    @discord.ui.button(label="Stop hearing me", style=discord.ButtonStyle.secondary, custom_id=WITHDRAW_ID)
    async def withdraw(
        self, interaction: discord.Interaction, _button: discord.ui.Button["CallPanel"]
    ) -> None:
        """Stop hearing a person."""
        await object_to(interaction, self._consents)

    @discord.ui.button(label="Talk", style=discord.ButtonStyle.primary, custom_id=TALK_ID)
    async def talk(self, interaction: discord.Interaction, _button: discord.ui.Button["CallPanel"]) -> None:
        """Hear a person for a while."""
        await self._acts.talk(interaction)

    @discord.ui.button(label="Be quiet", style=discord.ButtonStyle.secondary, custom_id=QUIET_ID)
    async def quiet(self, interaction: discord.Interaction, _button: discord.ui.Button["CallPanel"]) -> None:
        """Fall silent."""
        await self._acts.quiet(interaction)

    @discord.ui.button(label="Status", style=discord.ButtonStyle.secondary, custom_id=STATUS_ID)
    async def status(self, interaction: discord.Interaction, _button: discord.ui.Button["CallPanel"]) -> None:
        """Show how the call is going."""
        await self._acts.status(interaction)

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, _item: discord.ui.Item["CallPanel"], /
    ) -> None:
        """Answer a button that failed."""
        await answer_error(interaction, error)
