"""The front door of the call: /join, /leave and /status."""

from collections.abc import Awaitable, Callable

import discord
from discord import app_commands
from discord.ext import commands

from bot.conversation.call import CallError, VoiceChannel
from bot.conversation.calls import Calls
from bot.conversation.room import Mode
from bot.storage.consents import ConsentStore
from bot.storage.guilds import GuildStore
from cogs.call_panel import CallPanel
from cogs.config_rights import NOT_HERE, check_may_join
from cogs.consent import consent_text
from cogs.status_live import LivePanels

_HOW = {
    Mode.EVERYONE: "talk to me, interrupt me any time",
    Mode.ADDRESSED: "call me by my name when you talk to me, and interrupt me any time",
    Mode.PUSH_TO_TALK: "press Talk, or use /talk, and I hear you",
}


class Voice(commands.Cog):
    """Commands that begin, end and show a guild's call."""

    def __init__(
        self,
        calls: Calls,
        consents: ConsentStore,
        guilds: GuildStore,
        *,
        paid: bool,
        give_up: Callable[[int], Awaitable[bool]],
        panel: CallPanel,
        status: LivePanels,
    ) -> None:
        """Make the front door of calls.

        `paid` says whether the operator's Gemini quota is; people are told when it is not.
        `give_up(guild_id)` ends the way back to a call of before a restart, and says whether there was one.
        `panel` are the buttons under the answer to /join, `status` what /status shows.
        """
        self._calls = calls
        self._consents = consents
        self._guilds = guilds
        self._paid = paid
        self._give_up = give_up
        self._panel = panel
        self._status = status

    @app_commands.command(
        description="Talk with me by voice. You confirm that you are 18+ and let your voice go to Google."
    )
    @app_commands.describe(channel="Where; if left out, the voice channel that you are in.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def join(
        self,
        interaction: discord.Interaction,
        channel: discord.VoiceChannel | discord.StageChannel | None = None,
    ) -> None:
        """Begin a call, or show the buttons of the one that runs there."""
        await self.begin(interaction, channel)

    async def begin(
        self,
        interaction: discord.Interaction,
        channel: discord.VoiceChannel | discord.StageChannel | None = None,
    ) -> None:
        """Do what /join does, for a command or a button. Raises EarshotError."""
        member = _member(interaction)
        check_may_join(interaction, self._guilds.get(member.guild.id))
        channel = _allowed(channel or _channel_of(member), member)
        await interaction.response.defer(thinking=True)  # what is wrong so far is for who asked alone
        # Joining takes seconds, and who withdraws meanwhile is not heard.
        before = self._consents.withdrawals(channel.guild.id, member.id)
        call = self._calls.get(channel.guild.id)
        if call is not None and call.channel == channel:
            text = f"I am already in {channel.mention}; /status shows how the call is going."
        else:
            where = interaction.channel
            await self._calls.join(channel, where if isinstance(where, discord.abc.Messageable) else None)
            how = _HOW[Mode(self._guilds.get(channel.guild.id).mode)]
            text = f"I am Earshot, an AI, and I am in {channel.mention}: {how}."
        agreed = await self._consents.give(channel.guild.id, member.id, withdrawals=before)
        settings = self._guilds.get(channel.guild.id)
        terms = consent_text(member, settings, agreed=agreed, paid=self._paid)
        await interaction.edit_original_response(
            content=f"{text}\n{terms}",
            view=self._panel.posted(push_to_talk=settings.mode == Mode.PUSH_TO_TALK.value),
        )

    @app_commands.command(description="End my call in this server.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def leave(self, interaction: discord.Interaction) -> None:
        """End the guild's call."""
        await interaction.response.defer(thinking=True)
        guild_id = _member(interaction).guild.id
        on_its_way = await self._give_up(guild_id)
        if not await self._calls.leave(guild_id) and not on_its_way:
            raise CallError("I am in no call here; /join begins one.")
        await interaction.edit_original_response(content="I have left; /join brings me back.")

    @app_commands.command(description="Show whom I hear, how I am connected, and how quickly I answer.")
    @app_commands.guild_only()
    @app_commands.allowed_installs(guilds=True, users=False)
    async def status(self, interaction: discord.Interaction) -> None:
        """Show the guild's call to the person who asks."""
        _member(interaction)
        await self._status.open(interaction)

    async def cog_unload(self) -> None:
        """Leave the panels as they are."""
        await self._status.close()


def _member(interaction: discord.Interaction) -> discord.Member:
    """Return who used the command; raise CallError where the bot itself is no member of the guild."""
    member = interaction.user
    guild = interaction.client.get_guild(interaction.guild_id or 0)
    if guild is None or not isinstance(member, discord.Member):
        raise CallError(NOT_HERE)
    return member


def _channel_of(member: discord.Member) -> VoiceChannel:
    """Return the voice channel that a person is in; raise CallError for none."""
    if member.voice is None or member.voice.channel is None:
        raise CallError("Join a voice channel first, or name one: /join channel.")
    return member.voice.channel


def _allowed(channel: VoiceChannel, member: discord.Member) -> discord.VoiceChannel:
    """Return the channel where this person may call the bot to it; raise CallError elsewhere."""
    if not isinstance(channel, discord.VoiceChannel):
        raise CallError(f"{channel.mention} is a stage, where I can't talk with you; choose a voice channel.")
    if not channel.permissions_for(member).connect:
        raise CallError(f"You may not connect to {channel.mention} yourself; choose another channel.")
    return channel
