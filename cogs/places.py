"""The front door of what is asked about places in pictures: /find and /compare."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.media.tasks.compare import Compare
from bot.media.tasks.find import Find
from cogs.answer import Answers
from cogs.media_request import anywhere, request_of, source_of

WHAT_LENGTH = 200  # a few names, or one thing said exactly; questions are for /describe and /ask
QUESTION_LENGTH = 2_000  # as long as a message may be
_PICTURE = "A picture: PNG, JPEG, WEBP, HEIC or GIF."


class Places(commands.Cog):
    """Commands that answer with marks on pictures."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @app_commands.command(description="Find things in a picture: boxes drawn on it, and the boxes as JSON.")
    @app_commands.describe(
        image=_PICTURE,
        what="What to look for, such as “cups and spoons”, or “the oldest person”.",
        three_d="Draw boxes in space, with distances and sizes; this is less exact.",
    )
    @app_commands.rename(three_d="3d")
    @anywhere
    async def find(
        self,
        interaction: discord.Interaction,
        image: discord.Attachment,
        what: app_commands.Range[str, 1, WHAT_LENGTH],
        three_d: bool = False,
    ) -> None:
        """Mark in a picture what was asked for."""
        await interaction.response.defer(thinking=True)
        request = request_of(interaction, [source_of(image)], Find(what, three_d), about=what)
        await self._answers.give(interaction, request)

    @app_commands.command(
        description="Compare two to four pictures: what was added, removed and changed, marked on them."
    )
    @app_commands.describe(
        image1="What the others are compared with: PNG, JPEG, WEBP, HEIC or GIF.",
        image2=_PICTURE,
        question="What the comparison is about; if left out, all that differs.",
        image3="A third picture.",
        image4="A fourth picture.",
    )
    @anywhere
    async def compare(
        self,
        interaction: discord.Interaction,
        image1: discord.Attachment,
        image2: discord.Attachment,
        question: app_commands.Range[str, 1, QUESTION_LENGTH] | None = None,
        image3: discord.Attachment | None = None,
        image4: discord.Attachment | None = None,
    ) -> None:
        """Mark on pictures where they differ."""
        await interaction.response.defer(thinking=True)
        pictures = [source_of(image) for image in (image1, image2, image3, image4) if image is not None]
        await self._answers.give(
            interaction, request_of(interaction, pictures, Compare(question), about=question)
        )
