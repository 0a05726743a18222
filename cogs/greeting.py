"""The greeting when the bot is added to a server: what it is, and a button that begins a call."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.storage.guilds import GuildSettings
from cogs.consent import is_pressed
from cogs.errors import answer_error

logger = logging.getLogger(__name__)

JOIN_ID = "earshot:greeting:join"  # fixed for ever: a greeting stands for long

_TEXT = (
    "**Hello, I am Earshot, an AI to talk with:** join a voice channel, press the button, and speak. By "
    "that you confirm that you are 18 or older, and let your voice go to Google Gemini, which answers.\n"
    "{heard} For a picture, a film or a document, right-click its message and choose "
    "Apps, or use /ask.\n"
    "-# /config sets my voice, language and persona for this server; /privacy show says what is kept of you."
)

_AGREED = "I hear only people who agree."
# A server that had the bot before may have chosen these then.
_NOTICE = "In a call I hear everyone who has not objected by /privacy deaf."
_PRESSED = "In a call I hear only people who have pressed Talk."


class Greeting(commands.Cog):
    """Greets servers that the bot is added to."""

    def __init__(
        self,
        join: Callable[[discord.Interaction], Awaitable[None]],
        settings_of: Callable[[int], GuildSettings],
    ) -> None:
        """`join` does with an interaction what /join does, and may raise as a command may."""
        self._join = join
        self._settings_of = settings_of

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Post the greeting where the bot may; where that is nowhere, people find the commands anyway."""
        text = _TEXT.format(heard=_heard(self._settings_of(guild.id)))
        for channel in _places(guild):
            try:
                await channel.send(text, view=_view(), allowed_mentions=discord.AllowedMentions.none())
            except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
                logger.info("A greeting could not be posted: %s", error)
                continue
            return

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Answer the button, also under greetings of before a restart."""
        if interaction.type is not discord.InteractionType.component or interaction.data is None:
            return
        if interaction.data.get("custom_id") != JOIN_ID:
            return
        try:
            await self._join(interaction)
        except Exception as error:
            await answer_error(interaction, error)


def _places(guild: discord.Guild) -> Iterator[discord.TextChannel]:
    """Yield where the greeting may go, the best place first: at most three, not to knock on every door."""
    first = [guild.system_channel] if guild.system_channel else []
    allowed = []
    for channel in dict.fromkeys([*first, *guild.text_channels]):
        may = channel.permissions_for(guild.me)
        if may.view_channel and may.send_messages:
            allowed.append(channel)
    yield from allowed[:3]


def _view() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    button: discord.ui.Button[Any] = discord.ui.Button(
        label="Talk with me", style=discord.ButtonStyle.success, custom_id=JOIN_ID
    )
    view.add_item(button)
    view.stop()  # it is answered by its custom id, so discord.py need not keep it
    return view


def _heard(settings: GuildSettings) -> str:
    if is_pressed(settings):
        return _PRESSED
    return _NOTICE if settings.consent == "notice" else _AGREED
