"""What the media requests leave: leases on files that lie at Google, and what was used."""

import time

from sqlalchemy import BigInteger, Column, Double, Integer, Table, Text, delete, insert, select, update

from bot.storage.database import Database
from bot.storage.tables import METADATA

file_leases = Table(
    "file_leases",
    METADATA,
    # The remote file, as in files/NAME; written before it is uploaded, so that a crash leaves none unknown.
    Column("name", Text, primary_key=True),
    Column("holder", Text, primary_key=True),
    # Of the bytes as uploaded, hexadecimal.
    Column("sha256", Text, nullable=False),
    Column("until", Double, nullable=False),
)

usage = Table(
    "usage",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    # NULL in direct messages.
    Column("guild_id", BigInteger, index=True),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("model", Text, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("thought_tokens", BigInteger, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    # US dollars, estimated; NULL where the model's price is not known.
    Column("cost_usd", Double),
)


class MediaStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, name: str, holder: str, sha256: str, until: float) -> None:
        """Record that `holder` needs the remote file `name` until then (Unix seconds)."""
        row = insert(file_leases).values(name=name, holder=holder, sha256=sha256, until=until)
        async with self._database.writing() as connection:
            await connection.execute(row)

    async def extend(self, name: str, holder: str, until: float) -> None:
        """Set a lease's end."""
        row = (file_leases.c.name == name, file_leases.c.holder == holder)
        async with self._database.writing() as connection:
            await connection.execute(update(file_leases).where(*row).values(until=until))

    async def release(self, name: str, holder: str) -> None:
        """Forget one lease, where others remain."""
        row = (file_leases.c.name == name, file_leases.c.holder == holder)
        async with self._database.writing() as connection:
            await connection.execute(delete(file_leases).where(*row))

    async def forget(self, name: str) -> None:
        """Forget a remote file that is gone, with every lease on it."""
        async with self._database.writing() as connection:
            await connection.execute(delete(file_leases).where(file_leases.c.name == name))

    async def leased(self) -> set[str]:
        """Return the names of the remote files that may exist."""
        async with self._database.reading() as connection:
            return set((await connection.execute(select(file_leases.c.name).distinct())).scalars())

    async def record_usage(
        self,
        *,
        guild_id: int | None,
        user_id: int,
        model: str,
        prompt_tokens: int,
        output_tokens: int,
        thought_tokens: int,
        total_tokens: int,
        cost_usd: float | None,
    ) -> None:
        """Record what a request used, now."""
        row = insert(usage).values(
            at=time.time(),
            guild_id=guild_id,
            user_id=user_id,
            model=model,
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            thought_tokens=thought_tokens,
            total_tokens=total_tokens,
            cost_usd=cost_usd,
        )
        async with self._database.writing() as connection:
            await connection.execute(row)
