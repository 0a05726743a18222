"""The buttons under the join message: who agrees there is heard, and who objects is not."""

import discord

from bot.errors import EarshotError
from bot.storage.consents import ConsentStore
from cogs.errors import answer_error

# Fixed for ever: a button that was posted before a restart must still work after it.
GIVE_ID = "earshot:consent:give"
WITHDRAW_ID = "earshot:consent:withdraw"

HEARD = "I hear you from now on; “Stop hearing me” or /privacy deaf ends it at once."
NOT_HEARD = "I don't hear you any more."

UNPAID = (
    "\n-# My operator uses Google's unpaid quota: Google may use what I hear to improve its products, "
    "and people there may listen to it."
)

_ASKING = (
    "I hear only people who let me. Whoever does is 18 or older, and lets the sound of their voice go to "
    "Google Gemini, which answers."
)
_NOTICE = (
    "**Notice:** in this server I hear everyone in the voice channel who has not objected, and the sound of "
    "their voices goes to Google Gemini, which answers. Who is younger than 18, or does not want that, "
    "presses “Stop hearing me” or uses /privacy deaf: it holds at once, and from then on."
)


def consent_text(runner: discord.abc.User, *, agreed: bool, paid: bool, notice: bool = False) -> str:
    """Return what people agree to with the first button, and whether who ran /join did.

    With `notice`, in a server that gives notice instead of asking, what they can object to.
    """
    return (
        f"{_NOTICE if notice else _ASKING} {runner.mention} has agreed by using /join"
        + ("." if agreed else ", and has withdrawn that since.")
        + ("" if paid else UNPAID)
    )


async def agree(interaction: discord.Interaction, consents: ConsentStore) -> None:
    """Record that a person agrees to be heard, and say whether that holds."""
    guild_id, user_id = _guild_id(interaction), interaction.user.id
    before = consents.withdrawals(guild_id, user_id)
    await interaction.response.defer(ephemeral=True, thinking=True)
    agreed = await consents.give(guild_id, user_id, withdrawals=before)
    await interaction.edit_original_response(content=HEARD if agreed else NOT_HEARD)


async def object_to(interaction: discord.Interaction, consents: ConsentStore) -> None:
    """Stop hearing a person, first of all: neither Discord nor a full disk may delay that."""
    storing = consents.withdraw(_guild_id(interaction), interaction.user.id)
    try:
        await interaction.response.defer(ephemeral=True, thinking=True)
    finally:
        await storing
    await interaction.edit_original_response(content=NOT_HEARD)


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
        await agree(interaction, self._consents)

    @discord.ui.button(label="Stop hearing me", style=discord.ButtonStyle.secondary, custom_id=WITHDRAW_ID)
    async def withdraw(
        self, interaction: discord.Interaction, _button: discord.ui.Button["ConsentView"]
    ) -> None:
        """Stop hearing a person."""
        await object_to(interaction, self._consents)

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, _item: discord.ui.Item["ConsentView"], /
    ) -> None:
        """Answer a button that failed."""
        await answer_error(interaction, error)


def _guild_id(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise EarshotError("This works in a server only.")
    return interaction.guild_id
