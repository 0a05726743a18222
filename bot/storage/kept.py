"""What is kept of one person in one guild, for the person to see."""

from dataclasses import dataclass

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from bot.storage.answers import answers
from bot.storage.consents import NEVER
from bot.storage.database import Database
from bot.storage.notes import notes
from bot.storage.tables import consents
from bot.storage.transcripts import utterances


@dataclass(frozen=True, slots=True)
class Kept:
    """How much there is; times are Unix seconds."""

    given_at: float | None
    """When the person agreed to be heard, None for never."""
    withdrawn_at: float | None
    """When the person objected, None where that does not hold."""
    utterances: int
    answers: int
    notes: int
    """That the person told."""


class KeptStore:
    """The queries over all tables that name people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, guild_id: int, user_id: int, now: float) -> Kept:
        """Return what is kept of a person in a guild. Raises StorageError."""
        query = select(consents.c.given_at, consents.c.withdrawn_at)
        query = query.where(consents.c.guild_id == guild_id, consents.c.user_id == user_id)
        async with self._database.reading() as connection:
            consent = (await connection.execute(query)).one_or_none()
            given_at = None if consent is None or consent.given_at == NEVER else consent.given_at
            return Kept(
                given_at=given_at,
                withdrawn_at=None if consent is None else consent.withdrawn_at,
                utterances=await _count(connection, utterances, guild_id, user_id),
                answers=await _count(connection, answers, guild_id, user_id, answers.c.until > now),
                notes=await _count(connection, notes, guild_id, user_id),
            )


async def _count(
    connection: AsyncConnection, table: Table, guild_id: int, user_id: int, *further: ColumnElement[bool]
) -> int:
    theirs = (table.c.guild_id == guild_id, table.c.user_id == user_id, *further)
    query = select(func.count()).select_from(table).where(*theirs)
    return (await connection.execute(query)).scalar_one()
