"""Files at Google when something fails, stops or is forgotten: who holds them, and when they go."""

import asyncio
import logging
import time

import pytest
from loopback import eventually
from media_rig import GUILD, USER, encoded, noise, words
from scripted_rest import Reply, ScriptedRest
from service_rig import FILM, Running, ask, follow, gemini, holders, running, settled
from sqlalchemy import insert

from bot.media.errors import MediaError
from bot.media.request import Turn
from bot.media.sources import Source
from bot.storage.answers import answers
from bot.storage.media import file_leases, remote_files

__all__ = ["gemini", "running"]


async def test_a_follow_up_that_fails_holds_nothing(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        film = rig.post_media(FILM)
        await rig.ask(film, id="first")
        gone = Source("old.png", "https://cdn.discordapp.com/attachments/1/2/old.png", 5, None)
        turns = (Turn("What?", "A film.", (film, gone)),)
        with pytest.raises(MediaError, match=r"old\.png"):
            await rig.ask(turns=turns, after="first")
        assert holders(rig) == {"answer:first"}
        await rig.service.forget(USER, GUILD)
        await eventually(lambda: not gemini.files)


async def test_a_file_that_google_lost_between_two_questions(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        gemini.files.clear()
        assert words(await ask(rig, await follow(rig, "first", id="then"))) == "A cat on a sofa."
        assert len(gemini.uploaded) == 2 and len(gemini.asked) == 3
        await settled(rig)
        assert {row["holder"] for row in await rig.leases()} == {"answer:then"}
        assert [row["name"] for row in await rig.rows(remote_files)] == list(gemini.files)


async def test_an_answer_that_could_not_be_kept_holds_nothing(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        async with rig.database.writing() as connection:
            await connection.exec_driver_sql(
                "CREATE TRIGGER no_more BEFORE INSERT ON answers BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        await rig.ask(rig.post_media(FILM), id="first")
        await eventually(lambda: not gemini.files)
        await settled(rig)
        assert await rig.leases() == []


async def test_stopping_while_an_answer_is_kept_holds_nothing(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        reading = asyncio.create_task(rig.ask(rig.post_media(FILM), id="first"))
        contexts = rig.service._contexts
        await contexts._changing.acquire()
        await eventually(lambda: bool(contexts._changing._waiters))
        async with rig.database.writing():  # whoever keeps now waits for this
            contexts._changing.release()
            await eventually(lambda: "answer:first" in holders(rig))
            for task in rig.service._running:
                task.cancel()
            await asyncio.wait({reading})
            assert holders(rig) == set()
        await eventually(lambda: not gemini.files)
        await settled(rig)
        assert await rig.rows(answers) == [] and await rig.leases() == []


async def test_what_was_forgotten_is_not_taken_up_again(running: Running, gemini: ScriptedRest) -> None:
    """A crash came between forgetting an answer and letting go of its files."""
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await settled(rig)
        async with rig.database.writing() as connection:
            await connection.execute(answers.delete())
    assert gemini.files
    async with running() as rig:
        await eventually(lambda: not gemini.files)
        await settled(rig)
        assert await rig.leases() == []


async def test_a_remote_file_without_any_lease_goes_at_the_next_start(
    running: Running, gemini: ScriptedRest
) -> None:
    async with running() as rig:
        row = {"name": "files/earshot-x", "uri": "u", "mime_type": "video/mp4", "size": 1, "uploaded_at": 1.0}
        async with rig.database.writing() as connection:
            await connection.execute(insert(remote_files).values(row))
    async with running() as rig:
        await eventually(lambda: gemini.deleted == ["files/earshot-x"])
        await settled(rig)
        assert await rig.rows(remote_files) == []


async def test_the_newest_of_two_files_with_the_same_bytes_is_taken_up(
    running: Running, gemini: ScriptedRest
) -> None:
    now = time.time()
    async with running() as rig, rig.database.writing() as connection:
        for name, begun_at in (("files/b-new", now - 10), ("files/a-old", now - 1000)):
            lease = {"name": name, "holder": "answer:" + name, "sha256": "5", "until": now + 999}
            row = {"name": name, "uri": name, "mime_type": "a/b", "size": 1, "uploaded_at": begun_at}
            await connection.execute(insert(file_leases).values(lease))
            await connection.execute(insert(remote_files).values(row))
            await connection.execute(
                insert(answers).values(id=name, user_id=1, until=now + 999, request="{}", text="")
            )
    async with running() as rig:
        assert len(rig.service._files._files) == 2
        found = rig.service._files.find("5", lambda *_: None)
        assert found is not None and (await found.ready()).name == "files/b-new"


async def test_rows_are_written_in_their_order(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await settled(rig)
        files = rig.service._files
        [remote] = files._files.values()
        async with rig.database.writing():  # all wait for this, and then go at once
            for number in range(30):
                files.keep(remote.sha256, f"n{number}", time.time() + 99)
                files.let_go(f"n{number}")
            await asyncio.sleep(0.2)
        await settled(rig)
        assert {row["holder"] for row in await rig.leases()} == {"answer:first"}


async def test_the_same_bytes_posted_twice_are_held_once(
    running: Running, gemini: ScriptedRest, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as rig:
        with caplog.at_level(logging.WARNING, "bot"):
            await rig.ask(rig.post_media(FILM), rig.post_media(FILM), id="first")
            await settled(rig)
        assert caplog.messages == []
        assert {row["holder"] for row in await rig.leases()} == {"answer:first"}


async def test_the_oldest_files_of_answers_give_way(
    running: Running, gemini: ScriptedRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [encoded(noise(600 + n, 600), "JPEG") for n in range(3)]
    async with running() as rig:
        for number, picture in enumerate(pictures):
            await rig.ask(rig.post(f"{number}.jpg", picture), id=f"n{number}")
            monkeypatch.setattr("bot.media.leases.KEPT_BYTES", int(2.5 * gemini.uploaded[0].size))
        assert holders(rig) == {"answer:n1", "answer:n2"}
        await eventually(lambda: len(gemini.files) == 2)
        await settled(rig)
        assert {row["holder"] for row in await rig.leases()} == {"answer:n1", "answer:n2"}


async def test_no_file_in_use_gives_way(
    running: Running, gemini: ScriptedRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.media.leases.KEPT_BYTES", 1)
    async with running() as rig:
        gemini.replies.append(Reply(hold=(hold := asyncio.Event())))
        slow = asyncio.create_task(rig.ask(rig.post_media(FILM)))
        await eventually(lambda: len(gemini.asked) == 1)
        await rig.ask(rig.post("noise.jpg", encoded(noise(600, 600), "JPEG")), id="n")
        await settled(rig)
        assert "video/mp4" in {remote.mime_type for remote in gemini.files.values()}
        hold.set()
        assert words(await slow) == "A cat on a sofa."


async def test_a_lease_is_not_taken_shortly_before_its_file_is_deleted(
    running: Running, gemini: ScriptedRest
) -> None:
    async with running(longest_s=1000.0) as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        [old] = rig.service._files._files.values()
        old.begun_at -= 951
        await ask(rig, await follow(rig, "first", id="then"))
        assert len(gemini.uploaded) == 2 and old.leases.keys() == {"answer:first"}
        until = dict(next(r for r in rig.service._files._files.values() if r is not old).leases)
        assert until["answer:then"] <= time.time() + 1000


async def test_what_one_request_ends_another_uses_on(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        hold = asyncio.Event()
        gemini.replies.append(Reply(hold=hold))
        slow = asyncio.create_task(rig.ask(rig.post_media(FILM)))
        await eventually(lambda: bool(gemini.asked))
        gemini.replies.append(Reply(block="SAFETY"))
        with pytest.raises(MediaError):
            await rig.ask(rig.post_media(FILM))
        await settled(rig)
        assert len(holders(rig)) == 1 and len(gemini.files) == 1 and len(await rig.leases()) == 1
        hold.set()
        await slow
        assert len(gemini.uploaded) == 1
