"""Who asks for something, and what they may do in Discord themselves."""

import asyncio
from collections.abc import Collection, Iterable, Sequence

import aiohttp
import discord

from bot.conversation.call import Call
from bot.conversation.names import cleaned
from bot.conversation.toolbox import ToolError
from bot.tools.chat import Place

MOST = 5  # who ask at once: what more say together is no request
MOST_OTHERS = 10  # who were heard beside them: of more it is not looked up what they may do

_NOBODY = "It is not clear that somebody here asked for this; do it when a person does."
_CROWD = "Too many people spoke at once to say who asks for this: let one of them ask again."
_GONE = "Somebody who asked for this is not in the server any more."
_UNKNOWN = "Discord can't tell me just now what they may do: try again in a minute."


async def people(call: Call, user_ids: Iterable[int]) -> list[discord.Member]:
    """Return who asks, as they are now, by their ids; raise ToolError where that is nobody, or not known.

    What is in memory may be old: of a role that was taken away only a privileged intent would tell.
    """
    asking = sorted(user_ids)
    if not asking:
        raise ToolError(_NOBODY)
    if len(asking) > MOST:
        raise ToolError(_CROWD)
    return await _fetched(call, asking)


async def all_may_post(call: Call, place: Place, user_ids: Collection[int]) -> bool:
    """Return whether all of these people may write in a place themselves, as far as that is known."""
    if len(user_ids) > MOST_OTHERS:
        return False
    try:
        check_may_post(place, await _fetched(call, user_ids))
    except ToolError:
        return False
    return True


async def _fetched(call: Call, user_ids: Iterable[int]) -> list[discord.Member]:
    guild = call.channel.guild
    try:
        return list(await asyncio.gather(*(guild.fetch_member(user_id) for user_id in user_ids)))
    except discord.NotFound as error:
        raise ToolError(_GONE) from error
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise ToolError(_UNKNOWN) from error


def check_may_post(place: Place, asking: Sequence[discord.Member], *, files: bool = False) -> None:
    """Raise ToolError where one of them may not write in a place themselves, or not attach files there."""
    for member in asking:
        allowed = place.permissions_for(member)
        write = (
            allowed.send_messages_in_threads if isinstance(place, discord.Thread) else allowed.send_messages
        )
        # The chat of a voice channel is for who may connect to it.
        enter = allowed.connect or not isinstance(place, discord.VoiceChannel | discord.StageChannel)
        if not (allowed.view_channel and write and enter):
            raise ToolError(f"{called(member)} may not write in that chat, so I can't do it for them.")
        if files and not allowed.attach_files:
            raise ToolError(f"{called(member)} may not attach files in that chat, so I can't do it for them.")


def called(member: discord.Member) -> str:
    """Return a person's name as the model is told it."""
    return cleaned(member.display_name)


def named(asking: Sequence[discord.Member]) -> str:
    """Return the names of people, any of whom may be meant, as Discord and the model are told them."""
    return " or ".join(called(member) for member in asking)
