"""An interaction as the bot's gateway gets it."""

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.installs import app_permissions, context_of
from bot.emulators.discord.model import Json
from bot.emulators.discord.payloads import LOCALE, channel_payload, member_payload, user_payload
from bot.emulators.discord.places import Places
from bot.emulators.discord.posts import Posts


def interaction_payload(interaction: Interaction, data: Json, places: Places, posts: Posts) -> Json:
    """Return the data of INTERACTION_CREATE; `data` is what is particular to the interaction's type."""
    channel = interaction.channel
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(places.bot.id),
        "type": int(interaction.type),
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": channel_payload(channel)
        | {"permissions": str(places.permissions(interaction.user.id, channel))},
        "app_permissions": str(app_permissions(places, interaction.user, channel)),
        "authorizing_integration_owners": interaction.owners,
        "context": int(context_of(channel)),
        "locale": LOCALE,
        "entitlements": [],
        "attachment_size_limit": places.file_limit(channel),
    }
    if interaction.source is not None:
        payload["message"] = posts.payload(interaction.source)
    if channel.guild_id is None:
        return payload | {"user": user_payload(interaction.user)}
    return payload | _in_guild(interaction, places)


def _in_guild(interaction: Interaction, places: Places) -> Json:
    guild = places.guild_of(interaction.channel)
    member = member_payload(places.member(guild, interaction.user.id))
    member["permissions"] = str(places.permissions(interaction.user.id, interaction.channel))
    return {
        "member": member,
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": LOCALE, "features": []},
        "guild_locale": LOCALE,
    }
