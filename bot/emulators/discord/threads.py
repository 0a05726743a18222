"""Threads on text channels: public ones, and private ones that only their members see."""

from datetime import UTC, datetime

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.events import Event
from bot.emulators.discord.model import THREADS, Channel, ChannelType, EmulatedUser, Json
from bot.emulators.discord.payloads import channel_payload, thread_member_payload
from bot.emulators.discord.places import Places


class Threads:
    """Makes threads and says who is in them; of what it can't see, the bot is told nothing."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def add(self, parent: Channel, name: str, owner: EmulatedUser, *, private: bool = False) -> Channel:
        """Make a thread on a text channel, with whoever made it in it."""
        kind = ChannelType.PRIVATE_THREAD if private else ChannelType.PUBLIC_THREAD
        if parent.type is not ChannelType.TEXT:
            raise ActError(f"#{parent.name} takes no threads")
        thread = Channel(
            self._places.snowflakes.next(),
            kind,
            name,
            parent.guild_id,
            parent_id=parent.id,
            owner_id=owner.id,
            joined={owner.id: datetime.now(UTC)},
        )
        self._places.guild_of(parent).threads[thread.id] = thread
        self._places.channels[thread.id] = thread
        self._tell("THREAD_CREATE", thread, channel_payload(thread) | {"newly_created": True})
        return thread

    def admit(self, thread: Channel, user: EmulatedUser) -> None:
        """Add a member; one that is in it already stays."""
        guild = self._places.guild_of(_checked(thread))
        member = self._places.member(guild, user.id)
        if user.id in thread.joined:
            return
        thread.joined[user.id] = datetime.now(UTC)
        added = thread_member_payload(thread, user.id)
        if user is self._places.bot:
            self._tell("THREAD_CREATE", thread, channel_payload(thread) | {"member": added})
        self._tell_members(thread, user, added_members=[thread_member_payload(thread, user.id, member)])

    def dismiss(self, thread: Channel, user: EmulatedUser) -> None:
        """Take a member out; who is not in it is not missed."""
        if _checked(thread).joined.pop(user.id, None) is not None:
            self._tell_members(thread, user, removed_member_ids=[str(user.id)])

    def _tell_members(self, thread: Channel, user: EmulatedUser, **change: list[Json] | list[str]) -> None:
        """Tell who came or went: a bot of itself, and of others only with the Guild Members intent."""
        count = {"member_count": len(thread.joined)}
        data: Json = {"id": str(thread.id), "guild_id": str(thread.guild_id), **count, **change}
        if user is self._places.bot:
            event = Event("THREAD_MEMBERS_UPDATE", data, thread.guild_id, to_user=user.id)
            self._places.bus.publish(event)
        else:
            self._tell("THREAD_MEMBERS_UPDATE", thread, data)

    def _tell(self, name: str, thread: Channel, data: Json) -> None:
        if self._places.can(self._places.bot.id, thread):
            self._places.bus.publish(Event(name, data, thread.guild_id))


def _checked(channel: Channel) -> Channel:
    if channel.type not in THREADS:
        raise ActError(f"#{channel.name} is no thread")
    return channel
