"""REST routes about the bot itself, guilds, members and voice states."""

import time

from bot.emulators.discord.errors import RestError, missing_access, missing_permissions, too_long, unknown
from bot.emulators.discord.limits import Rate
from bot.emulators.discord.model import Guild, Json, Member
from bot.emulators.discord.payloads import (
    channel_payload,
    guild_payload,
    member_payload,
    own_user_payload,
    role_payload,
    user_payload,
    voice_state_payload,
)
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.rest import Answer, Call, Route

NICK_LIMIT = 32


def _own_user(call: Call) -> Answer:
    return Answer(200, own_user_payload(call.world.bot))


def _user(call: Call) -> Answer:
    user = call.world.places.users.get(call.id("user_id"))
    if user is None:
        raise unknown("User", 10013)
    return Answer(200, user_payload(user))


def _application(call: Call) -> Answer:
    bot, places = call.world.bot, call.world.places
    owner = places.users[call.world.guild.owner_id]
    flags = call.gateway.application_flags
    return Answer(
        200,
        {
            "id": str(bot.id),
            "name": bot.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": user_payload(bot) | {"primary_guild": None},
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": flags,
            "flags_new": str(flags),
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": user_payload(owner),
            "approximate_guild_count": sum(bot.id in guild.members for guild in places.guilds.values()),
            "approximate_user_install_count": sum(user.installed for user in places.users.values()),
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": ["bot", "applications.commands"],
            "integration_types_config": {"0": {}, "1": {}},
        },
    )


def _gateway(call: Call) -> Answer:
    return Answer(200, {"url": "wss://gateway.discord.gg"})


def _gateway_bot(call: Call) -> Answer:
    knobs = call.gateway.knobs
    remaining = call.gateway.pace.remaining(time.monotonic(), knobs.identifies_a_day)
    limit: Json = {
        "total": knobs.identifies_a_day,
        "remaining": remaining,
        "reset_after": 86_400_000,
        "max_concurrency": knobs.max_concurrency,
    }
    return Answer(200, {"url": "wss://gateway.discord.gg", "shards": 1, "session_start_limit": limit})


def _guild_of(call: Call) -> Guild:
    guild = call.world.places.guilds.get(call.id("guild_id"))
    if guild is None:
        raise unknown("Guild", 10004)
    if call.world.bot.id not in guild.members:
        raise missing_access()
    return guild


def _member_of(call: Call, guild: Guild, user_id: int) -> Member:
    if user_id not in call.world.places.users:
        raise unknown("User", 10013)
    if user_id not in guild.members:
        raise unknown("Member", 10007)
    return guild.members[user_id]


def _get_guild(call: Call) -> Answer:
    guild = _guild_of(call)
    payload = guild_payload(guild)
    if call.query.get("with_counts", "").lower() in ("1", "true"):
        counts = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
        payload |= counts
    return Answer(200, payload)


def _own_guilds(call: Call) -> Answer:
    guilds: list[Json] = [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(call.world.places.base_permissions(guild, call.world.bot.id)),
            "features": [],
        }
        for guild in call.world.places.guilds.values()
        if call.world.bot.id in guild.members
    ]
    return Answer(200, guilds)


def _guild_channels(call: Call) -> Answer:
    return Answer(200, [channel_payload(channel) for channel in _guild_of(call).channels.values()])


def _guild_roles(call: Call) -> Answer:
    return Answer(200, [role_payload(role) for role in _guild_of(call).roles.values()])


def _member(call: Call) -> Answer:
    return Answer(200, member_payload(_member_of(call, _guild_of(call), call.id("user_id"))))


def _members(call: Call) -> Answer:
    """List members; without the intent, of which nobody is granted any here, that is refused."""
    _guild_of(call)
    raise missing_access()


def _edit_self(call: Call) -> Answer:
    guild = _guild_of(call)
    member = guild.members[call.world.bot.id]
    if "nick" in call.json:
        _require(call, guild, Permission.CHANGE_NICKNAME)
        _set_nick(call, guild, member)
    return Answer(200, member_payload(member))


