"""Which calls run, so that a bot that ended in the middle of one finds its way back."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Double, Integer, Table, bindparam, delete, select, update

from bot.storage.database import Database, upsert
from bot.storage.tables import METADATA

running_calls = Table(
    "running_calls",
    METADATA,
    # A guild has one call at most.
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    # NULL where nobody had it come from a text channel.
    Column("text_channel_id", BigInteger),
    # When it was last known to run.
    Column("seen_at", Double, nullable=False),
    # How often it was come back to, one return soon after the other, and when the last of these was.
    Column("returns", Integer, nullable=False, server_default="0"),
    Column("returned_at", Double),
)


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call that ran when it was last seen."""

    guild_id: int
    channel_id: int
    text_channel_id: int | None
    """Where it was asked for."""
    seen_at: float
    """When it was last known to run, Unix seconds."""
    returns: int = 0
    """How often it was come back to, one return soon after the other."""
    returned_at: float | None = None
    """When the last of these returns was, Unix seconds."""


class RunningStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def began(self, guild_id: int, channel_id: int, text_channel_id: int | None, now: float) -> None:
        """Record that a call runs, in place of the guild's last one; how often that was returned to stays."""
        values = {"channel_id": channel_id, "text_channel_id": text_channel_id, "seen_at": now}
        async with self._database.writing() as connection:
            await upsert(connection, running_calls, {"guild_id": guild_id}, values)

    async def alive(self, guild_ids: Iterable[int], now: float) -> None:
        """Record that these guilds' calls still run; a call that has ended meanwhile stays ended."""
        seen = [{"guild": guild_id} for guild_id in guild_ids]
        if not seen:
            return
        row = running_calls.c.guild_id == bindparam("guild")
        async with self._database.writing() as connection:
            await connection.execute(update(running_calls).where(row).values(seen_at=now), seen)

    async def returned(self, guild_id: int, returns: int, now: float) -> None:
        """Record how often a guild's call was come back to, the last time now."""
        row = running_calls.c.guild_id == guild_id
        async with self._database.writing() as connection:
            await connection.execute(
                update(running_calls).where(row).values(returns=returns, returned_at=now)
            )

    async def ended(self, guild_id: int) -> None:
        """Record that a guild has no call any more."""
        async with self._database.writing() as connection:
            await connection.execute(delete(running_calls).where(running_calls.c.guild_id == guild_id))

    async def since(self, until: float) -> list[RunningCall]:
        """Return the calls that were seen after then, in Unix seconds, the last seen first."""
        query = select(running_calls).where(running_calls.c.seen_at > until)
        query = query.order_by(running_calls.c.seen_at.desc(), running_calls.c.guild_id)
        async with self._database.reading() as connection:
            return [RunningCall(**row) for row in (await connection.execute(query)).mappings()]
