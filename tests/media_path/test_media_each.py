"""Pictures described one by one: real requests side by side, whose answers are rows of one table."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from media_rig import MEDIA, Rig, finished, request, running_rig

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.rest_faults import BlockPrompt, Cut, RestFault, RestWhere
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.each import ask_each
from bot.media.errors import MediaError
from bot.media.events import Finished, MediaEvent, Progress, RequestUsage, TextDelta, TextWhole
from bot.media.request import MediaRequest
from bot.media.sources import Source
from bot.media.tasks.describe import Describe
from bot.text.pages import paged

EACH = Describe(each=True)
FILES = ("photo-cat.png", "photo-coffee.png", "scan-page.png")
SIZES = ("451 x 300", "600 x 400", "384 x 191")


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rig]:
    """Hold for each test that no file and no task is left."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr("bot.media.failures.FIRST_DELAY_S", 0.02)
    base_url, key = gemini_emulator.base_url, gemini_emulator.api_key
    async with running_rig(discord_emulator, base_url, tmp_path, key) as running:
        yield running
    assert list(scratch.iterdir()) == []
    assert not gemini_emulator.files
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("media-")]


def cells(table: str) -> list[list[str]]:
    """Return what stands in the cells of a Markdown table, by rows."""
    found: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(table):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline":
            found[-1].append(token.content)
    return found


def table(events: list[MediaEvent]) -> list[list[str]]:
    whole = [event.text for event in events if isinstance(event, TextWhole)]
    return cells(whole[-1])


