"""/read, /extract, /inspect and /schema end to end: to a Gemini that tells what it read in the real files."""

import csv
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from answer_bot import body
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, PAGE, SPEECH, Parts, Scene, media_scene
from PIL import Image, ImageDraw
from printed import printed

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, Upload
from bot.emulators.discord.permissions import EVERYONE, Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.storage.schemas import SchemaStore
from cogs.extraction import Extraction

LETTER = Upload("letter.pdf", printed("Dear Ada", "Yours, Charles"))
PAGES = {
    "type": "object",
    "properties": {
        "pages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"page": {"type": "integer"}, "text": {"type": "string"}},
                "required": ["page", "text"],
            },
        }
    },
    "required": ["pages"],
}


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    return [Extraction(parts.answers, SchemaStore(parts.database))], []


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as running:
        let_manage(running)
        yield running


def let_manage(scene: Scene, *, allowed: bool = True) -> None:
    """Let everyone manage the server, or nobody but its owner."""
    rights = EVERYONE | Permission.MANAGE_GUILD if allowed else EVERYONE
    scene.world.places.set_role_permissions(scene.world.guild, scene.world.guild.id, rights)


def open_to_all(scene: Scene) -> None:
    """Open the commands to everybody, as a server can in its settings, and as all are in direct messages."""
    for command in scene.world.commands.listed(None):
        command["default_member_permissions"] = None


def upload(schema: Any, name: str = "pages.json") -> Upload:
    data = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    return Upload(name, data)


def file_of(message: Message, name: str) -> bytes:
    return next(file.data for file in message.attachments if file.filename == name)


def files_of(message: Message) -> set[str]:
    return {file.filename for file in message.attachments}


async def said(asked: Interaction) -> str:
    return (await asked.response()).text


async def test_reading_a_document(scene: Scene) -> None:
    message = await scene.answer("read", file=LETTER, translate="Danish")
    assert "Dear Ada" in body(message) and "Yours, Charles" in body(message)
    assert "Danish · letter.pdf" in message.text
    assert "Yours, Charles" in file_of(message, "text.md").decode()
    assert "## Danish" in scene.gemini.requests[-1].prompt


async def test_reading_what_has_no_text(scene: Scene) -> None:
    message = await scene.answer("read", file=SPEECH)
    assert "is neither a picture nor a PDF" in message.text


async def test_a_picture_is_looked_at_closely(scene: Scene) -> None:
    await scene.answer("read", file=PAGE)
    await scene.answer("read", file=LETTER)
    picture, document = scene.gemini.requests
    assert picture.answer.startswith("Picture 1 is a PNG of 384 x 191 pixels")
    assert "Dear Ada" in document.answer


async def test_extracting_by_kind_with_csv(scene: Scene) -> None:
    message = await scene.answer("extract", file=LETTER, kind="table", format="csv")
    assert "**Dear Ada (page 1)**" in body(message)
    assert "table · letter.pdf" in message.text
    tables = json.loads(file_of(message, "extracted.json"))["tables"]
    assert [table["page"] for table in tables] == [1, 2]
    assert files_of(message) == {"extracted.json", "table-1.csv", "table-2.csv"}


async def test_extracting_a_product(scene: Scene) -> None:
    message = await scene.answer("extract", file=CAT, kind="product")
    assert "451 x 300" in body(message)
    assert files_of(message) == {"extracted.json"}


async def test_extracting_by_a_schema_that_is_kept(scene: Scene) -> None:
    kept = scene.asked("schema add", name="pages", file=upload(PAGES))
    assert "pages.json is kept as `pages`" in await said(kept)
    await scene.restart()
    offered = scene.world.autocomplete(
        scene.person.id, scene.world.text.id, "extract", {"file": LETTER, "schema": "pa"}, focused="schema"
    )
    assert [choice["value"] for choice in await offered.offered()] == ["pages"]
    message = await scene.answer("extract", file=LETTER, schema="pages", format="csv")
    assert "Yours, Charles" in body(message)
    rows = list(csv.reader(io.StringIO(file_of(message, "pages.csv").decode("utf-8-sig"))))
    assert rows == [["page", "text"], ["1", "Dear Ada"], ["2", "Yours, Charles"]]


