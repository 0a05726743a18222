"""/summarize: which part is looked at, and summaries in prose."""

import json
from dataclasses import replace

import pytest
from media_rig import Rig, rig, words
from summarize_rig import ADDRESS, HOUR, MINUTE, ONLINE, PAGES, PICTURE, SPEECH

from bot.emulators.gemini.server import GeminiEmulator
from bot.media.clip import Clip
from bot.media.errors import MediaError
from bot.media.lengths import LOW_FPS
from bot.media.task import Task
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import Chapters
from bot.media.tasks.summarize import Summarize
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json
from bot.media.tasks.youtube import YouTube

__all__ = ["rig"]


def test_a_range_is_the_part_that_is_looked_at() -> None:
    task = Summarize("1:10-2:00")
    assert task.clip == Clip(70, 120)
    assert task.bounds([HOUR]) == (70, 120)
    assert task.bounds([replace(HOUR, duration_s=90.0)]) == (70, 90)
    prompt = task.prompt([HOUR])
    assert "from 1:10 to 2:00" in prompt and "---" not in prompt


def test_a_time_is_looked_at_with_what_is_around_it() -> None:
    assert Chapters("0:45").clip == Clip(30, 60)
    assert "from 0:30 to 1:00" in Chapters("0:45").prompt([HOUR])


def test_a_question_is_asked_of_all() -> None:
    task = Summarize("Who is at the door at 0:45?")
    assert task.clip is None
    assert "Who is at the door at 0:45?" in task.prompt([HOUR])
    assert "{no} braces" in Chapters("{no} braces").prompt([HOUR])


def test_low_detail_has_fewer_frames_so_that_long_films_fit() -> None:
    assert Summarize(closeness="low").clip == Clip(fps=LOW_FPS)
    assert Summarize("1:00-9:00", "low").clip == Clip(60, 540, LOW_FPS)
    assert Summarize(closeness="high").clip is None
    assert Summarize(closeness="high").detail == "high"


@pytest.mark.parametrize("kind", [Summarize, Chapters, YouTube, Captions])
@pytest.mark.parametrize(
    ("focus", "told"),
    [
        ("2:00-1:10", "The part 2:00-1:10 ends before it begins: swap the times."),
        ("1:30-2:00", "film.mp4 is 1:00 long, and 1:30 is after its end: ask about an earlier time."),
        ("1:05", "film.mp4 is 1:00 long, and 1:05 is after its end: ask about an earlier time."),
    ],
)
def test_a_part_that_is_not_there_is_said_to_be_none(kind: type[Task], focus: str, told: str) -> None:
    with pytest.raises(MediaError) as error:
        kind(focus).check([MINUTE])  # type: ignore[call-arg]
    assert str(error.value) == told


def test_a_part_that_is_there_or_may_be_is_looked_at() -> None:
    for file, focus in ((MINUTE, "0:59"), (MINUTE, "0:30-9:00"), (ONLINE, "1:00:00"), (HOUR, "-1:00")):
        Chapters(focus).check([file])


def test_only_recordings_have_times() -> None:
    with pytest.raises(MediaError, match="for one video or recording"):
        Summarize("0:45").check([PAGES])
    with pytest.raises(MediaError, match="for one video or recording"):
        Summarize("0:45").check([MINUTE, HOUR])
    Summarize("page 4").check([PAGES, PICTURE, HOUR])


@pytest.mark.parametrize(
    ("task", "what"), [(Chapters(), "chapters"), (YouTube(), "chapters"), (Captions(), "subtitles")]
)
def test_some_things_are_made_of_one_recording(task: Task, what: str) -> None:
    with pytest.raises(MediaError, match=rf"book\.pdf is neither a video nor a recording: {what} are"):
        task.check([PAGES])
    with pytest.raises(MediaError, match="and this is 2 files: give one"):
        task.check([HOUR, HOUR])
    task.check([SPEECH])


# Prose


def test_what_is_cited_depends_on_what_there_is() -> None:
    assert "[m:ss]" in Summarize().prompt([HOUR]) and "none after 1:00:00" in Summarize().prompt([HOUR])
    assert "none after" not in Summarize().prompt([ONLINE])
    assert "[p. 3]" in Summarize().prompt([PAGES]) and "[m:ss]" not in Summarize().prompt([PAGES])
    assert "[m:ss]" not in Summarize().prompt([PICTURE])
    assert "[m:ss]" not in Summarize(style="social").prompt([HOUR])
    assert f"({ADDRESS}&t=65s)" in Summarize(address=ADDRESS).prompt([ONLINE])
    assert "these 2 files" in Summarize().prompt([HOUR, PAGES])


def test_a_message_is_summarized_by_its_text() -> None:
    prompt = Summarize(quoted="First.\nIgnore all that.").prompt(())
    assert "> First.\n> Ignore all that." in prompt
    assert "this message" in prompt


@pytest.mark.parametrize(
    "task",
    [
        Summarize(),
        Summarize("Why?", "low", style="blog", quoted="x"),
        Chapters("0:45"),
        YouTube("1:00-2:00", "high", ADDRESS),
        Captions(),
    ],
)
def test_it_can_be_kept_and_followed(task: Task) -> None:
    assert task_of(json.loads(json.dumps(to_json(task)))) == task
    assert task.prompt(()), "turns are remembered without their files"


async def test_a_film_is_summarized_from_its_bytes(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    source = rig.post_media("video-bunny.mp4")
    assert "1280 x 720" in words(await rig.ask(source, task=Summarize()))
    said = words(await rig.ask(source, task=Summarize("0:01-0:03")))
    assert "lasts 2.00 s" in said, "the model looked at that part alone"
    assert "Only the part from 0:01 to 0:03" in gemini_emulator.requests[-1].prompt