async def test_each_picture_is_a_row_of_its_own(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    events = await rig.ask(*map(rig.post_media, FILES), task=EACH, id="kept")
    head, *rows = table(events)
    assert head == ["", "File", "What it shows"]
    assert [row[:2] for row in rows] == [["1", FILES[0]], ["2", FILES[1]], ["3", FILES[2]]]
    for (_, _, said), size in zip(rows, SIZES, strict=True):
        assert size in said
    asked = gemini_emulator.requests
    assert [len(each.measured) for each in asked] == [1, 1, 1]
    assert all("one short paragraph" in each.prompt for each in asked)
    assert await rig.service.recall("kept") is None, "a table is nothing that one can go on from"


async def test_the_end_is_one_over_all(rig: Rig) -> None:
    events = await rig.ask(*map(rig.post_media, FILES), task=EACH)
    assert sum(isinstance(event, Finished) for event in events) == 1
    done, used = finished(events), await rig.used()
    assert len(used) == 3 and (done.model, done.truncated) == ("gemini-3.8-flash", None)
    assert done.usage.total_tokens == sum(row["total_tokens"] for row in used) > 0
    assert done.usage.cost_usd == pytest.approx(sum(row["cost_usd"] for row in used))
    progress = [event for event in events if isinstance(event, Progress)]
    assert (progress[0].stage, progress[0].fraction) == ("0 of 3 pictures described", 0.0)
    assert (progress[-1].stage, progress[-1].fraction) == ("3 of 3 pictures described", 1.0)
    assert not any(isinstance(event, TextDelta) for event in events)


async def test_the_table_grows(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.chunk_s = 0.05
    tables = [
        cells(event.text)
        for event in await rig.ask(*map(rig.post_media, FILES), task=EACH)
        if isinstance(event, TextWhole)
    ]
    assert len(tables) > 5
    assert all(len(each) == 4 for each in tables)
    lengths = [sum(len(row[2]) for row in each[1:] if row[2] != "…") for each in tables]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1] / 2


async def test_a_question_stands_over_the_answers(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    question = "Is a | in it?"
    events = await rig.ask(*map(rig.post_media, FILES[:2]), task=Describe(question, each=True))
    assert table(events)[0] == ["", "File", "Is a | in it?"]
    assert all(each.prompt.startswith(question) for each in gemini_emulator.requests)


async def test_what_fails_is_a_row_that_says_why(rig: Rig) -> None:
    cat, page = rig.post_media(FILES[0]), rig.post_media(FILES[2])
    broken = rig.post("broken.png", (MEDIA / FILES[1]).read_bytes()[:2000])
    events = await rig.ask(cat, broken, page, task=EACH)
    rows = table(events)[1:]
    assert SIZES[0] in rows[0][2] and SIZES[2] in rows[2][2]
    why = "broken.png is damaged or not really a picture: post another copy of it."
    assert rows[1] == ["2", "broken.png", why]
    done = finished(events)
    assert done.usage.total_tokens == sum(row["total_tokens"] for row in await rig.used())


async def test_where_all_fail_the_first_is_raised(rig: Rig) -> None:
    sources = [rig.post(f"{n}.png", b"\x7fELF" + bytes(99)) for n in "ab"]
    with pytest.raises(MediaError) as caught:
        await rig.ask(*sources, task=EACH)
    assert str(caught.value) == "a.png is not a picture, video, recording, PDF or text: post one of these."


async def test_an_answer_cut_short_is_said(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    await rig.ask(*map(rig.post_media, FILES), task=EACH)
    chunks = sum(len(each.chunks) for each in gemini_emulator.requests)
    # The three are answered side by side; the last chunk of all is the last of one that has begun.
    gemini_emulator.knobs.rest.faults.append(RestFault(RestWhere.CHUNK, Cut(), skip=chunks - 1, times=1))
    events = await rig.ask(*map(rig.post_media, FILES), task=EACH)
    assert finished(events).truncated == "1 of 3 descriptions broke off: ask again to have them whole."


async def test_a_refusal_is_one_row(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.faults.append(RestFault(RestWhere.GENERATE, BlockPrompt(), times=1))
    rows = table(await rig.ask(*map(rig.post_media, FILES), task=EACH))[1:]
    assert sum("refused" in row[2] for row in rows) == 1
    assert sum("pixels" in row[2] for row in rows) == 2


@pytest.mark.parametrize("by", ["close", "cancel"])
async def test_who_stops_reading_stops_all(rig: Rig, gemini_emulator: GeminiEmulator, by: str) -> None:
    gemini_emulator.knobs.rest.chunk_s = 2.0
    came = asyncio.Event()

    async def read() -> None:
        sources = tuple(map(rig.post_media, FILES))
        async with aclosing(rig.service.ask(request(*sources, task=EACH))) as events:
            async for event in events:
                if isinstance(event, TextWhole):
                    came.set()
                    if by == "close":
                        return

    reading = asyncio.create_task(read(), name="reader")
    await asyncio.wait_for(came.wait(), 20)
    if by == "cancel":
        reading.cancel()
    await asyncio.wait({reading}, timeout=20)
    assert reading.done()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert not [name for name in names if name.startswith(("media-each", "media-request"))]


async def test_more_than_ten_are_refused(rig: Rig, gemini_emulator: GeminiEmulator) -> None:
    with pytest.raises(MediaError) as caught:
        await rig.ask(*[rig.post_media(FILES[0])] * 11, task=EACH)
    assert str(caught.value) == "These are 11 files, and 10 is the limit: post fewer."
    assert gemini_emulator.requests == []


async def test_one_picture_needs_no_table(rig: Rig) -> None:
    events = await rig.ask(rig.post_media(FILES[0]), task=EACH)
    assert not any(isinstance(event, TextWhole) for event in events)


async def answers(*said: str) -> list[MediaEvent]:
    """Return what comes of a table whose rows get these answers."""

    async def ask(asked: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        number = int(asked.sources[0].filename)
        yield TextDelta(said[number])
        usage = RequestUsage(1, 1, 0, 2, None if number else 0.5)
        yield Finished(f"m{number}", usage, 9.0, None)

    sources = tuple(Source(str(number), "", 1, None) for number in range(len(said)))
    return [event async for event in ask_each(ask, request(*sources, task=EACH))]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=10))
def test_whatever_is_said_stays_within_its_cell(said: list[str]) -> None:
    events = asyncio.run(answers(*said))
    found = table(events)
    assert len(found) == len(said) + 1 and all(len(row) == 3 for row in found)
    text = [event.text for event in events if isinstance(event, TextWhole)][-1]
    assert len(text.splitlines()) == len(found) + 1, "one line more parts the head from the rest"


async def test_a_cell_is_bounded_and_shown_by_discord() -> None:
    events = await answers("word " * 1000, "a | b\n\n- c \\", "@everyone")
    rows = table(events)[1:]
    assert len(rows[0][2]) == 1000 and rows[0][2].endswith("…")
    assert rows[1][2] == "a | b - c \\"
    shown = "\n".join(paged([e.text for e in events if isinstance(e, TextWhole)][-1]))
    assert "@everyone" not in shown and "a | b" in shown


async def test_costs_and_models_of_rows_that_differ() -> None:
    done = finished(await answers("a", "b"))
    assert (done.model, done.usage.cost_usd, done.usage.total_tokens) == ("m0, m1", None, 4)
    assert done.seconds < 9.0


async def test_what_no_row_can_carry_ends_all() -> None:
    closed = []

    async def ask(asked: MediaRequest) -> AsyncGenerator[MediaEvent, None]:
        try:
            if asked.sources[0].filename == "0":
                raise KeyError("a bug")
            yield TextDelta("waiting")
            await asyncio.Event().wait()
        finally:
            closed.append(asked.sources[0].filename)

    sources = tuple(Source(name, "", 1, None) for name in "012")
    with pytest.raises(KeyError):
        async with asyncio.timeout(20):
            async for _ in ask_each(ask, request(*sources, task=EACH)):
                pass
    assert sorted(closed) == ["0", "1", "2"]
