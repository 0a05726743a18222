"""Which commands Discord was last given, so that they are sent only when they changed."""

from sqlalchemy import select

from bot.storage.database import Database, upsert
from bot.storage.tables import command_sync


class CommandSyncStore:
    """Remembers a digest of the command tree for each application."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def digest(self, application_id: int) -> str | None:
        """Return the digest of what Discord has, None when it was given nothing yet. Raises StorageError."""
        query = select(command_sync.c.digest).where(command_sync.c.application_id == application_id)
        async with self._database.reading() as connection:
            digest: str | None = (await connection.execute(query)).scalar_one_or_none()
            return digest

    async def remember(self, application_id: int, digest: str) -> None:
        """Record what Discord was given. Raises StorageError."""
        async with self._database.writing() as connection:
            await upsert(connection, command_sync, {"application_id": application_id}, {"digest": digest})
