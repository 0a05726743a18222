"""The front door of what is kept: /context clear."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.media.service import MediaService
from cogs.answer import Answers
from cogs.media_request import CONTEXTS, INSTALLS


class Context(commands.Cog):
    """What is kept so that people can go on with answers."""

    context = app_commands.Group(
        name="context",
        description="What I keep for a day, so that you can go on with my answers.",
        allowed_installs=INSTALLS,
        allowed_contexts=CONTEXTS,
    )

    def __init__(self, media: MediaService, answers: Answers) -> None:
        self._media = media
        self._answers = answers

    @context.command(description="Forget what you asked me here, my answers, and the files.")
    async def clear(self, interaction: discord.Interaction) -> None:
        """Forget what is kept of this person here, and say how much that was."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        self._answers.forget(interaction.user.id, interaction.guild_id)
        count = await self._media.forget(interaction.user.id, interaction.guild_id)
        await interaction.edit_original_response(content=_forgotten(count, interaction.guild_id))


def _forgotten(count: int, guild_id: int | None) -> str:
    here = "in direct messages" if guild_id is None else "in this server"
    if not count:
        return f"I keep nothing of what you asked {here}."
    if count == 1:
        return f"Forgotten: 1 answer to you {here}, with its files. It can't be continued any more."
    return f"Forgotten: {count} answers to you {here}, with their files. They can't be continued any more."
