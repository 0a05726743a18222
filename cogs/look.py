"""The front door of pictures in the talk: /look, and pictures that are posted in the chat of a call."""

import logging
from collections import Counter

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.call import Call
from bot.errors import EarshotError
from bot.media.sources import Source
from bot.storage.consents import ConsentStore
from cogs.ask_words import replied_to, said
from cogs.look_show import CallViewer, Shown, confirm, poster_of
from cogs.media_request import attached, source_of

logger = logging.getLogger(__name__)

QUESTION_LENGTH = 500  # characters: half a minute of speech
AT_ONCE = 2  # messages of one person that are looked at unasked

_MUTED = "I am muted, so I say nothing about it aloud; /mute-bot off changes that."
_WRITTEN = {discord.MessageType.default, discord.MessageType.reply}


class Look(commands.Cog):
    """Shows files in the call."""

    def __init__(self, viewer: CallViewer, consents: ConsentStore) -> None:
        self._viewer = viewer
        self._consents = consents
        self._looking: Counter[int] = Counter()

    @app_commands.command(description="Show me a picture or a short video in the call that you are in.")
    @app_commands.describe(
        file="A picture, or a video of up to 60 s.",
        question="What you want to know of it; I answer aloud.",
    )
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def look(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        question: app_commands.Range[str, 1, QUESTION_LENGTH] | None = None,
    ) -> None:
        """Look at a file in the call of who uses the command."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        user_id = interaction.user.id
        call = self._viewer.call_of(interaction.guild_id, user_id)
        asked = (question or "").strip()
        shown = await self._viewer.show(call, user_id, [source_of(file)], asked)
        told = _told(shown, muted=call.status().muted)
        await interaction.edit_original_response(content=told)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Look at pictures that are just posted in a call's chat; without Message Content none can be seen.

        What can't be looked at is not complained of: nobody has asked for it.
        """
        pictures = _pictures(message)
        if not pictures or (call := self._listening(message)) is None:
            return
        user_id = message.author.id
        if self._looking[user_id] >= AT_ONCE:
            return
        self._looking[user_id] += 1
        try:
            await self._viewer.show(call, user_id, pictures)
        except EarshotError as error:
            logger.info("A posted picture was not looked at: %s", type(error).__name__)
        else:
            await confirm(message)
        finally:
            self._looking[user_id] -= 1
            if not self._looking[user_id]:
                del self._looking[user_id]

    def _listening(self, message: discord.Message) -> Call | None:
        """Return the call that a message belongs to, if the bot may hear who wrote it there."""
        call = self._viewer.call_at(message)
        if call is None or not self._consents.consented(call.channel.guild.id, message.author.id):
            return None
        return call


async def shown_by_mention(
    viewer: CallViewer, message: discord.Message, bot_id: int
) -> tuple[str, ...] | None:
    """Show in the call what is in a message to the bot, and have its words answered aloud.

    Return sentences about what could not be seen; None for a message that is to be answered in writing:
    elsewhere, or without pictures. Raises EarshotError.
    """
    heard = said(message, bot_id)
    files = heard.files or heard.quoted_files
    if not files or not all(_moving(file) or _still(file) for file in files):
        return None
    call = viewer.call_at(message)
    if call is None:
        return None
    posted = message if heard.files else replied_to(message) or message
    poster = poster_of(posted, message.author.id)
    shown = await viewer.show(call, message.author.id, files, heard.question, poster)
    await confirm(message)
    return shown.problems


def _pictures(message: discord.Message) -> list[Source]:
    """Return the pictures of a message that a person wrote, and not to the bot."""
    if message.guild is None or message.author.bot or message.webhook_id or message.type not in _WRITTEN:
        return []
    me = message.guild.me
    replied = replied_to(message)
    if me in message.mentions or (replied is not None and replied.author == me):
        return []
    return [file for file in attached(message) if _still(file)]


def _still(file: Source) -> bool:
    return (file.content_type or "").startswith("image/")


def _moving(file: Source) -> bool:
    return (file.content_type or "").startswith("video/")


def _told(shown: Shown, *, muted: bool) -> str:
    """Return what who showed a file reads."""
    if shown.watched:
        told, then = f"I watch {shown.watched[0]} as soon as nobody speaks", ", and say what I saw and heard"
    else:
        told, then = f"I see {shown.seen[0]}", "; ask me about it"
    if muted:
        return " ".join([f"{told}.", _MUTED, *shown.problems])
    return " ".join([f"{told}, and answer aloud." if shown.asked else f"{told}{then}.", *shown.problems])
