"""All the commands about files together, as the program has them, and a look at what they leave behind."""

import asyncio
import io
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from answer_bot import labels
from discord import app_commands
from discord.ext import commands
from loopback import eventually
from media_scene import CAT, COFFEE, FILM, PAGE, SPEECH, Parts, Scene, media_scene
from PIL import Image, ImageDraw
from printed import printed

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.storage.schemas import SchemaStore
from cogs.ask import Questions
from cogs.ask_context import Context
from cogs.ask_messages import Mentions
from cogs.extraction import Extraction
from cogs.modal_fields import FILES, QUESTION
from cogs.pictures import Pictures
from cogs.places import Places
from cogs.recordings import Recordings

# What the service does all its life; every other task of it belongs to a request or to a file at Google.
_FOR_LIFE = {"media-forget", "media-sweep"}
_TABLES = ("file_leases", "remote_files", "answers", "answer_files")
LETTER = Upload("letter.pdf", printed("Dear Ada", "Yours, Charles"))


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    answers, service = parts.answers, parts.service
    pictures, recordings, questions = Pictures(answers), Recordings(answers), Questions(answers)
    others = [Places(answers), Extraction(answers, SchemaStore(parts.database)), Mentions(answers)]
    cogs = [pictures, recordings, questions, *others, Context(service, answers)]
    return cogs, [*pictures.menus, *recordings.menus, *questions.menus]


@asynccontextmanager
async def whole_scene(
    discord: DiscordEmulator, gemini: GeminiEmulator, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """Run a bot with all the commands until the block ends; then nothing of theirs may be left anywhere."""
    scratch = folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    async with media_scene(discord, gemini, folder, monkeypatch, make) as scene:
        yield scene
        await eventually(lambda: not running())  # what is answered still would be kept after this
        with closing(sqlite3.connect(scene.path)) as plain:
            kept = plain.execute("SELECT DISTINCT user_id, guild_id FROM answers").fetchall()
        for user_id, guild_id in kept:
            await scene.parts.service.forget(user_id, guild_id)
        await nothing_is_left(scene)
    assert list(scratch.iterdir()) == []


async def nothing_is_left(scene: Scene) -> None:
    """Wait until no file at Google or on the disk, no row and no task is left; raise TimeoutError if any is.

    The bot goes on: nothing of this is the work of its end.
    """
    try:
        await eventually(lambda: not leftovers(scene), 10)
    except TimeoutError:
        raise AssertionError(leftovers(scene)) from None


def leftovers(scene: Scene) -> list[str]:
    """Return what is left of requests, in words."""
    left = [f"at Google: {file.name}" for file in scene.gemini.files]
    left += [f"on disk: {path}" for path in Path(tempfile.gettempdir()).glob("*/*")]
    with closing(sqlite3.connect(scene.path)) as plain:
        for table in _TABLES:
            (count,) = plain.execute(f"SELECT count(*) FROM {table}").fetchone()
            left += [f"{count} rows in {table}"] * bool(count)
    return left + running()


def running() -> list[str]:
    """Return the names of the tasks that work on requests."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith(("answer-", "media-")) and name not in _FOR_LIFE]


async def ended(asked: Interaction, within_s: float = 20) -> Message:
    """Return the message of an answer that has ended, also where many are given at once."""
    await asked.wait_for(lambda it: it.answer is not None and "Cancel" not in labels(it.answer), within_s)
    assert asked.answer is not None
    return asked.answer


def shapes(name: str, **given: tuple[int, int, int, int]) -> Upload:
    """Return a white picture of 600 x 400 with rectangles in these colours."""
    picture = Image.new("RGB", (600, 400), "white")
    for colour, (x0, y0, x1, y1) in given.items():
        ImageDraw.Draw(picture).rectangle((x0, y0, x1 - 1, y1 - 1), colour)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Upload(name, out.getvalue())


@dataclass(frozen=True)
class Use:
    """A command, what it is given, and what only the right bytes could make it answer."""

    name: str
    fact: str
    given: Mapping[str, Any] = field(default_factory=dict)
    posted: tuple[Upload, ...] = ()
    """The files of the message on which an app is used; without any it is a slash command."""
    question: str = ""
    """What is written into the modal that opens, if one does."""
    added: tuple[Upload, ...] = ()
    """What is uploaded there."""

    def __str__(self) -> str:
        return self.name

    async def by(self, scene: Scene, user_id: int, channel_id: int) -> Interaction:
        """Use it; return the interaction that is answered."""
        asked = self.begun(scene, user_id, channel_id)
        if not self.question:
            return asked
        await asked.opened_modal()
        values: dict[str, Any] = {QUESTION: self.question} | ({FILES: list(self.added)} if self.added else {})
        return scene.world.submit_modal(asked, values)

    def begun(self, scene: Scene, user_id: int, channel_id: int) -> Interaction:
        """Use it as far as to its modal, if it has one."""
        if not self.posted:
            return scene.world.run_command(user_id, channel_id, self.name, self.given)
        post = scene.world.post(user_id, channel_id, "see this", self.posted)
        return scene.world.run_on_message(user_id, post.id, self.name)


_BLUE, _RED = (360, 40, 540, 160), (60, 100, 180, 300)
BEFORE, AFTER = shapes("before.png", red=_RED), shapes("after.png", red=_RED, blue=_BLUE)

USES = (
    Use("describe", "451 x 300 pixels", {"image1": CAT}),
    Use("compare", "blue region added", {"image1": BEFORE, "image2": AFTER}),
    Use("read", "Yours, Charles", {"file": LETTER}),
    Use("find", "blue region 2", {"image": AFTER, "what": "the shapes"}),
    Use("extract", "451 x 300", {"file": CAT, "kind": "product"}),
    Use("inspect", "top right", {"specification": LETTER, "image1": AFTER}),
    Use("summarize", "1280 x 720 pixels", {"video": FILM}),
    Use("transcribe", "A voice at", {"file": SPEECH}),
    Use("ask", "384 x 191 pixels", question="How wide is it?", added=(PAGE,)),
    Use("Describe", "600 x 400 pixels", posted=(COFFEE,)),
    Use("Summarize", "1280 x 720 pixels", posted=(FILM,)),
    Use("Transcribe", "A voice at", posted=(SPEECH,)),
    Use("Ask", "600 x 400 pixels", posted=(COFFEE,), question="How large is it?"),
)
