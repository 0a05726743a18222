"""Every way in which the stores write, each as one call that changes something and can be done again."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from bot.storage.answers import AnswerFile, AnswerStore
from bot.storage.commands import CommandSyncStore
from bot.storage.consents import ConsentStore
from bot.storage.database import Database
from bot.storage.guilds import GuildSettings, GuildStore
from bot.storage.media import MediaStore
from bot.storage.notes import NoteStore
from bot.storage.running import RunningStore
from bot.storage.schemas import SchemaStore
from bot.storage.transcripts import TranscriptStore, Utterance

GUILD, PERSON = 2**62 + 1, 3
LONG = "what was said, and said again " * 1000  # several pages, so that no free room takes it
DEFAULTS = GuildSettings(model="gemini-3.8-live", voice="Kore", turns="discord")


async def _keep(database: Database) -> None:
    files = [AnswerFile(f"https://x/{n}", "a.png", "image/png", "00", LONG.encode()) for n in range(3)]
    await AnswerStore(database).keep(
        "new", guild_id=GUILD, user_id=PERSON, until=9.0, request="{}", text=LONG, files=files, people=(4, 5)
    )


async def _say(database: Database) -> None:
    said = [Utterance(float(n), PERSON, "Ada", LONG) for n in range(10)]
    await TranscriptStore(database).add(GUILD, "call", said)


async def _usage(database: Database) -> None:
    await MediaStore(database).record_usage(
        guild_id=GUILD,
        user_id=PERSON,
        model="m",
        prompt_tokens=1,
        output_tokens=1,
        thought_tokens=1,
        total_tokens=3,
        cost_usd=None,
    )


async def _uploaded(database: Database) -> None:
    await MediaStore(database).uploaded("files/new", uri="https://g", mime_type="image/png", size=1, at=1.0)


async def _consent(database: Database) -> None:
    await (await ConsentStore.load(database)).give(GUILD, 77)


async def _withdraw(database: Database) -> None:
    await (await ConsentStore.load(database)).withdraw(GUILD, 78)


async def _settings(database: Database) -> None:
    guilds = await GuildStore.load(database, DEFAULTS)
    await guilds.change(GUILD, persona="own", instruction=LONG)


async def _note(database: Database) -> None:
    await NoteStore(database).add(GUILD, PERSON, "Ada", "Remember the milk.", 1.0)


async def _schema(database: Database) -> None:
    await SchemaStore(database).add(GUILD, "new", LONG, PERSON)


def _done(call: Callable[[Database], Awaitable[object]]) -> Callable[[Database], Awaitable[None]]:
    async def write(database: Database) -> None:
        await call(database)

    return write


# By the store and its method, for the test that none is missing.
WRITES: dict[str, Callable[[Database], Awaitable[None]]] = {
    "AnswerStore.keep": _keep,
    "AnswerStore.forget": _done(lambda database: AnswerStore(database).forget(PERSON, GUILD)),
    "AnswerStore.forget_old": _done(lambda database: AnswerStore(database).forget_old(99.0)),
    "CommandSyncStore.remember": _done(lambda database: CommandSyncStore(database).remember(1, "new")),
    "ConsentStore._store": _consent,
    "ConsentStore._store_end": _withdraw,
    "GuildStore.change": _settings,
    "MediaStore.lease": _done(lambda database: MediaStore(database).lease("files/a", "new", "00", 5.0)),
    "MediaStore.extend": _done(lambda database: MediaStore(database).extend("files/a", "one", 7.0)),
    "MediaStore.release": _done(lambda database: MediaStore(database).release("files/a", "one")),
    "MediaStore.uploaded": _uploaded,
    "MediaStore.forget": _done(lambda database: MediaStore(database).forget("files/a")),
    "MediaStore.record_usage": _usage,
    "NoteStore.add": _note,
    "NoteStore.forget": _done(lambda database: NoteStore(database).forget(GUILD, 1)),
    "RunningStore.began": _done(lambda database: RunningStore(database).began(GUILD, 5, None, 9.0)),
    "RunningStore.alive": _done(lambda database: RunningStore(database).alive([GUILD], 8.0)),
    "RunningStore.returned": _done(lambda database: RunningStore(database).returned(GUILD, 2, 8.0)),
    "RunningStore.ended": _done(lambda database: RunningStore(database).ended(GUILD)),
    "SchemaStore.add": _schema,
    "SchemaStore.remove": _done(lambda database: SchemaStore(database).remove(GUILD, "old")),
    "TranscriptStore.add": _say,
    "TranscriptStore.forget_before": _done(
        lambda database: TranscriptStore(database).forget_before(GUILD, 99.0)
    ),
}


async def seed(database: Database) -> None:
    """Put in what each write has something to change or delete of."""
    await AnswerStore(database).keep(
        "old", guild_id=GUILD, user_id=PERSON, until=9.0, request="{}", text="x", files=[], people=(4,)
    )
    await MediaStore(database).lease("files/a", "one", "00", 5.0)
    await NoteStore(database).add(GUILD, PERSON, "Ada", "The first note.", 1.0)
    await RunningStore(database).began(GUILD, 4, 2, 7.0)
    await SchemaStore(database).add(GUILD, "old", "{}", PERSON)
    await TranscriptStore(database).add(GUILD, "old", [Utterance(1.0, PERSON, "Ada", "Hello")])


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table, as another program sees them."""
    with closing(sqlite3.connect(path)) as plain:
        names = [name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: plain.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in names}
