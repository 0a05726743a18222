"""Answers that are kept for a day, so that people can go on with them: question, answer, and small files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    LargeBinary,
    Table,
    Text,
    delete,
    insert,
    select,
)

from bot.storage.database import Database
from bot.storage.tables import METADATA

answers = Table(
    "answers",
    METADATA,
    Column("id", Text, primary_key=True),
    # NULL in direct messages.
    Column("guild_id", BigInteger),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("until", Double, nullable=False, index=True),
    # What was asked, as JSON.
    Column("request", Text, nullable=False),
    Column("text", Text, nullable=False),
)

answer_files = Table(
    "answer_files",
    METADATA,
    Column("answer_id", Text, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    # Of the source.
    Column("url", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    # Of a small file, as the model gets it; a larger one is leased at Google.
    Column("data", LargeBinary),
)


# Whose words or files an answer holds: who asked, and whose questions it goes on with.
answer_people = Table(
    "answer_people",
    METADATA,
    Column("answer_id", Text, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, index=True),
)


@dataclass(frozen=True)
class AnswerFile:
    """A file that an answer was about."""

    url: str
    name: str
    mime_type: str
    sha256: str
    data: bytes | None


class AnswerStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(
        self,
        answer_id: str,
        *,
        guild_id: int | None,
        user_id: int,
        until: float,
        request: str,
        text: str,
        files: Sequence[AnswerFile],
        people: Collection[int] = (),
    ) -> None:
        """Keep an answer until then (Unix seconds), in place of what was kept under its id.

        `people` are those whose words or files it holds, beside who asked.
        """
        row = insert(answers).values(
            id=answer_id, guild_id=guild_id, user_id=user_id, until=until, request=request, text=text
        )
        async with self._database.writing() as connection:
            await connection.execute(delete(answers).where(answers.c.id == answer_id))
            await connection.execute(row)
            for each in {user_id, *people}:
                await connection.execute(insert(answer_people).values(answer_id=answer_id, user_id=each))
            for file in files:
                await connection.execute(insert(answer_files).values(answer_id=answer_id, **file.__dict__))

    async def find(self, answer_id: str, now: float) -> tuple[str, str] | None:
        """Return the request and the text of an answer."""
        query = select(answers.c.request, answers.c.text)
        query = query.where(answers.c.id == answer_id, answers.c.until > now)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else (row.request, row.text)

    async def files(self, answer_id: str, now: float) -> list[AnswerFile]:
        """Return the files of an answer."""
        of_answer = answer_files.join(answers, answer_files.c.answer_id == answers.c.id)
        query = select(*(column for column in answer_files.c if column.name != "answer_id"))
        query = query.select_from(of_answer).where(answers.c.id == answer_id, answers.c.until > now)
        async with self._database.reading() as connection:
            return [AnswerFile(**row) for row in (await connection.execute(query)).mappings()]

    async def ids(self, now: float) -> list[str]:
        """Return which answers there are."""
        async with self._database.reading() as connection:
            return list(
                (await connection.execute(select(answers.c.id).where(answers.c.until > now))).scalars()
            )

    async def forget(self, user_id: int, guild_id: int | None) -> list[str]:
        """Forget what a person asked in a guild, or in direct messages; return the ids.

        So with it goes what others asked there about that person's files or answers.
        """
        holding = select(answer_people.c.answer_id).where(answer_people.c.user_id == user_id)
        # SQLAlchemy writes IS NULL where there is no guild.
        theirs = (answers.c.id.in_(holding), answers.c.guild_id == guild_id)
        async with self._database.deleting() as connection:
            ids = list((await connection.execute(select(answers.c.id).where(*theirs))).scalars())
            await connection.execute(delete(answers).where(*theirs))
        return ids

    async def forget_old(self, now: float) -> None:
        """Forget what is kept no longer."""
        async with self._database.deleting() as connection:
            await connection.execute(delete(answers).where(answers.c.until <= now))
