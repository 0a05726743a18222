"""Says so where the server has muted or deafened the bot: it can't talk then, and nobody would know why."""

import asyncio

import aiohttp
import discord
from discord.ext import commands

from bot.conversation.call import Call
from bot.conversation.listeners import CallListener

_MUTED = (
    "I am muted in this server, so nobody hears me: somebody with the Mute Members permission can "
    "right-click my name and unmute me."
)
_SUPPRESSED = "I may not speak in {channel}, so nobody hears me; give me the permission Speak there."
_DEAFENED = (
    "I am deafened in this server, so I hear nobody: somebody with the Deafen Members permission can "
    "right-click my name and undeafen me."
)


class ServerMute(CallListener, commands.Cog):
    """Tells the text channel of a call what keeps it from being one."""

    def __init__(self) -> None:
        self._texts: dict[int, discord.abc.Messageable] = {}  # of the calls that run, by guild
        self._tasks: set[asyncio.Task[None]] = set()

    async def cog_unload(self) -> None:
        """Tell nothing more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def began(self, call: Call, text: discord.abc.Messageable | None) -> None:
        """Look whether the bot came in muted: that stays with it from call to call."""
        if text is None:
            return
        guild = call.channel.guild
        self._texts[guild.id] = text
        if guild.me.voice is not None:
            self._tell(guild.id, _obstacles(guild.me.voice))

    async def ending(self, call: Call) -> None:
        """Forget where to tell."""
        self._texts.pop(call.channel.guild.id, None)

    @commands.Cog.listener()
    async def on_voice_state_update(
        self, member: discord.Member, before: discord.VoiceState, after: discord.VoiceState
    ) -> None:
        """Tell what somebody has just done to the bot."""
        # Where the bot was moved to a channel in which it may not speak, the call ends and says so.
        if member == member.guild.me and before.channel == after.channel:
            known = set(_obstacles(before))
            self._tell(member.guild.id, [each for each in _obstacles(after) if each not in known])

    def _tell(self, guild_id: int, sentences: list[str]) -> None:
        text = self._texts.get(guild_id)
        if text is None or not sentences:
            return
        task = asyncio.create_task(_send(text, " ".join(sentences)), name=f"server-mute-{guild_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _obstacles(state: discord.VoiceState) -> list[str]:
    found = []
    if state.mute:
        found.append(_MUTED)
    elif state.suppress and state.channel is not None:
        found.append(_SUPPRESSED.format(channel=state.channel.mention))
    if state.deaf:
        found.append(_DEAFENED)
    return found


async def _send(text: discord.abc.Messageable, words: str) -> None:
    try:
        await text.send(words, allowed_mentions=discord.AllowedMentions.none())
    except (discord.DiscordException, aiohttp.ClientError, OSError):
        return  # it can't be told here; the panel of /status says it, too
