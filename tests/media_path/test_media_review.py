"""What goes wrong in between: leases, kept answers and rows when something fails, stops or is forgotten."""

import asyncio
import io
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from loopback import eventually
from media_rig import GUILD, USER, Rig, encoded, finished, noise, request, running_rig, words
from PIL import Image
from scripted_rest import Reply, ScriptedRest
from sqlalchemy import insert

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, TextWhole
from bot.media.fit import Fitted
from bot.media.request import LONGEST_TURNS, MediaRequest, Turn
from bot.media.sources import Source
from bot.media.task import Json, Task
from bot.media.tasks.ask import Ask
from bot.media.tasks.rewrite import Shorter
from bot.media.value import text
from bot.storage.answers import answer_files, answer_people, answers
from bot.storage.media import file_leases, remote_files

FILM, PAGE = "video-bunny.mp4", "scan-page.png"
OTHER = 77
Running = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedRest]:
    async with ScriptedRest(ca) as server:
        yield server


@pytest.fixture
def running(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Running:
    monkeypatch.setattr("bot.media.failures.FIRST_DELAY_S", 0.02)
    monkeypatch.setattr("bot.media.uploads.POLL_FIRST_S", 0.02)

    def run(**changes: Any) -> AbstractAsyncContextManager[Rig]:
        return running_rig(discord_emulator, gemini.base_url, tmp_path, retry_s=0.05, **changes)

    return run


async def settled(rig: Rig) -> None:
    await eventually(lambda: not rig.service._files._leaving)


def holders(rig: Rig) -> set[str]:
    return {holder for remote in rig.service._files._files.values() for holder in remote.leases}


async def follow(rig: Rig, answer_id: str, **changes: Any) -> MediaRequest:
    found = await rig.service.recall(answer_id)
    assert found is not None
    before, answer = found
    asked = request(task=Ask("And then?"), turns=before.then(answer), after=answer_id)
    return replace(asked, **changes)


async def ask(rig: Rig, asked: MediaRequest) -> list[Any]:
    return [event async for event in rig.service.ask(asked)]


# What stays at Google.


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


# What is kept, and forgotten.


async def test_forgetting_reaches_what_others_asked_about_it(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), rig.post_media(PAGE), id="first")
        await ask(rig, await follow(rig, "first", id="theirs", user_id=OTHER))
        await ask(rig, await follow(rig, "theirs", id="third", user_id=88))
        again = await rig.service.recall("first")
        assert again is not None
        await ask(rig, replace(again[0], id="again", user_id=OTHER, others=again[0].people))
        await ask(rig, request(id="own", user_id=OTHER))
        assert await rig.service.forget(USER, 44) == 0, "elsewhere"
        assert await rig.service.forget(USER, GUILD) == 4
        await eventually(lambda: not gemini.files)
        assert [row["id"] for row in await rig.rows(answers)] == ["own"]
        assert await rig.rows(answer_files) == []
        assert [row["user_id"] for row in await rig.rows(answer_people)] == [OTHER]


async def test_what_is_answered_while_all_is_forgotten_is_not_kept(
    running: Running, gemini: ScriptedRest
) -> None:
    async with running() as rig:
        gemini.replies.append(Reply(hold=(hold := asyncio.Event())))
        mine = asyncio.create_task(rig.ask(rig.post_media(FILM), id="mine"))
        await eventually(lambda: len(gemini.asked) == 1)
        gemini.replies.append(Reply(hold=hold))
        theirs = asyncio.create_task(rig.ask(id="theirs", user_id=OTHER))
        await eventually(lambda: len(gemini.asked) == 2)
        assert await rig.service.forget(USER, GUILD) == 0
        hold.set()
        assert words(await mine) == words(await theirs) == "A cat on a sofa."
        assert [row["id"] for row in await rig.rows(answers)] == ["theirs"]
        await eventually(lambda: not gemini.files)
        assert not rig.service._contexts._open


