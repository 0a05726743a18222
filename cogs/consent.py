"""The buttons under the join message: nobody is heard before that person has agreed."""

import discord

from bot.errors import EarshotError
from bot.storage.consents import ConsentStore
from cogs.errors import answer_error

# Fixed for ever: a button that was posted before a restart must still work after it.
GIVE_ID = "earshot:consent:give"
WITHDRAW_ID = "earshot:consent:withdraw"

HEARD = "I hear you from now on; the other button ends it at once."
NOT_HEARD = "I don't hear you any more."

UNPAID = (
    "\n-# My operator uses Google's unpaid quota: Google may use what I hear to improve its products, "
    "and people there may listen to it."
)


def consent_text(runner: discord.abc.User, *, agreed: bool, paid: bool) -> str:
    """Return what people agree to with the first button, and whether who ran /join did."""
    return (
        "I hear only people who let me. Whoever does is 18 or older, and lets the sound of their voice go to "
        f"Google Gemini, which answers. {runner.mention} has agreed by using /join"
        + ("." if agreed else ", and has withdrawn that since.")
        + ("" if paid else UNPAID)
    )


class ConsentView(discord.ui.View):
    """The two buttons; one instance, registered at start, answers every message that carries them."""

    def __init__(self, consents: ConsentStore) -> None:
        super().__init__(timeout=None)
        self._consents = consents

    def posted(self) -> discord.ui.View:
        """Return a copy to send: stopped, so that discord.py does not keep it for each message it is in."""
        copy = ConsentView(self._consents)
        copy.stop()
        return copy

    @discord.ui.button(label="Let Earshot hear me", style=discord.ButtonStyle.success, custom_id=GIVE_ID)
    async def give(self, interaction: discord.Interaction, _button: discord.ui.Button["ConsentView"]) -> None:
        """Record that a person agrees to be heard."""
        guild_id, user_id = _guild_id(interaction), interaction.user.id
        before = self._consents.withdrawals(guild_id, user_id)
        await interaction.response.defer(ephemeral=True, thinking=True)
        agreed = await self._consents.give(guild_id, user_id, withdrawals=before)
        await interaction.edit_original_response(content=HEARD if agreed else NOT_HEARD)

    @discord.ui.button(label="Stop hearing me", style=discord.ButtonStyle.secondary, custom_id=WITHDRAW_ID)
    async def withdraw(
        self, interaction: discord.Interaction, _button: discord.ui.Button["ConsentView"]
    ) -> None:
        """Stop hearing a person, first of all: neither Discord nor a full disk may delay that."""
        storing = self._consents.withdraw(_guild_id(interaction), interaction.user.id)
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
        finally:
            await storing
        await interaction.edit_original_response(content=NOT_HEARD)

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, _item: discord.ui.Item["ConsentView"], /
    ) -> None:
        """Answer a button that failed."""
        await answer_error(interaction, error)


def _guild_id(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise EarshotError("This works in a server only.")
    return interaction.guild_id
