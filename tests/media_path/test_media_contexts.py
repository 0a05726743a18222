"""Answers that people go on with: the same files and what was said before, for a day, across restarts."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import eventually
from media_rig import GUILD, USER, Rig, request, running_rig
from scripted_rest import Reply, ScriptedRest
from sqlalchemy import delete, update

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.errors import MediaError
from bot.media.request import TURNS, MediaRequest, Turn
from bot.media.sources import Source
from bot.media.tasks.ask import Ask
from bot.media.tasks.rewrite import Shorter
from bot.storage.answers import answers
from bot.storage.media import file_leases, remote_files

PHOTO, FILM, PAGE = "photo-cat.png", "video-bunny.mp4", "scan-page.png"


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedRest]:
    async with ScriptedRest(ca) as server:
        yield server


async def followed(rig: Rig, answer_id: str, question: str) -> MediaRequest:
    found = await rig.service.recall(answer_id)
    assert found is not None
    before, answer = found
    return replace(
        before, id="then", after=answer_id, task=Ask(question), sources=(), turns=before.then(answer)
    )


async def test_the_same_files_after_a_restart(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await rig.ask(rig.post_media(FILM), rig.post_media(PAGE), id="first", heading="film")
    [film] = gemini.files.values()
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        again = await followed(rig, "first", "And then?")
        assert (again.heading, again.guild_id, again.user_id) == ("film", GUILD, USER)
        [event async for event in rig.service.ask(again)]
        first, then = gemini.asked
        assert len(gemini.uploaded) == 1, "what is at Google still is not uploaded again"
        contents = then.body["contents"]
        assert [each["role"] for each in contents] == ["user", "model", "user"]
        assert contents[0]["parts"] == first.parts
        assert contents[1]["parts"] == [{"text": "A cat on a sofa."}]
        assert contents[2]["parts"] == [{"text": "And then?"}]
        assert await rig.service.forget(USER, GUILD) == 2
        await eventually(lambda: not gemini.files)
        assert await rig.service.recall("first") is None
    assert film.mime_type == "video/mp4"


async def test_a_third_question_has_the_files_too(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await rig.ask(rig.post_media(PAGE), id="first")
        [event async for event in rig.service.ask(await followed(rig, "first", "Second?"))]
        found = await rig.service.recall("then")
        assert found is not None
        third = replace(found[0], id="", after="then", task=Ask("Third?"), turns=found[0].then(found[1]))
        [event async for event in rig.service.ask(third)]
        texts = [
            part["text"]
            for each in gemini.asked[-1].body["contents"]
            for part in each["parts"]
            if "text" in part
        ]
        assert texts[0::2] == ["What is this?", "Second?", "Third?"]
        assert [mime for mime, _ in gemini.asked[-1].inline()] == ["image/png"]


async def test_a_file_that_is_at_google_no_longer_is_fetched_anew(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await eventually(lambda: not rig.service._files._leaving)
        async with rig.database.writing() as connection:
            await connection.execute(delete(remote_files))
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await eventually(lambda: not gemini.files)
        await rig.ask(**(await followed(rig, "first", "And then?")).__dict__)
        assert len(gemini.uploaded) == 2


async def test_what_a_crash_leaves_is_deleted_but_for_what_answers_hold(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await eventually(lambda: not rig.service._files._leaving)
        [kept] = gemini.files
        async with rig.database.writing() as connection:
            row = {"holder": "dead", "sha256": "00", "until": time.time() + 99}
            await connection.execute(file_leases.insert().values(name="files/earshot-lost", **row))
            await connection.execute(file_leases.insert().values(name=kept, **row))
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await eventually(lambda: "files/earshot-lost" in gemini.deleted)
        await eventually(lambda: not rig.service._files._leaving)
        assert list(gemini.files) == [kept]
        assert {row["holder"] for row in await rig.leases()} == {"answer:first"}


async def test_an_answer_is_forgotten_after_a_day(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await eventually(lambda: not rig.service._files._leaving)
        async with rig.database.writing() as connection:
            await connection.execute(update(answers).values(until=time.time() - 1))
            await connection.execute(update(file_leases).values(until=time.time() - 1))
        assert await rig.service.recall("first") is None
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await eventually(lambda: not gemini.files)
        await eventually(lambda: not rig.service._files._leaving)
        assert await rig.leases() == [] and await rig.rows(answers) == []


async def test_what_broke_off_is_kept_and_what_failed_is_not(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        gemini.replies.extend([Reply(words=("Half",), cut=True), Reply(block="SAFETY")])
        await rig.ask(id="cut")
        found = await rig.service.recall("cut")
        assert found is not None and found[1] == "Half"
        with pytest.raises(MediaError):
            await rig.ask(id="refused")
        assert await rig.service.recall("refused") is None


async def test_a_shorter_answer_is_made_of_the_text_alone_and_remembers_the_rest(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        asked = request(rig.post_media(PAGE), id="first")
        await rig.ask(**asked.__dict__)
        shorter = replace(
            asked, id="short", after="first", sources=(), task=Shorter("Long."), turns=asked.then("Long.")
        )
        await rig.ask(**shorter.__dict__)
        assert len(gemini.asked[-1].body["contents"]) == 1 and not gemini.asked[-1].inline()
        found = await rig.service.recall("short")
        assert found is not None and found[0].turns[0].prompt == "What is this?"
        [event async for event in rig.service.ask(await followed(rig, "short", "And its text?"))]
        [(mime_type, _)] = gemini.asked[-1].inline()
        assert mime_type == "image/png", "as it was kept, and is not fetched again"


async def test_a_file_of_before_that_is_nowhere_any_more(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        gone = Source("old.png", "https://cdn.discordapp.com/attachments/1/2/old.png", 5, None)
        asked = request(turns=(Turn("What?", "A cat.", (gone,)),), after="unknown")
        with pytest.raises(MediaError, match=r"old\.png"):
            await rig.ask(**asked.__dict__)


def test_the_first_turn_and_the_newest_are_remembered() -> None:
    asked = request()
    for number in range(TURNS + 5):
        asked = replace(asked, turns=asked.then(str(number)))
    said = [turn.answer for turn in asked.turns]
    assert len(said) == TURNS and said[:2] == ["0", "6"] and said[-1] == str(TURNS + 4)