async def test_clip_and_detail_hold_for_the_next_question(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        first = request(rig.post_media(FILM), id="first", task=Watch())
        await ask(rig, first)
        await ask(rig, request(turns=first.then("A film."), after="first", id="then"))
        await ask(rig, await follow(rig, "then"))
        shown = [asked.parts[0] for asked in gemini.asked]
        clips = [part.get("videoMetadata") or part["video_metadata"] for part in shown]
        assert [sorted(clip.values()) for clip in clips] == [["1s", "2s"]] * 3
        configs = [asked.body["generationConfig"] for asked in gemini.asked]
        assert [config["mediaResolution"] for config in configs] == ["MEDIA_RESOLUTION_LOW"] * 3


async def test_a_shorter_answer_has_the_detail_of_no_file(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        await ask(rig, request(rig.post_media(FILM), id="first", task=Watch()))
        await ask(rig, await follow(rig, "first", task=Shorter("Long.")))
        assert "mediaResolution" not in gemini.asked[1].body.get("generationConfig", {})


def test_no_more_is_remembered_than_can_be_sent() -> None:
    asked = request(Source("a.png", "u", 1, None))
    for number in range(30):
        asked = replace(asked, turns=asked.then(f"{number}" * 20_000), sources=())
    assert asked.turns[0].sources and asked.turns[-1].answer.startswith("29")
    assert (
        LONGEST_TURNS - 60_000 < sum(len(turn.prompt + turn.answer) for turn in asked.turns) <= LONGEST_TURNS
    )
    only = replace(asked, turns=asked.then("x" * LONGEST_TURNS * 2)).turns
    assert [len(turn.answer) for turn in only] == [0, LONGEST_TURNS * 2]


# What the model says.


@dataclass(frozen=True)
class Watch(Task):
    name: ClassVar[str] = "ask"

    question: str = "What happens?"

    @property
    def detail(self) -> Detail | None:
        return "low"

    @property
    def clip(self) -> Clip | None:
        return Clip(1.0, 2.0)

    def prompt(self, files: Sequence[Fitted]) -> str:
        return self.question


@dataclass(frozen=True)
class Animal(Task):
    name: ClassVar[str] = "animal"

    @property
    def schema(self) -> dict[str, Any] | None:
        return {"type": "object", "properties": {"animal": {"type": "string"}}, "required": ["animal"]}

    def prompt(self, files: Sequence[Fitted]) -> str:
        return "Which animal?"

    def problems(self, value: Json, files: Sequence[Fitted]) -> list[str]:
        return [] if value["animal"] == "cat" else ["No cat."]

    def render(self, value: Json, files: Sequence[Fitted]) -> str:
        return f"It is a {text(value, 'animal')}."

    def make(self, answer: Json, files: Sequence[Fitted], stop: Any) -> tuple[MadeFile, ...]:
        return (MadeFile("animal.txt", text(answer, "animal").encode(), "The animal"),)


DOG = Reply(words=('{"animal": "dog"}',))


@pytest.mark.parametrize(
    "correction",
    [
        Reply(block="SAFETY"),
        Reply(status=400, message="no"),
        Reply(words=('{"animal": "ca',), cut=True),
        Reply(words=('{"animal": "ca',), reason="MAX_TOKENS"),
        Reply(words=("Sorry",)),
    ],
    ids=["refused", "failed", "cut", "too long", "no value"],
)
async def test_what_came_stays_where_it_can_not_be_corrected(
    running: Running, gemini: ScriptedRest, correction: Reply
) -> None:
    async with running() as rig:
        gemini.replies.extend([DOG, correction])
        events = await rig.ask(task=Animal())
        assert {event.text for event in events if isinstance(event, TextWhole)} == {"It is a dog."}
        [made] = [event for event in events if isinstance(event, Made)]
        assert made.files[0].data == b"dog"
        assert "may be wrong" in str(finished(events).truncated)
        assert finished(events).usage.prompt_tokens >= 258


async def test_stopping_a_correction_keeps_what_came(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.extend([DOG, Reply(words=('{"animal": "c',), reason=None, hold=asyncio.Event())])
        seen: list[str] = []

        async def read() -> None:
            async for event in rig.service.ask(request(task=Animal(), id="stopped")):
                if isinstance(event, TextWhole):
                    seen.append(event.text)

        reading = asyncio.create_task(read())
        await eventually(lambda: len(gemini.asked) == 2)
        await asyncio.sleep(0.7)  # longer than between two looks at a growing value
        reading.cancel()
        await asyncio.wait({reading})
        await eventually(lambda: not rig.service._running)
        assert [row["text"] for row in await rig.rows(answers)] == seen == ["It is a dog."]
        assert [row["prompt_tokens"] for row in await rig.used()] == [258]


async def test_an_attempt_says_nothing_of_the_next(running: Running, gemini: ScriptedRest) -> None:
    """An empty answer ended as it should; the second, which did not, is cut all the same."""
    async with running() as rig:
        gemini.replies.extend([Reply(words=()), Reply(words=("Half",), reason=None)])
        events = await rig.ask()
        assert words(events) == "Half" and "broke off" in str(finished(events).truncated)


async def test_an_empty_attempt_is_billed_too(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.append(Reply(words=()))
        assert finished(await rig.ask()).usage.total_tokens == 2 * 268
        assert len(await rig.used()) == 2


async def test_blanks_are_no_answer(running: Running, gemini: ScriptedRest) -> None:
    async with running() as rig:
        gemini.replies.append(Reply(words=("\n", " ")))
        assert words(await rig.ask()).strip() == "A cat on a sofa."


# Vertex AI, which has no Files API.


async def test_vertex_gets_all_along_and_small_files_are_kept(running: Running, gemini: ScriptedRest) -> None:
    large = encoded(noise(900, 700), "JPEG")
    async with running(vertex=True) as rig:
        source = rig.post("noise.jpg", large)
        await rig.ask(source, id="first")
        [(_, data)] = gemini.asked[0].inline()
        assert Image.open(io.BytesIO(data)).size == (900, 700)
        [kept] = await rig.rows(answer_files)
        assert len(data) > 192 * 1024 and kept["data"] is None, "it is fetched anew: copies fill the disk"
        await ask(rig, await follow(rig, "first"))
        assert gemini.asked[1].inline() == gemini.asked[0].inline()
        youtube = Source("youtu.be/x", "https://www.youtube.com/watch?v=aaaaaaaaaaa", 0, None)
        with pytest.raises(MediaError):  # the scripted Gemini knows no films
            await rig.ask(youtube)
        assert set(gemini.asked[2].parts[0]["fileData"].values()) == {youtube.url, "video/mp4"}


async def test_vertex_leaves_the_files_of_another_run_alone(
    running: Running, gemini: ScriptedRest, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await settled(rig)
    with caplog.at_level(logging.WARNING, "bot"):
        async with running(vertex=True) as rig:
            await asyncio.sleep(0.2)
            assert not rig.service._files._leaving
            await ask(rig, await follow(rig, "first"))
            assert [mime for mime, _ in gemini.asked[1].inline()] == ["video/mp4"]
    assert caplog.messages == [] and len(gemini.files) == 1
    async with running() as rig:
        await rig.service.forget(USER, GUILD)
        await eventually(lambda: not gemini.files)
