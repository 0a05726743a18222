"""/summarize: summaries in prose, chapters with their sheet, what YouTube wants, and subtitles."""

import io
import json
import re
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from film_rig import BUNNY, KIT, decoded, differ, film, shown_at, taken_apart
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from media_rig import Rig, running_rig, words
from PIL import Image
from pydantic_core import from_json

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.clip import Clip
from bot.media.drawing_output import ALT_LENGTH
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, MediaEvent, TextWhole
from bot.media.fit import Fitted, Fitter
from bot.media.lengths import LOW_FPS
from bot.media.sniff import Kind
from bot.media.task import Task
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import MOST, Chapters
from bot.media.tasks.summarize import Summarize
from bot.media.tasks.table import from_json as task_of
from bot.media.tasks.table import to_json
from bot.media.tasks.youtube import YouTube

HOUR = Fitted(Path("film.mp4"), "film.mp4", "video/mp4", 9, "0", Kind.RECORDING, duration_s=3600.0)
MINUTE = replace(HOUR, duration_s=60.0)
ONLINE = replace(HOUR, path=None, name="youtu.be/-", duration_s=None)
SPEECH = replace(HOUR, name="speech.wav", mime_type="audio/wav")
PAGES = replace(
    HOUR, name="book.pdf", mime_type="application/pdf", kind=Kind.DOCUMENT, duration_s=None, pages=9
)
PICTURE = replace(HOUR, name="cat.png", mime_type="image/png", kind=Kind.PICTURE, duration_s=None)
ADDRESS = "https://www.youtube.com/watch?v=aqz-KE-bpKQ"


def chapter(start: float, end: float, title: str = "A title", summary: str = "It happens.") -> dict[str, Any]:
    return {"start": start, "end": end, "title": title, "summary": summary}


THREE = {
    "summary": "A rabbit wakes up.",
    "chapters": [chapter(0, 20, "Waking"), chapter(20, 41.5, "The meadow"), chapter(41.5, 60, "Credits", "")],
}


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Rig]:
    base_url, key = gemini_emulator.base_url, gemini_emulator.api_key
    async with running_rig(discord_emulator, base_url, tmp_path, key) as running:
        yield running


def made(events: list[MediaEvent]) -> dict[str, MadeFile]:
    return {file.name: file for event in events if isinstance(event, Made) for file in event.files}


def whole(events: list[MediaEvent]) -> str:
    return [event.text for event in events if isinstance(event, TextWhole)][-1]


async def fitted(folder: Path, data: bytes, name: str = "film.mp4") -> Fitted:
    path = folder / "0"
    path.write_bytes(data)
    return await Fitter().fit(path, name, None)


# Which part


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


# Chapters


def test_the_schemas_are_some_and_take_what_is_asked_for() -> None:
    for task in (Chapters(), YouTube(), Captions()):
        assert task.schema is not None
        Draft202012Validator.check_schema(task.schema)
    check = Draft202012Validator(Chapters().schema)
    check.validate(THREE)
    assert not check.is_valid({"summary": "", "chapters": []})


def test_too_many_chapters_are_a_problem_told_in_words() -> None:
    """Gemini refuses a schema with a long list of objects in it, so nothing says so there."""
    many = [chapter(at, at + 1) for at in range(MOST + 1)]
    assert "maxItems" not in json.dumps([Chapters().schema, YouTube().schema])
    assert Chapters().problems({"chapters": many}, [MINUTE])[0] == (
        f"there are {MOST + 1} chapters, and {MOST} is the most: join some"
    )


def test_chapters_are_listed() -> None:
    assert Chapters().render(THREE, [MINUTE]) == (
        "A rabbit wakes up.\n\n"
        "- `0:00` **Waking**: It happens.\n"
        "- `0:20` **The meadow**: It happens.\n"
        "- `0:41` **Credits**"
    )


def test_times_of_a_film_on_youtube_lead_there_and_there_are_no_pictures() -> None:
    task = Chapters(address=ADDRESS)
    shown = task.render(THREE, [ONLINE])
    assert f"- [0:41]({ADDRESS}&t=41s) **Credits**" in shown
    assert shown.endswith("so there are no pictures of its chapters.*")
    assert task.make(THREE, [ONLINE], threading.Event()) == ()


@pytest.mark.parametrize(
    ("chapters", "told"),
    [
        ([chapter(0, 20), chapter(15, 60)], "chapters[1] (15 to 60 s) begins before 20 s"),
        ([chapter(0, 60), chapter(60, 75)], "chapters[1] (60 to 75 s) is not within the recording"),
        ([chapter(0, 60, title=" ")], "chapters[0].title is empty"),
        ([chapter(0, 10), chapter(50, 60)], "the chapters cover 20 s of the 60 s from 0 to 60 s"),
        ([chapter(0, 0.6), chapter(0.6, 1.0)], "the chapters cover 1 s of the 60 s"),
    ],
)
def test_chapters_are_held_against_the_film(chapters: list[dict[str, Any]], told: str) -> None:
    (problem,) = Chapters().problems({"summary": "", "chapters": chapters}, [MINUTE])
    assert problem.startswith(told)


