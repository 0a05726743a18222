"""What people asked the bot to remember, for their guild."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Double, Table, Text, delete, func, select

from bot.storage.database import Database, upsert
from bot.storage.tables import METADATA

MOST = 200  # of a guild: all can be read to the model

notes = Table(
    "notes",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("text", Text, nullable=False),
    # Whose words they are.
    Column("user_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)


@dataclass(frozen=True)
class Note:
    """A note of a guild."""

    name: str
    text: str
    user_id: int
    at: float
    """Unix seconds."""


class NoteStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, guild_id: int, note: Note) -> bool:
        """Keep a note, in place of one of its name; return False where the guild has as many as it may."""
        key = {"guild_id": guild_id, "name": note.name}
        values = {"text": note.text, "user_id": note.user_id, "at": note.at}
        others = select(func.count()).where(notes.c.guild_id == guild_id, notes.c.name != note.name)
        async with self._database.writing() as connection:
            if (await connection.execute(others)).scalar_one() >= MOST:
                return False
            await upsert(connection, notes, key, values)
        return True

    async def all(self, guild_id: int) -> list[Note]:
        """Return a guild's notes, the newest first."""
        columns = (column for column in notes.c if column.name != "guild_id")
        query = select(*columns).where(notes.c.guild_id == guild_id).order_by(notes.c.at.desc())
        async with self._database.reading() as connection:
            return [Note(**row) for row in (await connection.execute(query)).mappings()]

    async def forget(self, guild_id: int, name: str) -> bool:
        """Delete a note; return whether there was one."""
        gone = delete(notes).where(notes.c.guild_id == guild_id, notes.c.name == name)
        async with self._database.writing() as connection:
            return bool((await connection.execute(gone)).rowcount)