async def test_extracting_by_a_schema_file(scene: Scene) -> None:
    message = await scene.answer("extract", file=LETTER, schema_file=upload(PAGES, "mine.json"))
    assert json.loads(file_of(message, "extracted.json"))["pages"][1] == {"page": 2, "text": "Yours, Charles"}
    assert "mine.json · letter.pdf" in message.text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "give exactly one of the options"),
        ({"kind": "form", "schema": "x"}, "give exactly one of the options"),
        ({"schema": "none"}, "keeps no schema “none”: see /schema list"),
        ({"schema_file": upload(b"{,}", "x.json")}, "x.json is not JSON: in line 1, column 2"),
        ({"schema_file": upload(b" " * 65_537, "x.json")}, "x.json is larger than 64 KiB"),
        ({"schema_file": CAT}, "photo-cat.png is larger than 64 KiB"),
        ({"schema_file": PAGE}, "scan-page.png is not text in UTF-8"),
    ],
)
async def test_what_is_said_of_wrong_options(scene: Scene, options: dict[str, Any], sentence: str) -> None:
    assert sentence in await said(scene.asked("extract", file=LETTER, **options))
    assert not scene.gemini.requests


async def test_keeping_replacing_and_removing(scene: Scene) -> None:
    assert "keeps no schema" in await said(scene.asked("schema list"))
    await said(scene.asked("schema add", name="b", file=upload(PAGES)))
    await said(scene.asked("schema add", name="a-1", file=upload(PAGES)))
    replaced = await said(scene.asked("schema add", name="b", file=upload(PAGES, "new.json")))
    assert "new.json takes the place of the schema that was kept as `b`" in replaced
    assert "(2 of at most 50): `a-1`, `b`" in await said(scene.asked("schema list"))
    assert "`b` is removed" in await said(scene.asked("schema remove", name="b"))
    assert "keeps no schema “b”" in await said(scene.asked("schema remove", name="b"))
    with closing(sqlite3.connect(scene.path)) as plain:
        rows = plain.execute("SELECT guild_id, name, added_by, schema FROM guild_schemas").fetchall()
    assert rows == [(scene.world.guild.id, "a-1", scene.person.id, json.dumps(PAGES))]


async def test_a_name_that_is_none_and_a_schema_that_is_none(scene: Scene) -> None:
    named = await said(scene.asked("schema add", name="My Schema", file=upload(PAGES)))
    assert "small letters, digits and hyphens alone" in named
    hostile = {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}
    assert "uses pattern" in await said(scene.asked("schema add", name="x", file=upload(hostile)))
    assert "keeps no schema" in await said(scene.asked("schema list"))


async def test_only_who_manages_the_server_changes_its_schemas(scene: Scene) -> None:
    let_manage(scene, allowed=False)
    with pytest.raises(ActError, match="lacks the permissions"):
        scene.asked("schema add", name="x", file=upload(PAGES))
    open_to_all(scene)
    for asked in (
        scene.asked("schema add", name="x", file=upload(PAGES)),
        scene.asked("schema remove", name="x"),
    ):
        assert "Only people with the Manage Server permission can change" in await said(asked)
    assert "keeps no schema" in await said(scene.asked("schema list"))


async def test_in_direct_messages_there_is_nothing_to_keep_schemas_for(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.person.id)
    open_to_all(scene)

    def asked(command: str, **options: Any) -> Interaction:
        return scene.world.run_command(scene.person.id, direct.id, command, options)

    for interaction in (
        asked("schema add", name="x", file=upload(PAGES)),
        asked("schema list"),
        asked("extract", file=LETTER, schema="x"),
    ):
        assert "Schemas are kept only for servers" in await said(interaction)


async def test_inspecting_a_product(scene: Scene) -> None:
    picture = Image.new("RGB", (600, 400), "white")
    ImageDraw.Draw(picture).rectangle((360, 40, 539, 159), "blue")
    out = io.BytesIO()
    picture.save(out, "PNG")
    message = await scene.answer(
        "inspect",
        specification=Upload("spec.pdf", printed("No marks are allowed.")),
        image1=CAT,
        image2=Upload("back.png", out.getvalue()),
    )
    asked = "picture 1, picture 2, the specification, which has 1 page."
    assert asked in scene.gemini.requests[-1].prompt
    assert "Fail · 0 / 100" in body(message)
    assert "(picture 2, top right)" in body(message)
    assert {"defects-2.png", "inspection.json"} <= files_of(message)
    assert "No marks are allowed." in json.loads(file_of(message, "inspection.json"))["summary"]
    marked = Image.open(io.BytesIO(file_of(message, "defects-2.png")))
    assert marked.size == (600, 400)


async def test_inspecting_without_a_specification(scene: Scene) -> None:
    message = await scene.answer("inspect", specification=PAGE, image1=CAT)
    assert "/inspect takes one PDF as the specification, and got none" in message.text
