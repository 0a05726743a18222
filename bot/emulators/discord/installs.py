"""Who let the app in where something happens: a guild that added it, a person who did, or both.

https://discord.com/developers/docs/resources/application#installation-context
"""

from collections.abc import Mapping
from enum import IntEnum

from bot.emulators.discord.model import Channel, EmulatedUser, Json, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.places import Places

GUILD_INSTALL, USER_INSTALL = "0", "1"  # keys of authorizing_integration_owners
_IN_BOT_DM = "0"  # what stands for the guild there
_BY_GUILD, _BY_USER = 0, 1  # values of a command's integration_types
FOLLOWUPS_LIMIT = 5  # of an interaction that only a person let in

# What the app may do where it is let in by a person alone, as the documentation lists it.
IN_PRIVATE = Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE
IN_BOT_DM = IN_PRIVATE | Permission.USE_EXTERNAL_EMOJIS


class Context(IntEnum):
    """Where an interaction is used."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


def context_of(channel: Channel) -> Context:
    """Return which kind of place a channel is."""
    if channel.guild_id is not None:
        return Context.GUILD
    return Context.BOT_DM if channel.recipient is not None else Context.PRIVATE_CHANNEL


def owners_of(places: Places, user: EmulatedUser, channel: Channel, command: Json) -> dict[str, str]:
    """Return who lets a person use a command in a channel; empty where nobody does."""
    context = context_of(channel)
    if not _takes(command, context):
        return {}
    types = command.get("integration_types") or [_BY_GUILD]
    owners: dict[str, str] = {}
    if _BY_GUILD in types and (owner := _guild_owner(places, user, channel)) is not None:
        owners[GUILD_INSTALL] = owner
    if _BY_USER in types and user.installed:
        owners[USER_INSTALL] = str(user.id)
    return owners


def owners_of_message(places: Places, message: Message, channel: Channel) -> dict[str, str]:
    """Return who let in what stands behind a message's components: as for the command, whoever presses."""
    if message.origin is not None:
        return dict(message.origin.owners)
    if channel.guild_id is None:
        return {GUILD_INSTALL: _IN_BOT_DM}
    return {GUILD_INSTALL: str(channel.guild_id)}


def is_users_alone(owners: Mapping[str, str]) -> bool:
    """Return whether a person let the app in, and no guild."""
    return GUILD_INSTALL not in owners


def must_be_private(places: Places, user: EmulatedUser, channel: Channel, owners: Mapping[str, str]) -> bool:
    """Return whether an answer is for one person's eyes: external apps are off, or they may not write."""
    if not is_users_alone(owners) or channel.guild_id is None:
        return False
    return not places.can(user.id, channel, Permission.USE_EXTERNAL_APPS, Permission.SEND_MESSAGES)


def app_permissions(places: Places, user: EmulatedUser, channel: Channel) -> int:
    """Return what the app may do where an interaction comes from."""
    match context_of(channel):
        case Context.BOT_DM:
            return int(IN_BOT_DM)
        case Context.PRIVATE_CHANNEL:
            return int(IN_PRIVATE)
    if places.bot.id in places.guild_of(channel).members:
        return places.permissions(places.bot.id, channel)
    return int(IN_PRIVATE) & places.permissions(user.id, channel)


def _takes(command: Json, context: Context) -> bool:
    """Return whether a command is offered in such places."""
    contexts = command.get("contexts")
    if contexts is not None:
        return context in contexts
    return context is Context.GUILD or bool(command.get("dm_permission", False))


def _guild_owner(places: Places, user: EmulatedUser, channel: Channel) -> str | None:
    if channel.guild_id is not None:
        return str(channel.guild_id) if places.bot.id in places.guild_of(channel).members else None
    in_bot_dm = context_of(channel) is Context.BOT_DM
    return _IN_BOT_DM if in_bot_dm and places.shares_guild(user.id) else None
