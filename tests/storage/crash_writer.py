"""A bot's storage in a process of its own, which writes without a pause: to be killed anywhere.

`crash_writer.py FILE` writes batch after batch, each through every store, and says a line on standard output
once something is stored: what, and the batch's number. Of which batch a row is stands in it, so that another
process can tell what is there, and whether it is whole. With `--each-step` it kills itself, once before each
statement that makes the tables, and once before each of a batch.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from every_write import DEFAULTS
from sqlalchemy import Engine, event

from bot.storage.answers import AnswerFile, AnswerStore
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.guilds import GuildStore
from bot.storage.notes import NoteStore
from bot.storage.running import RunningStore
from bot.storage.schemas import SchemaStore
from bot.storage.transcripts import TranscriptStore, Utterance

GUILD, OTHER = 1, 2
LINES, FILES = 7, 3
FILE_BYTES = 20_000  # several pages, most of them beyond the row's own


def said(what: str, number: int) -> None:
    """Tell that it is stored."""
    sys.stdout.write(f"{what} {number}\n")
    sys.stdout.flush()


async def write(database: Database, number: int) -> None:
    """Write one batch."""
    lines = [Utterance(float(number), n, "Ada", f"{number} {'x' * 300}") for n in range(LINES)]
    await TranscriptStore(database).add(GUILD, f"{number}", lines)
    said("lines", number)
    files = [
        AnswerFile(f"{n}", "a.png", "image/png", f"{number}", number.to_bytes(4, "big") * (FILE_BYTES // 4))
        for n in range(FILES)
    ]
    await AnswerStore(database).keep(
        f"{number}", guild_id=GUILD, user_id=1, until=2e9, request="{}", text="x", files=files, people=(2, 3)
    )
    said("answer", number)
    guilds = await GuildStore.load(database, DEFAULTS)
    await guilds.change(GUILD, instruction=f"{number}", idle_minutes=number, language=f"{number}")
    said("settings", number)
    await (await ConsentStore.load(database)).give(GUILD, number)
    said("consent", number)
    await NoteStore(database).add(number, 1, "Ada", f"{number}", float(number))
    said("note", number)
    await SchemaStore(database).add(number, "s", "{}", 1)
    said("schema", number)
    await RunningStore(database).began(GUILD, number, number, float(number))
    said("call", number)
    # Deleted at once, with the log emptied: the rows of one batch go all together.
    await TranscriptStore(database).add(OTHER, f"{number}", lines)
    await TranscriptStore(database).forget_before(OTHER, float(number))


async def main(path: Path, batches: int = sys.maxsize) -> None:
    """Go on after the batches that are there."""
    print("opening", flush=True)
    database = await Database.open(f"sqlite+aiosqlite:///{path}")
    async with database.reading() as connection:
        query = "SELECT max(CAST(call_id AS INTEGER)) FROM utterances"
        last = (await connection.exec_driver_sql(query)).scalar_one() or 0
    for number in range(last + 1, last + 1 + batches):  # what a kill kept from being written stays away
        await write(database, number)
    await database.close()


def look(path: Path) -> dict[str, set[int]]:
    """Return which batches there are of each kind; hold that SQLite finds nothing wrong and each is whole."""
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert plain.execute("PRAGMA foreign_key_check").fetchall() == []
        if not plain.execute("SELECT * FROM sqlite_master").fetchall():
            return {}  # killed before its tables were there, all of them
        for guild, call, lines, texts in plain.execute(
            "SELECT guild_id, call_id, count(*), count(DISTINCT text) FROM utterances GROUP BY 1, 2"
        ):
            assert (lines, texts) == (LINES, 1), f"half of call {call} in guild {guild}"
        for answer, files, whole, people in plain.execute(
            "SELECT id, (SELECT count(*) FROM answer_files WHERE answer_id = id), "
            "(SELECT sum(length(data)) FROM answer_files WHERE answer_id = id AND sha256 = id), "
            "(SELECT count(*) FROM answer_people WHERE answer_id = id) FROM answers"
        ):
            assert (files, whole, people) == (FILES, FILES * FILE_BYTES, 3), f"half of answer {answer}"
        for one, two, three in plain.execute(
            "SELECT instruction, idle_minutes, language FROM guild_settings"
        ):
            assert one == f"{two}" == three
        for channel, text, seen in plain.execute(
            "SELECT channel_id, text_channel_id, seen_at FROM running_calls"
        ):
            assert channel == text == seen
        kinds = {
            "lines": f"SELECT call_id FROM utterances WHERE guild_id = {GUILD}",
            "answer": "SELECT id FROM answers",
            "settings": "SELECT idle_minutes FROM guild_settings",
            "consent": "SELECT user_id FROM consents WHERE withdrawn_at IS NULL",
            "note": "SELECT guild_id FROM notes",
            "schema": "SELECT guild_id FROM guild_schemas",
            "call": "SELECT channel_id FROM running_calls",
        }
        return {kind: {int(row[0]) for row in plain.execute(query)} for kind, query in kinds.items()}


def die_at(step: int) -> None:
    """Be killed right before the so-manieth statement or commit."""
    left = step

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)


def each_step(path: Path, batches: int) -> None:
    """Open the database and write, again and again, killed one step later each time; look at what is left."""
    for step in range(sys.maxsize):
        # Nothing has begun a thread here, so a process can be forked: quicker than to load all again.
        if (child := os.fork()) == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            die_at(step)
            asyncio.run(main(path, batches))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        look(path)
        if status == 0:
            print(f"{batches} {step}")
            return
        assert os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    if sys.argv[2:] == ["--each-step"]:
        each_step(Path(sys.argv[1]), batches=0)
        each_step(Path(sys.argv[1]), batches=1)
    else:
        asyncio.run(main(Path(sys.argv[1])))
