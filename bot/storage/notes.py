"""What people have a guild's calls remember: short notes, told by voice and found by their words."""

import asyncio
import unicodedata
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Double, Integer, Table, Text, delete, func, insert, select

from bot.errors import EarshotError
from bot.storage.database import Database
from bot.storage.tables import METADATA

MOST = 200  # that a guild keeps: all of them are looked through for each question
LENGTH = 500  # characters: what somebody says in half a minute
_MOST_WORDS = 20  # of a question that are looked for: nobody says more in one

notes = Table(
    "notes",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("guild_id", BigInteger, nullable=False, index=True),
    # Who told it.
    Column("user_id", BigInteger, nullable=False),
    # As the person was called then.
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Double, nullable=False),
    # An id that a conversation still knows must never become another note's.
    sqlite_autoincrement=True,
)


class NoteError(EarshotError):
    """A note that can't be kept; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody had a guild's calls remember."""

    id: int
    user_id: int
    name: str
    text: str
    at: float
    """When it was told, Unix seconds."""


class NoteStore:
    """The queries; each raises StorageError where it fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, guild_id: int, user_id: int, name: str, text: str, now: float) -> int:
        """Keep a note and return its id. Raises NoteError where it is empty, too long, or one too many."""
        text = text.strip()
        if not text:
            raise NoteError("That note is empty: say what I am to remember.")
        if len(text) > LENGTH:
            raise NoteError(f"That note has {len(text):,} characters, and {LENGTH} fit: make it shorter.")
        counted = select(func.count()).select_from(notes).where(notes.c.guild_id == guild_id)
        row = insert(notes).values(guild_id=guild_id, user_id=user_id, name=name, text=text, at=now)
        async with self._database.writing() as connection:
            if (await connection.execute(counted)).scalar_one() >= MOST:
                raise NoteError(f"I keep {MOST} notes here, and no more fit: /notes forget makes room.")
            return int((await connection.execute(row.returning(notes.c.id))).scalar_one())

    async def find(self, guild_id: int, words: str, most: int = 20) -> list[Note]:
        """Return the notes in which words occur, those with the most of them first, then the newest.

        Upper and lower case are the same; a word also counts within a longer one, as in languages that write
        no spaces. Without words the newest are returned.
        """
        columns = (notes.c.id, notes.c.user_id, notes.c.name, notes.c.text, notes.c.at)
        query = select(*columns).where(notes.c.guild_id == guild_id)
        query = query.order_by(notes.c.at.desc(), notes.c.id.desc())
        async with self._database.reading() as connection:
            found = [Note(**row) for row in (await connection.execute(query)).mappings()]
        wanted = _words(words[:LENGTH])
        if wanted:
            found = await asyncio.to_thread(_ranked, found, wanted)  # all of them take some milliseconds
        return found[:most]

    async def forget(self, guild_id: int, note_id: int) -> bool:
        """Delete a note of a guild; return whether there was one."""
        row = (notes.c.guild_id == guild_id, notes.c.id == note_id)
        async with self._database.deleting() as connection:
            return (await connection.execute(delete(notes).where(*row))).rowcount > 0


def _words(text: str) -> list[str]:
    words = dict.fromkeys(_bare(each) for each in _folded(text).split())
    return [word for word in words if word][:_MOST_WORDS]


def _bare(word: str) -> str:
    """Return a word without the punctuation around it."""
    return word.strip("".join({each for each in word if unicodedata.category(each).startswith("P")}))


def _ranked(found: list[Note], wanted: list[str]) -> list[Note]:
    hits = [(_hits(note, wanted), note) for note in found]
    # Sorting keeps the order of those that are equal: the newest first.
    return [note for count, note in sorted(hits, key=lambda pair: -pair[0]) if count]


def _hits(note: Note, wanted: list[str]) -> int:
    text = _folded(f"{note.name} {note.text}")
    return sum(word in text for word in wanted)


def _folded(text: str) -> str:
    """Return a text in which what reads the same is the same."""
    return unicodedata.normalize("NFKC", text).casefold()
