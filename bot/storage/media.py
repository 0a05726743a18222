"""What the media requests leave: leases on files that lie at Google, and what was used."""

import time
from dataclasses import dataclass

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

# What is known of a remote file once it is there.
remote_files = Table(
    "remote_files",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("uploaded_at", Double, nullable=False),
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


@dataclass(frozen=True)
class LeasedFile:
    """A lease on a remote file; what is known of the file itself is None where it may never have arrived."""

    name: str
    holder: str
    sha256: str
    until: float
    uri: str | None
    mime_type: str | None
    size: int | None
    uploaded_at: float | None


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

    async def uploaded(self, name: str, *, uri: str, mime_type: str, size: int, at: float) -> None:
        """Record that a remote file is there and can be used."""
        row = insert(remote_files).values(name=name, uri=uri, mime_type=mime_type, size=size, uploaded_at=at)
        async with self._database.writing() as connection:
            await connection.execute(row)

    async def forget(self, name: str) -> None:
        """Forget a remote file that is gone, with every lease on it."""
        async with self._database.writing() as connection:
            await connection.execute(delete(file_leases).where(file_leases.c.name == name))
            await connection.execute(delete(remote_files).where(remote_files.c.name == name))

    async def leased(self) -> list[LeasedFile]:
        """Return every lease; the remote files that they name may exist."""
        joined = file_leases.outerjoin(remote_files, file_leases.c.name == remote_files.c.name)
        known = [column for column in remote_files.c if column.name != "name"]
        query = select(*file_leases.c, *known).select_from(joined)
        async with self._database.reading() as connection:
            return [LeasedFile(**row) for row in (await connection.execute(query)).mappings()]

    async def strays(self) -> list[str]:
        """Return the remote files on which there is no lease."""
        query = select(remote_files.c.name).where(remote_files.c.name.not_in(select(file_leases.c.name)))
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).scalars())

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
