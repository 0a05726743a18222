"""The guild, its channels, its people and what they may do there; every change is told on the bus."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.events import Bus, Event
from bot.emulators.discord.model import (
    FILE_LIMIT,
    THREADS,
    Channel,
    ChannelType,
    EmulatedUser,
    Guild,
    Json,
    Member,
    Role,
)
from bot.emulators.discord.payloads import (
    channel_payload,
    guild_create_payload,
    guild_payload,
    member_payload,
    role_payload,
)
from bot.emulators.discord.permissions import BOT, EVERYONE, EVERYTHING, Overwrite, Permission, in_channel
from bot.emulators.discord.snowflakes import Snowflakes

BOT_NAME = "Earshot"


class Places:
    """Guilds, channels, accounts, roles and permissions."""

    def __init__(self, bus: Bus, snowflakes: Snowflakes) -> None:
        self.bus = bus
        self.snowflakes = snowflakes
        self.users: dict[int, EmulatedUser] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.bot = self._add_account(BOT_NAME, bot=True)
        self._direct: dict[int, Channel] = {}

    def _add_account(self, name: str, *, bot: bool = False) -> EmulatedUser:
        user = EmulatedUser(self.snowflakes.next(), name, bot)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, with_bot: bool = True) -> Guild:
        """Make a guild, owned by an account of its own; if the bot is in it, a connected one is told."""
        guild_id = self.snowflakes.next()
        owner = self._add_account(f"owner of {name}".lower().replace(" ", "_"))
        guild = Guild(guild_id, name, owner.id, datetime.now(UTC))
        guild.roles[guild_id] = Role(guild_id, "@everyone", EVERYONE)
        self.guilds[guild_id] = guild
        self._enrol(guild, owner)
        if with_bot:
            self.invite_bot(guild)
        return guild

    def invite_bot(self, guild: Guild) -> None:
        """Put the bot into a guild; a connected one is told."""
        role = Role(self.snowflakes.next(), BOT_NAME, BOT, position=1, managed_by_bot=self.bot.id)
        guild.roles[role.id] = role
        member = self._enrol(guild, self.bot)
        member.role_ids.append(role.id)
        threads = self.visible_threads(guild, self.bot.id)
        shown = guild_create_payload(guild, visible_members=[member], visible_threads=threads)
        del shown["unavailable"]  # as Discord tells a new guild from one that is back after an outage
        self.bus.publish(Event("GUILD_CREATE", shown, guild.id))

    def boost(self, guild: Guild, tier: int) -> None:
        """Set how far a guild is boosted, 0 to 3: larger files fit from 2 on."""
        guild.tier = tier
        self.bus.publish(Event("GUILD_UPDATE", guild_payload(guild), guild.id))

    def shares_guild(self, user_id: int) -> bool:
        """Return whether someone is in a guild with the bot."""
        return any(
            user_id in guild.members and self.bot.id in guild.members for guild in self.guilds.values()
        )

    def _enrol(self, guild: Guild, user: EmulatedUser) -> Member:
        member = Member(user, datetime.now(UTC))
        guild.members[user.id] = member
        return member

    def add_user(self, name: str, guild: Guild | None = None) -> EmulatedUser:
        """Make a person, a member of the given guild, or of the first where none is given."""
        home = guild or next(iter(self.guilds.values()))
        user = self._add_account(name)
        member = self._enrol(home, user)
        data = member_payload(member) | {"guild_id": str(home.id)}
        self.bus.publish(Event("GUILD_MEMBER_ADD", data, home.id))
        return user

    def add_channel(
        self,
        name: str,
        kind: ChannelType = ChannelType.TEXT,
        *,
        guild: Guild | None = None,
        user_limit: int = 0,
    ) -> Channel:
        """Make a channel in the given guild, or in the first where none is given."""
        home = guild or next(iter(self.guilds.values()))
        channel = Channel(
            self.snowflakes.next(), kind, name, home.id, position=len(home.channels), user_limit=user_limit
        )
        home.channels[channel.id] = channel
        self.channels[channel.id] = channel
        self.bus.publish(Event("CHANNEL_CREATE", channel_payload(channel), home.id))
        return channel

    def add_private(self, people: Iterable[EmulatedUser], name: str | None) -> Channel:
        """Make a channel between people, without the bot: with a name a group, else for two of them."""
        kind = ChannelType.DM if name is None else ChannelType.GROUP
        channel = Channel(self.snowflakes.next(), kind, name or "", None, people=tuple(people))
        self.channels[channel.id] = channel
        return channel

    def channel_changed(self, channel: Channel) -> None:
        """Tell that a channel was edited."""
        self.bus.publish(Event("CHANNEL_UPDATE", channel_payload(channel), channel.guild_id))

    def remove_channel(self, channel: Channel) -> None:
        """Delete a channel of a guild; who was in voice there must have been disconnected before."""
        guild = self.guild_of(channel)
        for thread in [one for one in guild.threads.values() if one.parent_id == channel.id]:
            self.remove_channel(thread)
        is_thread = channel.type in THREADS
        hidden = is_thread and not self.can(self.bot.id, channel)
        del self.channels[channel.id]
        del (guild.threads if is_thread else guild.channels)[channel.id]
        if hidden:
            return
        name = "THREAD_DELETE" if is_thread else "CHANNEL_DELETE"
        self.bus.publish(Event(name, channel_payload(channel), channel.guild_id))

    def direct_channel(self, user: EmulatedUser) -> Channel:
        """Return the direct channel between the bot and a person, made when first asked for."""
        if user.id not in self._direct:
            channel = Channel(self.snowflakes.next(), ChannelType.DM, user.name, None, recipient=user)
            self._direct[user.id] = self.channels[channel.id] = channel
            self.bus.publish(Event("CHANNEL_CREATE", channel_payload(channel), to_user=self.bot.id))
        return self._direct[user.id]

    def user(self, user_id: int) -> EmulatedUser:
        """Return the account, or raise ActError."""
        try:
            return self.users[user_id]
        except KeyError:
            raise ActError(f"there is no user {user_id}") from None

    def channel(self, channel_id: int) -> Channel:
        """Return the channel, or raise ActError."""
        try:
            return self.channels[channel_id]
        except KeyError:
            raise ActError(f"there is no channel {channel_id}") from None

    def guild_of(self, channel: Channel) -> Guild:
        """Return the guild of a channel, or raise ActError for a direct one."""
        if channel.guild_id is None:
            raise ActError("a direct channel is in no guild")
        return self.guilds[channel.guild_id]

    def member(self, guild: Guild, user_id: int) -> Member:
        """Return the member, or raise ActError."""
        try:
            return guild.members[user_id]
        except KeyError:
            raise ActError(f"user {user_id} is not in {guild.name}") from None

    def base_permissions(self, guild: Guild, user_id: int) -> int:
        """Return what the member's roles give in the guild as a whole."""
        if user_id == guild.owner_id:
            return EVERYTHING
        granted = guild.roles[guild.id].permissions
        for role_id in self.member(guild, user_id).role_ids:
            granted |= guild.roles[role_id].permissions
        return EVERYTHING if granted & Permission.ADMINISTRATOR else granted

    def permissions(self, user_id: int, channel: Channel) -> int:
        """Return what someone may do in a channel; in a direct or private one, all that makes sense there."""
        if channel.guild_id is None:
            inside = (channel.recipient, self.bot) if channel.recipient is not None else channel.people
            return EVERYONE if any(user.id == user_id for user in inside if user is not None) else 0
        if channel.parent_id is not None:
            held = self.permissions(user_id, self.channel(channel.parent_id))
            private = channel.type is ChannelType.PRIVATE_THREAD and user_id not in channel.joined
            return 0 if private and not held & Permission.MANAGE_THREADS else held
        guild = self.guild_of(channel)
        if user_id not in guild.members:
            return 0
        base = self.base_permissions(guild, user_id)
        if base == EVERYTHING:
            return EVERYTHING
        roles = self.member(guild, user_id).role_ids
        return in_channel(
            base, guild_id=guild.id, member_id=user_id, role_ids=roles, overwrites=channel.overwrites
        )

    def can(self, user_id: int, channel: Channel, *needed: Permission) -> bool:
        """Return whether someone holds all the permissions in a channel, and can see it at all."""
        held = self.permissions(user_id, channel)
        if channel.type in THREADS:
            in_thread = {Permission.SEND_MESSAGES: Permission.SEND_MESSAGES_IN_THREADS}
            needed = tuple(in_thread.get(bit, bit) for bit in needed)
        return all(held & bit for bit in (Permission.VIEW_CHANNEL, *needed))

    def visible_threads(self, guild: Guild, user_id: int) -> list[Channel]:
        """Return the threads of a guild that someone can see."""
        return [thread for thread in guild.threads.values() if self.can(user_id, thread)]

    def file_limit(self, channel: Channel) -> int:
        """Return the most bytes that a file of the bot may have in a channel."""
        return FILE_LIMIT if channel.guild_id is None else self.guild_of(channel).file_limit

    def set_permissions(self, channel_id: int, target_id: int, *, allow: int = 0, deny: int = 0) -> None:
        """Replace what a channel allows and denies a role (the guild's id is @everyone) or a member."""
        channel = self.channel(channel_id)
        is_member = target_id not in self.guild_of(channel).roles
        kept = [over for over in channel.overwrites if over.target_id != target_id]
        channel.overwrites = [*kept, Overwrite(target_id, is_member, int(allow), int(deny))]
        self.channel_changed(channel)

    def set_role_permissions(self, guild: Guild, role_id: int, permissions: int) -> None:
        """Replace what a role gives in the whole guild."""
        role = guild.roles[role_id]
        role.permissions = int(permissions)
        data: Json = {"guild_id": str(guild.id), "role": role_payload(role)}
        self.bus.publish(Event("GUILD_ROLE_UPDATE", data, guild.id))

    def member_changed(self, guild: Guild, member: Member) -> None:
        """Tell that a member was edited; an account is told of itself whatever its intents."""
        data = member_payload(member) | {"guild_id": str(guild.id)}
        only = member.user.id if member.user.bot else None
        self.bus.publish(Event("GUILD_MEMBER_UPDATE", data, guild.id, to_user=only))
