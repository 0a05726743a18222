"""Users, members, roles, channels, guilds and voice states as Discord writes them in JSON."""

from collections.abc import Iterable
from datetime import datetime

from bot.emulators.discord.model import (
    THREADS,
    VOICE_LIKE,
    Channel,
    ChannelType,
    EmulatedUser,
    Guild,
    Json,
    Member,
    Role,
    VoiceState,
)
from bot.emulators.discord.permissions import Overwrite
from bot.emulators.discord.snowflakes import snowflake_time

LOCALE = "en-US"


def timestamp(moment: datetime) -> str:
    """Return the moment as ISO 8601 with microseconds and offset."""
    return moment.isoformat(timespec="microseconds")


def user_payload(user: EmulatedUser) -> Json:
    """Return the account as others see it."""
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.bot else user.name.title(),
        "discriminator": "0000" if user.bot else "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "collectibles": None,
        "primary_guild": None,
        "bot": user.bot,
        "public_flags": 0,
        "flags": 0,
    }


def own_user_payload(user: EmulatedUser) -> Json:
    """Return the account as itself sees it."""
    private = {"mfa_enabled": True, "locale": LOCALE, "verified": True, "email": None, "premium_type": 0}
    return user_payload(user) | private


def member_payload(member: Member) -> Json:
    """Return the member with the account in it."""
    return partial_member_payload(member) | {"user": user_payload(member.user)}


def partial_member_payload(member: Member) -> Json:
    """Return the member without the account, as messages carry it."""
    return {
        "roles": [str(role_id) for role_id in member.role_ids],
        "nick": member.nick,
        "avatar": None,
        "banner": None,
        "joined_at": timestamp(member.joined_at),
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "mute": member.mute,
        "deaf": member.deaf,
        "flags": 0,
    }


def role_payload(role: Role) -> Json:
    """Return the role, colourless and without an icon."""
    payload: Json = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.managed_by_bot is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if role.managed_by_bot is not None:
        payload["tags"] = {"bot_id": str(role.managed_by_bot)}
    return payload


def overwrite_payload(overwrite: Overwrite) -> Json:
    """Return what a channel allows and denies one role (type 0) or member (type 1)."""
    return {
        "id": str(overwrite.target_id),
        "type": int(overwrite.is_member),
        "allow": str(int(overwrite.allow)),
        "deny": str(int(overwrite.deny)),
    }


def channel_payload(channel: Channel) -> Json:
    """Return the channel with the fields of its type."""
    shared: Json = {
        "id": str(channel.id),
        "type": int(channel.type),
        "flags": 0,
        "last_message_id": optional_id(channel.last_message_id),
    }
    if channel.guild_id is None:
        return shared | _direct_fields(channel)
    if channel.type in THREADS:
        return shared | _thread_fields(channel)
    shared |= {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "position": channel.position,
        "parent_id": None,
        "permission_overwrites": [overwrite_payload(over) for over in channel.overwrites],
        "nsfw": False,
        "rate_limit_per_user": 0,
    }
    if channel.type in VOICE_LIKE:
        return shared | _voice_fields(channel)
    return shared | {"topic": channel.topic, "last_pin_timestamp": None}


def _direct_fields(channel: Channel) -> Json:
    people = channel.people if channel.recipient is None else (channel.recipient,)
    fields: Json = {"recipients": [user_payload(user) for user in people]}
    if channel.type is not ChannelType.GROUP:
        return fields
    return fields | {"name": channel.name, "icon": None, "owner_id": str(people[0].id)}


def _thread_fields(channel: Channel) -> Json:
    began = timestamp(snowflake_time(channel.id))
    metadata: Json = {
        "archived": False,
        "archive_timestamp": began,
        "auto_archive_duration": 1440,
        "locked": False,
        "create_timestamp": began,
    }
    if channel.type is ChannelType.PRIVATE_THREAD:
        metadata["invitable"] = True
    return {
        "guild_id": str(channel.guild_id),
        "name": channel.name,
        "parent_id": optional_id(channel.parent_id),
        "owner_id": optional_id(channel.owner_id),
        "thread_metadata": metadata,
        "message_count": 0,
        "member_count": len(channel.joined),
        "total_message_sent": 0,
        "rate_limit_per_user": 0,
    }


def thread_member_payload(thread: Channel, user_id: int, member: Member | None = None) -> Json:
    """Return someone as a member of a thread, with the member of the guild where events carry it."""
    payload: Json = {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": timestamp(thread.joined[user_id]),
        "flags": 0,
    }
    return payload | ({} if member is None else {"member": member_payload(member), "presence": None})


def _voice_fields(channel: Channel) -> Json:
    fields: Json = {
        "bitrate": channel.bitrate,
        "user_limit": channel.user_limit,
        "rtc_region": channel.rtc_region,
        "video_quality_mode": 1,
    }
    return fields | ({"topic": channel.topic} if channel.type is ChannelType.STAGE else {})


def guild_payload(guild: Guild) -> Json:
    """Return the guild as REST gives it."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner_id),
        "roles": [role_payload(role) for role in guild.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "region": "deprecated",
        "preferred_locale": LOCALE,
        "afk_timeout": 300,
        "system_channel_id": optional_id(guild.system_channel_id),
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 0,
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": guild.tier,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
    } | dict.fromkeys(_ABSENT_IN_GUILDS)


_ABSENT_IN_GUILDS = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "widget_channel_id",
    "max_presences",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "incidents_data",
)


def guild_create_payload(
    guild: Guild, *, visible_members: Iterable[Member], visible_threads: Iterable[Channel]
) -> Json:
    """Return the guild as GUILD_CREATE gives it; what may be seen of it is the gateway's to say."""
    return guild_payload(guild) | {
        "joined_at": timestamp(guild.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "members": [member_payload(member) for member in visible_members],
        "channels": [channel_payload(channel) for channel in guild.channels.values()],
        "voice_states": [voice_state_payload(state) for state in guild.voice_states.values()],
        "threads": [channel_payload(thread) for thread in visible_threads],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def voice_state_payload(state: VoiceState, member: Member | None = None) -> Json:
    """Return the voice state, with the member where an event or a REST answer carries it."""
    payload: Json = {
        "guild_id": str(state.guild_id),
        "channel_id": optional_id(state.channel_id),
        "user_id": str(state.user_id),
        "session_id": state.session_id,
        "self_mute": state.self_mute,
        "self_deaf": state.self_deaf,
        "self_video": False,
        "self_stream": False,
        "suppress": state.suppress,
        "request_to_speak_timestamp": None,
        "mute": False,
        "deaf": False,
    }
    if member is not None:
        payload |= {"member": member_payload(member), "mute": member.mute, "deaf": member.deaf}
    return payload


def optional_id(snowflake: int | None) -> str | None:
    """Return the identifier as JSON carries it, or None."""
    return None if snowflake is None else str(snowflake)
