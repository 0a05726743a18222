"""Who may steer a call, and finding the call that somebody means."""

import discord

from bot.conversation.call import Call, CallError
from bot.conversation.calls import Calls
from bot.storage.guilds import GuildSettings
from cogs.config_rights import RightsError, check_may_configure

NO_CALL = "I am in no call here; /join begins one."


def call_of(interaction: discord.Interaction, calls: Calls) -> Call:
    """Return the call of a guild. Raises CallError where there is none."""
    call = calls.get(interaction.guild_id or 0)
    if call is None:
        raise CallError(NO_CALL)
    return call


def check_may_steer(interaction: discord.Interaction, call: Call, settings: GuildSettings) -> None:
    """Raise RightsError unless a person is in the call, or may set the bot up here."""
    if interaction.user.id in call.channel.voice_states:
        return
    try:
        check_may_configure(interaction, settings)
    except RightsError:
        raise RightsError(
            f"Only people in the call, or who may set me up here, can do that: join {call.channel.mention}."
        ) from None
