"""The front door of how the bot behaves in a call: /say, /stop, /volume and /mute-bot."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.call import Call
from bot.conversation.calls import Calls
from bot.conversation.sayings import LONGEST
from bot.storage.guilds import GuildStore
from cogs.call_rights import call_of, check_may_steer

LOUDEST = 200  # percent: 6 dB more; beyond it the limiter would do more than the gain

QUIET = "I am quiet."
MUTED = (
    "I say nothing until /mute-bot off, but go on listening. My answers stand only in the captions: where "
    "those are off, /captions on shows them."
)
UNMUTED = "I speak again."
SAYING = "I say it as soon as nobody speaks."
_LOUD = " Peaks that would be too loud are limited."


class Manners(commands.Cog):
    """Commands that steer the call's voice, for people in the call."""

    mute_bot = app_commands.Group(
        name="mute-bot",
        description="Have me say nothing in this call while I go on listening.",
        guild_only=True,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(self, calls: Calls, guilds: GuildStore) -> None:
        self._calls = calls
        self._guilds = guilds

    @app_commands.command(description="Have me say something aloud in the call, word for word.")
    @app_commands.describe(text="What I say, as soon as nobody speaks.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def say(self, interaction: discord.Interaction, text: app_commands.Range[str, 1, LONGEST]) -> None:
        """Say a text aloud."""
        self._steered(interaction).say(text)
        await _answer(interaction, SAYING)

    @app_commands.command(description="Be quiet now: I drop what I am saying.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def stop(self, interaction: discord.Interaction) -> None:
        """Fall silent."""
        await self.hush(interaction)

    async def hush(self, interaction: discord.Interaction) -> None:
        """Do what /stop does, for a command or a button; quiet comes first, the answer after it."""
        self._steered(interaction).hush()
        await _answer(interaction, QUIET)

    @app_commands.command(description="Set how loud I am in this call.")
    @app_commands.describe(percent="100 is my normal volume, 50 is half of it, 200 is twice.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def volume(
        self, interaction: discord.Interaction, percent: app_commands.Range[int, 0, LOUDEST]
    ) -> None:
        """Be louder or softer, in mid-answer too."""
        self._steered(interaction).set_volume(percent)
        await _answer(interaction, f"My volume is {percent} %.{_LOUD if percent > 100 else ''}")

    @mute_bot.command(name="on", description="Say nothing in this call from now on; I go on listening.")
    async def mute_on(self, interaction: discord.Interaction) -> None:
        """Say nothing."""
        await self._steered(interaction).mute(True)
        await _answer(interaction, MUTED)

    @mute_bot.command(name="off", description="Speak again in this call.")
    async def mute_off(self, interaction: discord.Interaction) -> None:
        """Speak again."""
        await self._steered(interaction).mute(False)
        await _answer(interaction, UNMUTED)

    def _steered(self, interaction: discord.Interaction) -> Call:
        """Return the call, for somebody who may steer it. Raises EarshotError."""
        call = call_of(interaction, self._calls)
        check_may_steer(interaction, call, self._guilds.get(call.channel.guild.id))
        return call


async def _answer(interaction: discord.Interaction, text: str) -> None:
    await interaction.response.send_message(
        text, ephemeral=True, allowed_mentions=discord.AllowedMentions.none()
    )
