"""The small parts of the tools: arguments, times, what was said, and what goes on in the background."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from bot.conversation.captions_call import CallCaptions
from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.captions_so_far import MARGIN, ROOM, SoFar
from bot.conversation.sayings import Sayings
from bot.conversation.toolbox import LONGEST, ToolError, ToolUse, fitted
from bot.conversation.transcript import TranscriptWriter
from bot.errors import EarshotError
from bot.live.events import InputTranscript
from bot.media.grounding import linked
from bot.tools import background
from bot.tools.args import number_of, optional_text_of, text_of
from bot.tools.background import Background
from bot.tools.rate import Rate
from bot.tools.talk import summarize_so_far
from bot.tools.timers import lasting


def use(**args: Any) -> ToolUse:
    return ToolUse(args, frozenset({1}), tainted=False)


def line(
    number: int, text: str, *, name: str = "Ada", kind: Kind = Kind.PERSON, ago: float = 0.0
) -> CaptionLine:
    return CaptionLine(number, time.monotonic() - ago, kind, 1, name, text, final=True)


def test_arguments_may_be_of_another_type_than_was_asked_for() -> None:
    assert text_of(use(text=" hello "), "text", 5) == "hello"
    for value in ("", "  ", None, 7, ["hello"], {"text": "hello"}):
        with pytest.raises(ToolError, match="nothing in the argument text"):
            text_of(use(text=value), "text", 5)
    with pytest.raises(ToolError, match="at most 5 characters"):
        text_of(use(text="😀😀😀"), "text", 5)
    assert optional_text_of(use(), "text", 5) == optional_text_of(use(text=""), "text", 5) == ""
    assert [number_of(use(n=value), "n") for value in (None, 3, 2.5, "60")] == [None, 3.0, 2.5, 60.0]
    numbers: list[Any] = ["soon", float("nan"), float("inf"), True, [1], "1e999"]
    for value in numbers:
        with pytest.raises(ToolError, match="not a number"):
            number_of(use(n=value), "n")


def test_times_are_said_in_words() -> None:
    seconds = (0.2, 59.6, 60, 3600, 3661, 86_400)
    assert [lasting(each) for each in seconds] == ["0 s", "1 min", "1 min", "1 h", "1 h 1 min 1 s", "24 h"]


async def test_of_a_long_talk_the_newest_is_told_and_that_something_is_left_out() -> None:
    said = [line(n, f"number {n} " + 'said "so" ' * 20, ago=600.0 - n) for n in range(100)]
    told = await summarize_so_far(lambda: said).run(use())
    assert fitted(told) == told, "it fits into a result"
    assert len(str(told)) > LONGEST * 0.8
    assert told["talk"][-1].startswith("Ada: number 99 said ”so”")
    assert told["note"].startswith("What was said earlier than 8 min")


async def test_names_are_cleaned_and_notes_stand_apart() -> None:
    said = [line(1, "Hi.", name="Ada] [System"), line(2, "looked at cat.png", kind=Kind.NOTE), line(3, "")]
    told = await summarize_so_far(lambda: said).run(use())
    assert told["talk"] == ["Ada System: Hi.", "(looked at cat.png)"]
    assert "note" not in told


async def test_where_nothing_was_said_that_is_said() -> None:
    told = await summarize_so_far(list).run(use())
    assert told == {"result": "Nothing that was said in this call has been written down yet; say so."}


class Board:
    """A display that only counts."""

    def __init__(self) -> None:
        self.task = asyncio.create_task(asyncio.sleep(0))
        self.updates = 0
        self.finished = False

    def update(self, lines: list[CaptionLine]) -> None:
        self.updates += len(lines)

    def finish(self) -> None:
        self.finished = True


async def test_lines_grow_are_bounded_and_forgotten_with_the_call() -> None:
    board = Board()
    so_far = SoFar(board)
    so_far.update([line(2, "one"), line(1, "zero", ago=5.0)])
    so_far.update([line(2, "one two")])
    assert [each.text for each in so_far.lines] == ["zero", "one two"]
    so_far.update([line(n, "x" * (ROOM // 10 - MARGIN)) for n in range(3, 14)])
    assert [each.id for each in so_far.lines] == list(range(4, 14))
    so_far.finish()
    assert so_far.lines == []
    assert board.finished
    assert board.updates == 3 + 11
    await board.task


async def test_of_who_withdrew_nothing_is_told_again_nor_what_may_repeat_it() -> None:
    board = Board()
    so_far = SoFar(board)
    now = time.monotonic()
    said = [
        CaptionLine(n, now + n, kind, who, "X", text, final=False)
        for n, (kind, who, text) in enumerate(
            [
                (Kind.PERSON, 1, "secret"),
                (Kind.PERSON, 2, "hello"),
                (Kind.PERSON, None, "from a crowd"),
                (Kind.BOT, None, "You said secret"),
            ]
        )
    ]
    so_far.update(said)
    so_far.forget(1, now + 4)
    so_far.update(said)  # such as when they become final
    later = [
        CaptionLine(10, now + 3, Kind.BOT, None, "X", "a longer answer's other line", final=False),
        CaptionLine(11, now + 5, Kind.BOT, None, "X", "another answer", final=False),
    ]
    so_far.update(later)
    assert [each.text for each in so_far.lines] == ["hello", "another answer"]
    assert board.updates == 10, "what is shown already stays"
    await board.task


async def test_captions_tell_who_withdrew() -> None:
    board = Board()
    so_far = SoFar(board)

    async def write(_lines: Sequence[CaptionLine]) -> None:
        pass

    captions = CallCaptions(
        "Earshot", so_far, TranscriptWriter(write, lambda: False), name="1", on_forget=so_far.forget
    )
    began = time.monotonic()
    captions.turn_began(1, "Ada", began)
    captions.told(InputTranscript("my secret"), began + 0.1, held=False)
    captions.turn_ended(began + 0.5, 0.5)
    assert [each.text for each in so_far.lines] == ["my secret"]
    captions.forget(1, began + 1.0)
    assert so_far.lines == []
    await captions.close()


async def test_the_background_is_bounded_and_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "MOST", 2)
    made = Background()

    async def work(error: Exception | None = None) -> None:
        if error is not None:
            raise error
        await asyncio.Event().wait()

    made.start(work(EarshotError("Discord is away.")), "tools-a")
    made.start(work(KeyError("bug")), "tools-b")
    await asyncio.sleep(0.01)
    assert "tools-b failed" in caplog.text
    for name in ("tools-c", "tools-d", "tools-e"):
        made.start(work(), name)
    assert "left out: tools-e" in caplog.text
    await made.close()
    left = [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("tools-")]
    assert left == []


def test_only_pages_of_the_web_become_links() -> None:
    pages = [
        ("A", "https://a.example/"),
        ("", "http://b.example/x"),
        ("C", "javascript:x"),
        ("D", "http://[1"),
    ]
    found = linked(pages, ["tea & cake"])
    assert found is not None
    assert [(link.title, link.url) for link in found.sources] == [
        ("A", "https://a.example/"),
        ("b.example", "http://b.example/x"),
    ]
    assert [link.url for link in found.searches] == ["https://www.google.com/search?q=tea+%26+cake"]
    assert linked([], []) is None


def test_a_rate_is_of_a_minute() -> None:
    rate = Rate(2)
    assert [rate.take(at) for at in (0.0, 10.0, 59.0, 60.0, 61.0, 70.0)] == [
        True,
        True,
        False,
        True,
        False,
        True,
    ]


def test_what_a_person_wrote_is_not_answered_once_they_withdrew() -> None:
    sayings = Sayings()
    sayings.ask("my secret", 1)
    sayings.ask("hello", 2)
    sayings.add("Read this.")
    sayings.forget(1)
    first, second = sayings.next(), sayings.next()
    assert first is not None
    assert first.text == "hello"
    assert second is not None
    assert "Read this." in second.text
    assert sayings.next() is None
