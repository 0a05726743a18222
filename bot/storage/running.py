"""The calls that run, so that the bot comes back to them after a restart."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Double, Table, Text, delete, select, update

from bot.storage.database import Database, upsert
from bot.storage.tables import METADATA

running_calls = Table(
    "running_calls",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    # Where the call is spoken of; NULL for the voice channel's own chat.
    Column("text_channel_id", BigInteger),
    Column("call_id", Text, nullable=False),
    # When the call was known to run, Unix seconds.
    Column("seen_at", Double, nullable=False),
)


@dataclass(frozen=True)
class RunningCall:
    """A call that ran, or runs."""

    guild_id: int
    channel_id: int
    text_channel_id: int | None
    call_id: str
    seen_at: float


class RunningCallStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def began(self, call: RunningCall) -> None:
        """Record a call, in place of the guild's last one."""
        values = {name: value for name, value in call.__dict__.items() if name != "guild_id"}
        async with self._database.writing() as connection:
            await upsert(connection, running_calls, {"guild_id": call.guild_id}, values)

    async def seen(self, guild_ids: list[int], at: float) -> None:
        """Record that these guilds' calls run at that time."""
        theirs = update(running_calls).where(running_calls.c.guild_id.in_(guild_ids))
        async with self._database.writing() as connection:
            await connection.execute(theirs.values(seen_at=at))

    async def ended(self, guild_id: int) -> None:
        """Forget a call that ended as it should."""
        async with self._database.writing() as connection:
            await connection.execute(delete(running_calls).where(running_calls.c.guild_id == guild_id))

    async def since(self, at: float) -> list[RunningCall]:
        """Return the calls that ran at that time or later, and forget the others."""
        async with self._database.writing() as connection:
            await connection.execute(delete(running_calls).where(running_calls.c.seen_at < at))
            rows = await connection.execute(select(running_calls))
            return [RunningCall(**row) for row in rows.mappings()]
