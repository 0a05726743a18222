"""The front door of what is asked about pictures: /describe and the app Describe."""

from dataclasses import replace

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.detail import Detail
from bot.media.sources import Source
from bot.media.tasks.describe import Describe
from cogs.answer import Answers
from cogs.look_show import CallViewer, poster_of
from cogs.media_request import CONTEXTS, INSTALLS, anywhere, attached, request_of, source_of

QUESTION_LENGTH = 2_000  # as long as a message may be
_PICTURE = "A picture: PNG, JPEG, WEBP, HEIC or GIF."
_SHOWN = "I see this in the call, too"
_ANOTHER = "Another picture; all are looked at together."


class Pictures(commands.Cog):
    """Commands about posted pictures."""

    def __init__(self, answers: Answers, viewer: CallViewer | None = None) -> None:
        """`viewer` shows pictures in the call of who asks about them, too."""
        self._answers = answers
        self._viewer = viewer
        # A cog can't hold a context menu as a method: who builds the client adds it to the tree.
        self.menus = [
            app_commands.ContextMenu(
                name="Describe",
                callback=self._describe_message,
                allowed_installs=INSTALLS,
                allowed_contexts=CONTEXTS,
            )
        ]

    @app_commands.command(
        description="Describe 1 to 10 pictures, answer a question about them, or write alt text."
    )
    @app_commands.describe(
        image1=_PICTURE,
        question="What you want to know; if left out, what there is to see.",
        detail="How closely I look: low is cheaper, high reads small print.",
        alt="Write alt text to copy, for people who can't see the pictures.",
        each="Describe each on its own, in a table; all at once otherwise.",
        **{f"image{number}": _ANOTHER for number in range(2, 11)},
    )
    @anywhere
    async def describe(
        self,
        interaction: discord.Interaction,
        image1: discord.Attachment,
        question: app_commands.Range[str, 1, QUESTION_LENGTH] | None = None,
        detail: Detail | None = None,
        alt: bool = False,
        each: bool = False,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
        image4: discord.Attachment | None = None,
        image5: discord.Attachment | None = None,
        image6: discord.Attachment | None = None,
        image7: discord.Attachment | None = None,
        image8: discord.Attachment | None = None,
        image9: discord.Attachment | None = None,
        image10: discord.Attachment | None = None,
    ) -> None:
        """Answer about the pictures that were given."""
        await interaction.response.defer(thinking=True)
        given = (image1, image2, image3, image4, image5, image6, image7, image8, image9, image10)
        pictures = [source_of(image) for image in given if image is not None]
        # One picture is no table: it is described at length.
        task = Describe(question, detail, alt, each=each and len(pictures) > 1)
        await self._answers.give(interaction, request_of(interaction, pictures, task, about=question))

    async def _describe_message(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Describe the pictures of a message, or say what is wrong with what is attached instead."""
        await interaction.response.defer(thinking=True)
        files = attached(message)
        if not files:
            raise EarshotError("Nothing is attached to that message: use Describe on one with a picture.")
        pictures = [file for file in files if (file.content_type or "").startswith("image/")] or files
        request = request_of(interaction, pictures, Describe(), message=message)
        if await self._shown(interaction, message, pictures):
            request = replace(request, heading=f"{request.heading} · {_SHOWN}")
        await self._answers.give(interaction, request)

    async def _shown(
        self, interaction: discord.Interaction, message: discord.Message, pictures: list[Source]
    ) -> bool:
        """Show pictures in the call of who uses the app, if they are in one; return whether they are seen."""
        if self._viewer is None:
            return False
        user_id = interaction.user.id
        poster = poster_of(message, user_id)
        return await self._viewer.show_as_well(interaction.guild_id, user_id, pictures, poster)