def _require(call: Call, guild: Guild, permission: Permission) -> None:
    if not call.world.places.base_permissions(guild, call.world.bot.id) & permission:
        raise missing_permissions()


def _set_nick(call: Call, guild: Guild, member: Member) -> None:
    nick = call.json["nick"] or None
    if nick is not None and len(nick) > NICK_LIMIT:
        raise too_long("nick", NICK_LIMIT)
    member.nick = nick
    call.world.places.member_changed(guild, member)


def _edit_member(call: Call) -> Answer:
    """Edit a member: nickname, mute, deafen, move to another voice channel or out of voice."""
    guild = _guild_of(call)
    member = _member_of(call, guild, call.id("user_id"))
    if "nick" in call.json:
        _require(call, guild, Permission.MANAGE_NICKNAMES)
        _set_nick(call, guild, member)
    for key, permission in (("mute", Permission.MUTE_MEMBERS), ("deaf", Permission.DEAFEN_MEMBERS)):
        if key in call.json:
            _require(call, guild, permission)
            _silence(call, guild, member, key)
    if "channel_id" in call.json:
        _require(call, guild, Permission.MOVE_MEMBERS)
        _move(call, guild, member)
    return Answer(200, member_payload(member))


def _silence(call: Call, guild: Guild, member: Member, key: str) -> None:
    _require_voice(guild, member)
    said = {"mute": None, "deaf": None} | {key: bool(call.json[key])}
    call.world.voices.silence_in(guild, member.user.id, **said)


def _require_voice(guild: Guild, member: Member) -> None:
    if member.user.id not in guild.voice_states:
        raise RestError(400, 40032, "Target user is not connected to voice.")


def _move(call: Call, guild: Guild, member: Member) -> None:
    _require_voice(guild, member)
    if call.json["channel_id"] is None:
        call.world.kick_from_voice(member.user.id)
    else:
        call.world.move(member.user.id, int(call.json["channel_id"]))


def _voice_state(call: Call) -> Answer:
    guild = _guild_of(call)
    name = call.params["user_id"]
    user_id = call.world.bot.id if name == "@me" else call.id("user_id")
    state = guild.voice_states.get(user_id)
    if state is None:
        raise unknown("Voice State", 10065)
    return Answer(200, voice_state_payload(state, guild.members[user_id]))


def _edit_own_voice_state(call: Call) -> Answer:
    """Become a speaker of a stage, or part of its audience."""
    guild = _guild_of(call)
    bot_id = call.world.bot.id
    state = guild.voice_states.get(bot_id)
    if state is None or state.channel_id is None:
        raise unknown("Voice State", 10065)
    suppress = call.json.get("suppress")
    if suppress is not None:
        channel = call.world.places.channel(state.channel_id)
        if not suppress and not call.world.places.can(bot_id, channel, Permission.MUTE_MEMBERS):
            raise missing_permissions()
        call.world.voices.set_suppress(bot_id, guild.id, suppress=bool(suppress))
    return Answer(204)


ROUTES = (
    Route("GET", "/users/@me", _own_user),
    Route("GET", "/users/@me/guilds", _own_guilds),
    Route("GET", "/users/{user_id}", _user),
    Route("GET", "/applications/@me", _application),
    Route("GET", "/oauth2/applications/@me", _application),
    Route("GET", "/gateway", _gateway),
    Route("GET", "/gateway/bot", _gateway_bot, Rate(2, 5.0)),
    Route("GET", "/guilds/{guild_id}", _get_guild),
    Route("GET", "/guilds/{guild_id}/channels", _guild_channels),
    Route("GET", "/guilds/{guild_id}/roles", _guild_roles),
    Route("GET", "/guilds/{guild_id}/members", _members),
    Route("PATCH", "/guilds/{guild_id}/members/@me", _edit_self, Rate(10, 10.0)),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", _member, Rate(5, 1.0)),
    Route("PATCH", "/guilds/{guild_id}/members/{user_id}", _edit_member, Rate(10, 10.0)),
    Route("PATCH", "/guilds/{guild_id}/voice-states/@me", _edit_own_voice_state),
    Route("GET", "/guilds/{guild_id}/voice-states/{user_id}", _voice_state),
)
