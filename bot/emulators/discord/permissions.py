"""Discord's permission bits, and how roles and overwrites of a channel make what a member may do there."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """The bits in use here (https://discord.com/developers/docs/topics/permissions)."""

    NONE = 0
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38
    SEND_VOICE_MESSAGES = 1 << 46
    SET_VOICE_CHANNEL_STATUS = 1 << 48
    USE_EXTERNAL_APPS = 1 << 50


EVERYTHING = (1 << 53) - 1  # what an administrator or owner holds

EVERYONE = (
    Permission.ADD_REACTIONS
    | Permission.STREAM
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.CONNECT
    | Permission.SPEAK
    | Permission.USE_VAD
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.REQUEST_TO_SPEAK
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.SEND_VOICE_MESSAGES
    | Permission.USE_EXTERNAL_APPS
)  # what @everyone holds in a new guild, of the bits above

BOT = EVERYONE | Permission.SET_VOICE_CHANNEL_STATUS  # the bot's own role, as its invite link asks


@dataclass
class Overwrite:
    """What a channel allows and denies one role or member, over what the guild says."""

    target_id: int
    is_member: bool
    allow: int = 0
    deny: int = 0


def in_channel(
    base: int, *, guild_id: int, member_id: int, role_ids: Iterable[int], overwrites: Iterable[Overwrite]
) -> int:
    """Return the permissions in a channel, given those in the guild, in the order that Discord documents.

    Overwrites apply for @everyone (whose role has the guild's id), then for all other roles at once, then
    for the member.
    """
    if base & Permission.ADMINISTRATOR:
        return EVERYTHING
    found = {(over.target_id, over.is_member): over for over in overwrites}
    everyone = found.get((guild_id, False))
    roles = [found[role_id, False] for role_id in role_ids if (role_id, False) in found]
    own = found.get((member_id, True))
    allowed = base
    for group in ([everyone] if everyone else [], roles, [own] if own else []):
        for over in group:
            allowed &= ~over.deny
        for over in group:
            allowed |= over.allow
    return allowed
