"""The front door of what is asked about files: /describe and the app Describe."""

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.media import prompts
from bot.media.request import MediaRequest
from bot.media.sources import Source
from bot.text.escape import one_line
from cogs.answer import Answers

QUESTION_LENGTH = 2_000  # as long as a message may be
# Of a line in small print above the answer; escapes may double them, and the line has 230 characters.
_ASKED, _NAMED = 70, 35

_PICTURE = "A picture: PNG, JPEG, WEBP, HEIC or GIF."
_ANOTHER = "Another picture; all are looked at together."


class Media(commands.Cog):
    """Commands about posted files: in servers, in direct messages, and wherever a person has the bot."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        # A cog can't hold a context menu as a method: who builds the client adds it to the tree.
        self.menus = [
            app_commands.ContextMenu(
                name="Describe",
                callback=self._describe_message,
                allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
                allowed_contexts=app_commands.AppCommandContext(
                    guild=True, dm_channel=True, private_channel=True
                ),
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
        **{f"image{number}": _ANOTHER for number in range(2, 11)},
    )
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def describe(
        self,
        interaction: discord.Interaction,
        image1: discord.Attachment,
        question: app_commands.Range[str, 1, QUESTION_LENGTH] | None = None,
        detail: Literal["low", "medium", "high"] | None = None,
        alt: bool = False,
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
        pictures = [image for image in given if image is not None]
        request = _request(
            interaction,
            pictures,
            prompts.describe(question, pictures=len(pictures), alt=alt),
            detail=detail,
        )
        await self._answers.give(interaction, request, heading=_heading(pictures, question))

    async def _describe_message(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Describe what is attached to a message."""
        await interaction.response.defer(thinking=True)
        pictures = _attached(message)
        if not pictures:
            raise EarshotError("Nothing is attached to that message: use Describe on one with a picture.")
        request = _request(
            interaction, pictures, prompts.describe(None, pictures=len(pictures), alt=False), detail=None
        )
        heading = f"[a message]({message.jump_url}) · {_heading(pictures, None)}"
        await self._answers.give(interaction, request, heading=heading)


def _request(
    interaction: discord.Interaction,
    files: list[discord.Attachment],
    prompt: str,
    *,
    detail: Literal["low", "medium", "high"] | None,
) -> MediaRequest:
    return MediaRequest(
        guild_id=interaction.guild_id,
        user_id=interaction.user.id,
        sources=tuple(Source(file.filename, file.url, file.size, file.content_type) for file in files),
        prompt=prompt,
        system=prompts.STYLE,
        detail=detail,
    )


def _attached(message: discord.Message) -> list[discord.Attachment]:
    """Return the files of a message, or of the one that it forwards."""
    forwarded = [file for snapshot in message.message_snapshots for file in snapshot.attachments]
    return [*message.attachments, *forwarded]


def _heading(files: list[discord.Attachment], question: str | None) -> str:
    names = one_line(files[0].filename, _NAMED)
    if len(files) > 1:
        names += f" and {len(files) - 1} more"
    return f"{one_line(question, _ASKED)} · {names}" if question else names
