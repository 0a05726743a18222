"""The JSON Schemas that guilds keep, by their names."""

import time

from sqlalchemy import BigInteger, Column, Double, Table, Text, delete, func, select

from bot.storage.database import Database, upsert
from bot.storage.tables import METADATA

guild_schemas = Table(
    "guild_schemas",
    METADATA,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    # As JSON.
    Column("schema", Text, nullable=False),
    # Who and when is for the operator, who may be asked.
    Column("added_by", BigInteger, nullable=False),
    Column("added_at", Double, nullable=False),
)

MOST = 50
"""That a guild may keep; each is at most about as large as a file that was read."""


class TooManyError(Exception):
    """The guild keeps as many schemas as it may."""


class SchemaStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, guild_id: int, name: str, schema: str, added_by: int) -> bool:
        """Keep a schema, as JSON, in place of one of the same name; return whether there was one.

        Raises TooManyError.
        """
        of_guild = guild_schemas.c.guild_id == guild_id
        named = select(guild_schemas.c.name).where(of_guild, guild_schemas.c.name == name)
        counted = select(func.count()).select_from(guild_schemas).where(of_guild)
        key = {"guild_id": guild_id, "name": name}
        values = {"schema": schema, "added_by": added_by, "added_at": time.time()}
        async with self._database.writing() as connection:
            replaced = (await connection.execute(named)).first() is not None
            if not replaced and (await connection.execute(counted)).scalar_one() >= MOST:
                raise TooManyError
            await upsert(connection, guild_schemas, key, values)
        return replaced

    async def find(self, guild_id: int, name: str) -> str | None:
        """Return a schema as JSON; None where there is none of that name."""
        query = select(guild_schemas.c.schema)
        query = query.where(guild_schemas.c.guild_id == guild_id, guild_schemas.c.name == name)
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def names(self, guild_id: int) -> list[str]:
        """Return what a guild keeps, in alphabetical order."""
        query = select(guild_schemas.c.name).where(guild_schemas.c.guild_id == guild_id)
        async with self._database.reading() as connection:
            return list((await connection.execute(query.order_by(guild_schemas.c.name))).scalars())

    async def remove(self, guild_id: int, name: str) -> bool:
        """Forget a schema; return whether there was one."""
        row = (guild_schemas.c.guild_id == guild_id, guild_schemas.c.name == name)
        async with self._database.writing() as connection:
            return (await connection.execute(delete(guild_schemas).where(*row))).rowcount > 0
