"""Where the bot can talk with people, and what they are told where it can not."""

import discord

from bot.conversation.call import CallError, VoiceChannel


def check_joinable(channel: VoiceChannel) -> None:
    """Raise CallError where Discord would not let the bot talk in the channel; it would just never answer."""
    me = channel.guild.me
    allowed = channel.permissions_for(me)
    if not (allowed.view_channel and allowed.connect):
        raise CallError(f"I may not connect to {channel.mention}; give me the permission Connect there.")
    if not allowed.speak:
        raise CallError(f"I may not speak in {channel.mention}; give me the permission Speak there.")
    if (why := unfit(channel)) is not None:
        raise CallError(f"{why}; choose another channel.")
    others = [user_id for user_id in channel.voice_states if user_id != me.id]
    if channel.user_limit and len(others) >= channel.user_limit and not allowed.move_members:
        raise CallError(
            f"{channel.mention} is full, at its limit of {channel.user_limit}: raise that, or choose another."
        )


def unfit(channel: VoiceChannel) -> str | None:
    """Return why the bot can't talk with people in a channel even once it is there, None where it can."""
    if isinstance(channel, discord.StageChannel):
        return f"{channel.mention} is a stage, where I can't talk with you"
    if channel == channel.guild.afk_channel:
        return f"{channel.mention} is where people are away, and nobody is heard"
    if not channel.permissions_for(channel.guild.me).speak:
        return f"I may not speak in {channel.mention}"
    return None


def already_in(current: VoiceChannel, wanted: VoiceChannel) -> str:
    """Return what who asks for a channel is told of the call that the bot is in."""
    if current.id == wanted.id:
        return f"I am already in {current.mention}; /status shows how the call is going."
    return f"I am already in {current.mention}; end that call with /leave, then use /join here."
