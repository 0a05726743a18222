"""Notes by voice: kept for one server, recalled there alone, seen and forgotten with /notes."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from loopback import eventually
from tool_scene import Scene, buttons, tool_scene

from bot.emulators.discord.model import ChannelType, Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.knobs import Call, ToolRule
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.storage.database import Database
from bot.storage.notes import LENGTH, NoteStore

KEY = {"text": "The key lies under the blue pot."}


@pytest.fixture
async def alone(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Scene]:
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path) as made:
        yield made


def rows(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "earshot.db")) as plain:
        return plain.execute("SELECT guild_id, user_id, name, text FROM notes ORDER BY id").fetchall()


async def test_a_note_is_kept_and_recalled(alone: Scene, tmp_path: Path) -> None:
    assert await alone.ask("recall") == {"error": "There are no notes yet."}
    assert await alone.ask("remember", KEY) == {"result": "The note is kept.", "number": 1}
    ada = alone.people["Ada"].user.id
    assert rows(tmp_path) == [(alone.world.guild.id, ada, "Ada", KEY["text"])]
    found = await alone.ask("recall", {"words": "where is the KEY?"})
    assert [(note["text"], note["told_by"]) for note in found["notes"]] == [(KEY["text"], "Ada")]
    assert await alone.ask("recall", {"words": "bicycle"}) == {"error": "No note was found."}
    asked = await alone.ask("post_message", {"text": "As the note says."})
    assert "waits for a click" in asked["result"], "a note may have asked for it"


async def test_who_may_not_write_may_not_have_it_remembered(alone: Scene, tmp_path: Path) -> None:
    ada = alone.people["Ada"].user.id
    alone.world.set_permissions(alone.lounge.id, ada, deny=Permission.SEND_MESSAGES)
    assert "may not write" in (await alone.ask("remember", KEY))["error"]
    assert "no notes yet" in (await alone.ask("recall"))["error"], "that is free"
    assert rows(tmp_path) == []


async def test_too_long_a_note_and_none_are_refused_with_a_sentence(alone: Scene) -> None:
    assert "too long" in (await alone.ask("remember", {"text": "x" * (LENGTH + 1)}))["error"]
    assert "nothing in the argument" in (await alone.ask("remember", {"text": "  "}))["error"]


async def test_after_a_picture_a_person_agrees_first(scene: Scene, tmp_path: Path) -> None:
    await scene.look()
    assert "waits for a click" in (await scene.ask("remember", KEY))["result"]
    question = await scene.post("shall I keep this as a note for the server?")
    assert KEY["text"] in question.content
    assert rows(tmp_path) == []
    scene.people["Ada"].click(question, buttons(question)["Keep"])
    await eventually(lambda: "Noted: /notes list shows it, /notes forget deletes it." in question.content)
    assert rows(tmp_path)[0][3] == KEY["text"]


async def test_where_several_may_have_asked_one_of_them_says_whose_note_it_is(
    scene: Scene, tmp_path: Path
) -> None:
    scene.bot.gemini.knobs.think_s = 3.0  # nobody is answered before both have spoken
    await scene.say("Ada")
    rule = scene.rule(Call("remember", KEY))
    rule.speaker = "Ben"
    await scene.say("Ben")
    question = await scene.post("**Ada or Ben**, shall I keep this as a note")
    scene.people["Ben"].click(question, buttons(question)["Keep"])
    await eventually(lambda: len(rows(tmp_path)) == 1)
    assert rows(tmp_path)[0][1] == scene.people["Ben"].user.id


async def test_a_note_of_one_server_is_never_told_in_another(alone: Scene, tmp_path: Path) -> None:
    world, gemini = alone.world, alone.bot.gemini
    await alone.ask("remember", KEY)
    elsewhere = world.add_guild("Elsewhere", with_bot=True)
    hall = world.add_channel("hall", kind=ChannelType.VOICE, guild=elsewhere)
    text = world.add_channel("chat", guild=elsewhere)
    eve = Person(alone.bot.discord, world.add_user("Eve", elsewhere))
    await eve.join(hall.id)
    try:
        await eve.run_command(text.id, "join")
        await eve.secured_with(world.bot.id)
        gemini.knobs.tool_rules.append(ToolRule((Call("recall", {"words": "key"}),), speaker="Eve"))
        gemini.knobs.tool_rules.append(ToolRule((Call("recall", {}),), speaker="Eve"))
        for _ in range(2):
            before = len(alone.results())
            await eve.speak(alone.pcm[: 2 * alone.rate], rate_hz=alone.rate)
            await eventually(lambda before=before: len(alone.results()) > before)  # type: ignore[misc]
        told = gemini.sessions[-1].log.tool_results
        assert [result.response for result in told] == [
            {"error": "No note was found."},
            {"error": "There are no notes yet."},
        ]
        listed = await eve.run_command(text.id, "notes list")
        assert listed.text.startswith("No notes are kept for this server: ")
        stolen = await eve.run_command(text.id, "notes forget", note=1)
        assert stolen.text.startswith("There is no such note")
    finally:
        await eve.leave()
    assert len(rows(tmp_path)) == 1


async def run(scene: Scene, name: str, command: str, **options: Any) -> Message:
    return await scene.people[name].run_command(scene.world.text.id, command, **options)


async def test_notes_are_listed_and_forgotten_by_who_may(scene: Scene, tmp_path: Path) -> None:
    assert (await run(scene, "Ben", "notes list")).text.startswith("No notes are kept")
    await scene.ask("remember", {"text": "Dinner at *seven* with @everyone"})
    listed = await run(scene, "Ben", "notes list")
    assert listed.text.startswith("`1` Dinner at \\*seven\\* with @\u200beveryone — Ada, <t:")
    assert listed.ephemeral
    assert (await run(scene, "Ben", "notes list", words="bicycle")).text.startswith("No note has these words")
    refused = await run(scene, "Ben", "notes forget", note=1)
    assert refused.text == (
        "That note is Ada's: only they, or people with the Manage Server permission, can delete it."
    )
    assert len(rows(tmp_path)) == 1
    ben, ada = scene.people["Ben"].user.id, scene.people["Ada"].user.id
    offered = await asyncio.gather(
        *(
            scene.world.autocomplete(
                who, scene.world.text.id, "notes forget", {"note": ""}, focused="note"
            ).offered()
            for who in (ben, ada)
        )
    )
    assert [[choice["value"] for choice in each] for each in offered] == [[], [1]]
    assert (await run(scene, "Ada", "notes forget", note=1)).text == "Note 1 is deleted."
    assert rows(tmp_path) == []
    assert (await run(scene, "Ada", "notes forget", note=1)).text.startswith("There is no such note")


async def test_who_may_manage_the_server_forgets_any_note(alone: Scene, tmp_path: Path) -> None:
    await alone.ask("remember", KEY)
    world = alone.world
    done = await world.run_command(
        world.guild.owner_id, world.text.id, "notes forget", {"note": 1}
    ).response()
    assert done.text == "Note 1 is deleted."
    assert rows(tmp_path) == []


async def test_many_notes_come_in_a_file(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}")
    for n in range(30):
        text = f"number {n} " + "x" * 300
        await NoteStore(database).add(discord_emulator.world.guild.id, 1, "Ada", text, 1.7e9 + n)
    await database.close()
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path) as alone:
        listed = await run(alone, "Ada", "notes list")
        assert len(listed.text) <= 2000
        assert listed.text.startswith("`30` number 29")
        (file,) = listed.attachments
        lines = file.data.decode().splitlines()
        assert len(lines) == 30
        assert lines[-1].startswith("1\t2023-11-14\tAda\tnumber 0 xxx")