def test_small_slips_are_none() -> None:
    value = {"summary": "", "chapters": [chapter(0, 20.4), chapter(20, 40), chapter(42, 60.9)]}
    assert Chapters().problems(THREE, [MINUTE]) == []
    assert Chapters().problems(value, [MINUTE]) == []
    assert Chapters().problems({"summary": "", "chapters": [chapter(0, 9_999)]}, [ONLINE]) == []


def test_chapters_of_a_part_lie_in_it() -> None:
    task = Chapters("0:20-0:40")
    assert task.problems({"chapters": [chapter(20, 30), chapter(30, 40)]}, [MINUTE]) == []
    (problem,) = task.problems({"chapters": [chapter(0, 20)]}, [MINUTE])
    assert "from 20 to 40 s" in problem


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["chapters", "cues", "start", "end", "title", "text", "summary", "description", "tags"]
            ),
            inner,
        )
    ),
)


@given(JSON)
def test_any_json_can_be_shown_and_judged(value: Any) -> None:
    for task in (Chapters(), YouTube("0:10-0:20"), Captions()):
        for files in ([], [MINUTE], [ONLINE]):
            assert isinstance(task.render(value, files), str)
            assert isinstance(task.problems(value, files), list)


def test_a_growing_answer_says_nothing_that_it_takes_back() -> None:
    written = json.dumps(THREE)
    before = 0
    for end in range(len(written)):
        try:
            shown = Chapters().render(from_json(written[:end], allow_partial="trailing-strings"), [MINUTE])
        except ValueError:
            continue
        assert len(shown) >= before
        before = len(shown)


async def test_the_sheet_shows_the_frames_at_those_times(tmp_path: Path) -> None:
    colours = ("red", "lime", "blue", "yellow", "magenta", "cyan")
    file = await fitted(tmp_path, film(colours))
    chapters = [chapter(second, second + 1, f"Second {second}") for second in (5, 1, 3)]
    (sheet,) = Chapters().make({"chapters": chapters}, [file], threading.Event())
    shown = taken_apart(Image.open(io.BytesIO(sheet.data)))
    wanted = [Image.new("RGB", (320, 180), colours[second]) for second in (1, 3, 5)]
    assert len(shown) == 3
    for picture, colour in zip(shown, wanted, strict=True):
        middle = picture.crop((0, 0, picture.width, picture.height // 2))
        assert differ(middle, colour) < 20
    assert sheet.name == "chapters.jpg"
    assert sheet.description == (
        "What film.mp4 shows at the beginning of each chapter: 0:01 Second 1; 0:03 Second 3; 0:05 Second 5."
    )


async def test_there_is_no_sheet_of_sound_and_alt_text_has_an_end(tmp_path: Path) -> None:
    speech = await fitted(tmp_path, (KIT / "speech-austen-0920.wav").read_bytes(), "speech.wav")
    assert Chapters().make(THREE, [speech], threading.Event()) == ()
    long = {"chapters": [chapter(0, 1, "A very long title indeed " * 4)] * 99}
    file = await fitted(tmp_path, film(["red"]))
    (sheet,) = Chapters().make(long, [file], threading.Event())
    assert len(sheet.description) == ALT_LENGTH
    assert len(taken_apart(Image.open(io.BytesIO(sheet.data)))) == MOST


async def test_chapters_of_the_film_end_to_end(rig: Rig) -> None:
    """The model's times are those of the scenes that it measured; the sheet is of the frames there."""
    events = await rig.ask(rig.post_media("video-bunny.mp4"), task=Chapters())
    times = [
        int(minutes) * 60 + int(seconds) for minutes, seconds in re.findall(r"- `(\d+):(\d+)`", whole(events))
    ]
    assert times == [0, 1, 3], "thirds of 5.3 s, as there are no cuts in it"
    assert "1280 x 720" in whole(events)
    sheet = Image.open(io.BytesIO(made(events)["chapters.jpg"].data))
    real = decoded(BUNNY)
    shown = taken_apart(sheet)
    assert len(shown) == 3
    starts = [0.0, 5.28 / 3, 5.28 * 2 / 3]
    for index, picture in enumerate(shown):
        away = [differ(picture, shown_at(real, other)) for other in starts]
        assert away[index] == min(away) < 6, away
        assert sorted(away)[1] > 1.5 * away[index]


# YouTube


TOO_MUCH_DESCRIBED = "description, chapters included, is longer than 5000 bytes in UTF-8"
SIGNS = "the title, the description or a chapter's title holds < or >, which YouTube does not take"


def complete(**changes: Any) -> dict[str, Any]:
    value = {
        "title": "Big Buck Bunny",
        "description": "A rabbit.\n\nBy Blender.",
        "chapters": THREE["chapters"],
        "tags": ["a", "b"],
    }
    return {**value, **changes}


def test_what_is_copied_to_youtube() -> None:
    assert YouTube().render(complete(), [MINUTE]) == (
        "**Title**\n```text\nBig Buck Bunny\n```\n\n"
        "**Description**\n```text\nA rabbit.\n\nBy Blender.\n\n"
        "0:00 Waking\n0:20 The meadow\n0:41 Credits\n```\n\n"
        "**Tags**\n```text\na, b\n```"
    )
    assert "````text" in YouTube().render(complete(title="```"), [MINUTE])
    assert YouTube().problems(complete(tags=["x" * 99] * 5), [MINUTE]) == [], "499 with their commas"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "x" * 101}, "title is longer than 100 characters"),
        ({"description": "x" * 4990}, TOO_MUCH_DESCRIBED),
        ({"description": "я" * 2500}, TOO_MUCH_DESCRIBED),
        ({"tags": ["x" * 99] * 6}, "tags are longer than 500 characters together"),
        ({"tags": ["x y" * 33] * 5}, "tags are longer than 500 characters together"),
        ({"title": "a <b>"}, SIGNS),
        ({"chapters": [*THREE["chapters"][:2], chapter(41, 60, "The <end>")]}, SIGNS),
        (
            {"chapters": [chapter(0, 30), chapter(30, 60)]},
            "there are 2 chapters, and YouTube wants at least 3",
        ),
        (
            {"chapters": [chapter(3, 23), chapter(23, 40), chapter(40, 60)]},
            "the first chapter does not start at 0",
        ),
        (
            {"chapters": [chapter(0, 20), chapter(20, 29), chapter(29, 60)]},
            "chapters[1] is shorter than 10 s: join it to another",
        ),
    ],
)
def test_youtubes_rules(changes: dict[str, Any], told: str) -> None:
    assert YouTube().problems(complete(), [MINUTE]) == []
    assert YouTube().problems(complete(**changes), [MINUTE]) == [told]


