"""What the emulated Discord holds: plain data without behaviour of the wire."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from typing import Any, TypeAlias

from bot.emulators.discord.permissions import Overwrite
from bot.emulators.discord.snowflakes import snowflake_time

Json: TypeAlias = dict[str, Any]
"""An object as it stands in a request, an answer or a gateway message."""


class ChannelType(IntEnum):
    """The kinds of channels that exist here."""

    TEXT = 0
    DM = 1
    VOICE = 2
    GROUP = 3
    CATEGORY = 4
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13


MIB = 1024 * 1024
FILE_LIMIT = 10 * MIB  # bytes, in a guild without boosts, and in a direct channel
BOOSTED_FILE_LIMITS = {2: 50 * MIB, 3: 100 * MIB}  # by the guild's tier
PERSON_FILE_LIMIT = 500 * MIB  # people here have Nitro

THREADS = (ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD)
VOICE_LIKE = (ChannelType.VOICE, ChannelType.STAGE)


class MessageFlag(IntFlag):
    """The bits of a message's `flags` in use here."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    VOICE_MESSAGE = 1 << 13
    COMPONENTS_V2 = 1 << 15


class MessageType(IntEnum):
    """The kinds of messages that exist here."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23


@dataclass
class EmulatedUser:
    """An account: a person's, or the bot's."""

    id: int
    name: str
    bot: bool = False
    installed: bool = False
    """Whether this person has the app on their account, and so with them wherever they are."""
    takes_direct: bool = True
    """Whether direct messages of the bot are let through."""


@dataclass
class Role:
    """A role; the one whose id is the guild's is @everyone."""

    id: int
    name: str
    permissions: int
    position: int = 0
    managed_by_bot: int | None = None


@dataclass
class Member:
    """An account within a guild."""

    user: EmulatedUser
    joined_at: datetime
    role_ids: list[int] = field(default_factory=list)
    nick: str | None = None
    mute: bool = False
    deaf: bool = False


@dataclass
class Channel:
    """A channel of a guild; else (`guild_id` is None) a direct one with the bot, or one between people."""

    id: int
    type: ChannelType
    name: str
    guild_id: int | None
    position: int = 0
    overwrites: list[Overwrite] = field(default_factory=list)
    topic: str | None = None
    user_limit: int = 0
    bitrate: int = 64_000
    rtc_region: str | None = None
    status: str | None = None
    recipient: EmulatedUser | None = None
    """Whose direct channel with the bot it is."""
    people: tuple[EmulatedUser, ...] = ()
    """Who is in a private channel that the bot is not in; the first made it."""
    parent_id: int | None = None
    """Of a thread: the channel that it hangs on."""
    owner_id: int | None = None
    """Of a thread: who made it."""
    joined: dict[int, datetime] = field(default_factory=dict)
    """Of a thread: who is in it, by user id, and since when."""
    last_message_id: int | None = None


@dataclass
class VoiceState:
    """Where someone is connected to voice; `channel_id` None says that they just left."""

    user_id: int
    guild_id: int
    channel_id: int | None
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    suppress: bool = False


@dataclass
class Guild:
    """A server with its members, roles, channels and who is in voice."""

    id: int
    name: str
    owner_id: int
    joined_at: datetime
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Channel] = field(default_factory=dict)
    voice_states: dict[int, VoiceState] = field(default_factory=dict)
    tier: int = 0
    """How far it is boosted, 0 to 3."""
    system_channel_id: int | None = None
    """Where Discord itself says who came."""

    @property
    def file_limit(self) -> int:
        """The most bytes that a file of a bot may have there."""
        return BOOSTED_FILE_LIMITS.get(self.tier, FILE_LIMIT)


@dataclass(frozen=True)
class Upload:
    """A file that someone sends along; its type is guessed from the name, as Discord does."""

    filename: str
    data: bytes
    description: str | None = None
    duration_secs: float | None = None
    waveform: str | None = None


@dataclass(frozen=True)
class Attachment:
    """A file that the emulated CDN serves."""

    id: int
    channel_id: int
    filename: str
    data: bytes = field(repr=False)
    content_type: str | None
    description: str | None = None
    duration_secs: float | None = None
    waveform: str | None = None
    ephemeral: bool = False
    size: tuple[int, int] | None = None
    """Width and height in pixels, where it is a picture whose header tells."""


@dataclass(frozen=True)
class Origin:
    """Which interaction a message answers."""

    interaction_id: int
    type: int
    name: str
    user: EmulatedUser
    owners: dict[str, str]
    """Who let the app in: its authorizing_integration_owners."""
    target_message_id: int | None = None
    interacted_message_id: int | None = None


@dataclass
class Message:
    """A message as everyone (or, ephemeral, one person) sees it now."""

    id: int
    channel_id: int
    guild_id: int | None
    author: EmulatedUser
    content: str = ""
    type: MessageType = MessageType.DEFAULT
    flags: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    mentions: list[EmulatedUser] = field(default_factory=list)
    mention_role_ids: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reply_to: "Message | None" = None
    origin: Origin | None = None
    nonce: str | None = None
    edited_at: datetime | None = None
    reactions: dict[str, set[int]] = field(default_factory=dict)

    @property
    def created_at(self) -> datetime:
        """When it was posted."""
        return snowflake_time(self.id)

    @property
    def ephemeral(self) -> bool:
        """Whether only the person it answers can see it."""
        return bool(self.flags & MessageFlag.EPHEMERAL)

    @property
    def loading(self) -> bool:
        """Whether it still says that the bot is thinking."""
        return bool(self.flags & MessageFlag.LOADING)

    @property
    def text(self) -> str:
        """All that a person reads in it: the content, and the text components in their order."""
        return "\n".join(part for part in (self.content, *text_of(self.components)) if part)


def text_of(components: list[Json]) -> list[str]:
    """Return the contents of all text components, depth first."""
    return [part["content"] for part in walk(components) if part.get("type") == TEXT_DISPLAY]


TEXT_DISPLAY = 10


def walk(components: list[Json]) -> list[Json]:
    """Return all components, the nested ones after the one they are in; section accessories included."""
    found: list[Json] = []
    for component in components:
        found.append(component)
        found += walk(component.get("components") or [])
        inner = [component[key] for key in ("accessory", "component") if isinstance(component.get(key), dict)]
        found += walk(inner)
    return found
