"""The one place where a failed command or button is answered.

In order: what we raised says itself what to do; what the library found wrong with the command gets a sentence
here; anything else is our fault: it is logged with a number, and the person is told the number.
"""

import logging
import secrets

import aiohttp
import discord
from discord import app_commands

from bot.errors import EarshotError

logger = logging.getLogger(__name__)

# After these the interaction's message is the one whose button was pressed: an error must not take its place.
_UPDATES = {
    discord.InteractionResponseType.deferred_message_update,
    discord.InteractionResponseType.message_update,
}


class Tree(app_commands.CommandTree[discord.Client]):
    """A command tree whose failures are answered."""

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answer a failed command."""
        await answer_error(interaction, error)


async def answer_error(interaction: discord.Interaction, error: Exception) -> None:
    """Tell the person who used a command or button what went wrong and what to do."""
    text = sentence_of(error)
    try:
        if interaction.response.type in _UPDATES:
            await interaction.followup.send(text, ephemeral=True)
        elif interaction.response.is_done():
            await interaction.edit_original_response(content=text, view=None)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as failure:
        # An expired interaction, or no way to Discord: there is nobody left to tell.
        logger.warning("An error could not be shown: %s", failure)


def sentence_of(error: Exception) -> str:
    """Return what a person is told about an error; what is our fault is logged with a number."""
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    match error:
        case EarshotError():
            return str(error)
        case app_commands.NoPrivateMessage():
            return "This works only in a server: use it there."
        case app_commands.TransformerError():
            return "I can't see that channel: give me the permission View Channel there, or choose another."
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound():
            return "This command has changed; reload Discord (Ctrl+R) and use it again."
    number = secrets.token_hex(4)
    logger.error("A command failed, number %s", number, exc_info=error)
    return f"Something went wrong on my side. Try again, or give my operator this number: {number}."