def test_a_film_too_short_for_youtubes_chapters_has_them_all_the_same() -> None:
    short = replace(MINUTE, duration_s=6.0)
    value = complete(chapters=[chapter(0, 2), chapter(2, 4), chapter(4, 6)])
    assert YouTube().problems(value, [short]) == []
    assert (
        YouTube()
        .render(value, [short])
        .endswith("*YouTube shows no chapters in this one: it wants at least 3 of 10 seconds or more.*")
    )
    assert "YouTube shows" not in YouTube().render(complete(), [MINUTE])


# Subtitles


async def test_subtitles_of_a_recording_end_to_end(rig: Rig) -> None:
    events = await rig.ask(rig.post_media("speech-austen-0920.wav"), task=Captions())
    file = made(events)["subtitles.srt"]
    with av.open(io.BytesIO(file.data), format="srt") as read:
        stream = read.streams.subtitles[0]
        packets = [packet for packet in read.demux(stream) if packet.pts is not None]
        spans = [
            (float(p.pts * stream.time_base), float((p.pts + p.duration) * stream.time_base)) for p in packets
        ]
    heard = await rig.ask(rig.post_media("speech-austen-0920.wav"))
    measured = re.findall(r"(\d+\.\d\d) to (\d+\.\d\d) s", words(heard))
    assert measured and len(measured) == len(spans)
    for (start, end), (begins, ends) in zip(spans, measured, strict=True):
        assert start == pytest.approx(float(begins), abs=0.01)
        assert end == pytest.approx(float(ends), abs=0.01)
    assert "Part 1, from 00:00" in whole(events)


def test_subtitles_are_shown_and_held_against_the_recording() -> None:
    value = {
        "cues": [
            {"start": 1, "end": 2.5, "text": "He was not"},
            {"start": 2, "end": 4, "text": "ill disposed"},
        ]
    }
    assert Captions().render(value, [MINUTE]) == "`0:01` He was not\n`0:02` ill disposed"
    assert Captions().problems(value, [MINUTE]) == []
    late = {"cues": [{"start": 90, "end": 95, "text": "x"}]}
    assert "not within" in Captions().problems(late, [MINUTE])[0]
    assert (
        Captions().render({"cues": []}, [MINUTE]) == "No words can be heard in it, so there are no subtitles."
    )
    assert Captions().render({}, [MINUTE]) == ""
    assert Captions().make({"cues": []}, [MINUTE], threading.Event()) == ()
