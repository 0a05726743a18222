"""Messages that people give a link to: opened for those alone who can read them where they are."""

import re

import discord

from bot.errors import EarshotError

_LINK = re.compile(
    r"<?https://(?:(?:www|canary|ptb)\.)?discord(?:app)?\.com/channels"
    r"/(?P<guild>@me|[0-9]{1,20})/(?P<channel>[0-9]{1,20})/(?P<message>[0-9]{1,20})/?>?"
)

_ELSEWHERE = "That message is in another place than this: use me there, or on the message itself: {how}."
# The same for what isn't there and what may not be seen, so that nobody learns which of the two it is.
_HIDDEN = (
    "I find no message there that you and I can both read: check the link, or use me on the message: {how}."
)
_OUTSIDE = "I am no member here, so I can't follow links to messages: use me on the message itself: {how}."
_HOW = "right-click it (on a phone, hold it), then Apps"

_Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


def is_message_link(link: str) -> bool:
    """Say whether a text is a link to a message on Discord."""
    return _LINK.fullmatch(link.strip()) is not None


async def linked_message(interaction: discord.Interaction, link: str) -> discord.Message:
    """Return the message that a link leads to, with fresh addresses of its files.

    It is in the server where the person is, and they may read it; or it is in their own direct messages with
    the bot. Raises EarshotError where it is neither, or can't be found.
    """
    match = _LINK.fullmatch(link.strip())
    if match is None:
        raise ValueError("this is no link to a message")
    channel_id, message_id = int(match["channel"]), int(match["message"])
    try:
        if match["guild"] == "@me":
            return await (await _direct(interaction, channel_id)).fetch_message(message_id)
        return await (await _channel(interaction, int(match["guild"]), channel_id)).fetch_message(message_id)
    except (discord.Forbidden, discord.NotFound, discord.InvalidData) as error:
        raise _refusal(_HIDDEN) from error


async def _direct(interaction: discord.Interaction, channel_id: int) -> discord.DMChannel:
    """Return the person's own direct messages with the bot, if they are that channel."""
    direct = await interaction.user.create_dm()
    if direct.id != channel_id:
        raise _refusal(_HIDDEN)
    return direct


async def _channel(interaction: discord.Interaction, guild_id: int, channel_id: int) -> _Readable:
    """Return a channel of this server that the person may read."""
    guild, member = interaction.guild, interaction.user
    if guild is None or guild.id != guild_id:
        raise _refusal(_ELSEWHERE)
    if not interaction.is_guild_integration() or not isinstance(member, discord.Member):
        raise _refusal(_OUTSIDE)
    channel = guild.get_channel_or_thread(channel_id) or await guild.fetch_channel(channel_id)
    if not isinstance(channel, _Readable) or not _may_read(member, channel, interaction.channel_id):
        raise _refusal(_HIDDEN)
    return channel


def _may_read(member: discord.Member, channel: _Readable, here: int | None) -> bool:
    """Say whether a member may read what was written in a channel before."""
    try:
        rights = channel.permissions_for(member)
    except discord.ClientException:
        return False  # a thread whose channel is not known: nothing says who may read it
    if not (rights.view_channel and rights.read_message_history):
        return False
    if isinstance(channel, discord.Thread) and channel.is_private():
        # Only who was added can read it; who asks within it was.
        return channel.id == here or rights.manage_threads
    return not isinstance(channel, discord.VoiceChannel | discord.StageChannel) or rights.connect


def _refusal(sentence: str) -> EarshotError:
    return EarshotError(sentence.format(how=_HOW))
