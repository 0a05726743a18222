"""What was said in calls, as long as each guild keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Double, Index, Integer, Table, Text, delete, func, insert, select

from bot.storage.database import Database
from bot.storage.tables import METADATA

MOST = 10_000  # utterances of a call that are given out: a day of talk

utterances = Table(
    "utterances",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("call_id", Text, nullable=False, index=True),
    # When it began.
    Column("at", Double, nullable=False),
    # NULL: the bot.
    Column("user_id", BigInteger),
    # As the person was called then.
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_utterances_guild_id_at", "guild_id", "at"),
)


@dataclass(frozen=True)
class Utterance:
    """What one person, or the bot, said without a break."""

    at: float
    """When it began, Unix seconds."""
    user_id: int | None
    """None for the bot."""
    name: str
    text: str


class TranscriptStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, guild_id: int, call_id: str, said: Sequence[Utterance]) -> None:
        """Add what was said in a call, all or nothing."""
        if not said:
            return
        rows = [{"guild_id": guild_id, "call_id": call_id, **each.__dict__} for each in said]
        async with self._database.writing() as connection:
            await connection.execute(insert(utterances), rows)

    async def calls(self, guild_id: int, most: int = 25) -> list[tuple[str, float]]:
        """Return the ids of a guild's newest calls, and when something was first said in them."""
        began = func.min(utterances.c.at)
        query = select(utterances.c.call_id, began).where(utterances.c.guild_id == guild_id)
        query = query.group_by(utterances.c.call_id).order_by(began.desc()).limit(most)
        async with self._database.reading() as connection:
            return [(call_id, at) for call_id, at in await connection.execute(query)]

    async def of_call(self, guild_id: int, call_id: str) -> list[Utterance]:
        """Return what was said in a call, in order."""
        columns = (utterances.c.at, utterances.c.user_id, utterances.c.name, utterances.c.text)
        query = select(*columns).where(utterances.c.guild_id == guild_id, utterances.c.call_id == call_id)
        query = query.order_by(utterances.c.at, utterances.c.id).limit(MOST)
        async with self._database.reading() as connection:
            return [Utterance(**row) for row in (await connection.execute(query)).mappings()]

    async def forget_before(self, guild_id: int, until: float) -> None:
        """Delete what was said in a guild before then, from the disk too.

        Where a guild shortens how long it keeps that, this is called at once; with infinity nothing stays.
        """
        old = (utterances.c.guild_id == guild_id, utterances.c.at < until)
        async with self._database.deleting() as connection:
            await connection.execute(delete(utterances).where(*old))

    async def guilds(self) -> set[int]:
        """Return the guilds of which something is kept."""
        async with self._database.reading() as connection:
            return set((await connection.execute(select(utterances.c.guild_id).distinct())).scalars())
