"""Answers that are kept: what the next question takes from them, and what is forgotten with them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from loopback import eventually
from media_rig import GUILD, USER, request, words
from scripted_rest import Reply, ScriptedRest
from service_rig import FILM, OTHER, PAGE, Running, ask, follow, gemini, running

from bot.media.clip import Clip
from bot.media.detail import Detail
from bot.media.fit import Fitted
from bot.media.request import LONGEST_TURNS
from bot.media.sources import Source
from bot.media.task import Task
from bot.media.tasks.rewrite import Shorter
from bot.storage.answers import answer_files, answer_people, answers

__all__ = ["gemini", "running"]


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
