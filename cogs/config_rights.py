"""Who may set the bot up in a guild, and who may have it join there."""

import discord

from bot.errors import EarshotError
from bot.storage.guilds import GuildSettings

# What only who may Manage Server changes: whose voice goes out, and who may change all the rest.
MANAGERS_ONLY = frozenset({"consent", "config_roles"})


NOT_HERE = (
    "My commands are here but I am no member of this server: ask who manages it to invite me again, with the "
    "scope “bot” in the link."
)


class RightsError(EarshotError):
    """Somebody may not do that; the message says who may."""


def is_manager(interaction: discord.Interaction) -> bool:
    """Say whether a person may Manage Server; its owner and administrators may."""
    return interaction.permissions.manage_guild


def check_may_configure(interaction: discord.Interaction, settings: GuildSettings) -> None:
    """Raise RightsError where a person may not change a guild's settings."""
    if is_manager(interaction) or _has_one(interaction, settings.config_roles):
        return
    others = f", or with {_named(settings.config_roles)}," if settings.config_roles else ""
    raise RightsError(
        f"Only people with the Manage Server permission{others} can set me up here: ask one of them."
    )


def check_may_join(interaction: discord.Interaction, settings: GuildSettings) -> None:
    """Raise RightsError where a person may not have the bot join a voice channel."""
    roles = settings.join_roles
    if not roles or is_manager(interaction) or _has_one(interaction, roles):
        return
    raise RightsError(f"In this server only people with {_named(roles)} can have me join: ask one of them.")


def guild_of(interaction: discord.Interaction) -> discord.Guild:
    """Return the guild; raise EarshotError where there is none, or the bot is no member of it."""
    if interaction.guild_id is None:
        raise EarshotError("This works only in a server: use it there.")
    guild = interaction.client.get_guild(interaction.guild_id)
    if guild is None:
        raise EarshotError(NOT_HERE)
    return guild


def _has_one(interaction: discord.Interaction, roles: tuple[int, ...]) -> bool:
    member = interaction.user
    return isinstance(member, discord.Member) and any(member.get_role(role) for role in roles)


def _named(roles: tuple[int, ...]) -> str:
    return " or ".join(f"<@&{role}>" for role in roles)
