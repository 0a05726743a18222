"""How answers look, and the names of their buttons, which old messages keep."""

from dataclasses import replace

import pytest
from discord.ui import Button, TextDisplay

from bot.media.events import Finished, Progress, RequestUsage, TextDelta, TextWhole
from bot.media.request import MediaRequest
from bot.media.sources import Source
from bot.media.task import Task
from bot.media.tasks.ask import Ask
from bot.media.tasks.describe import Describe
from bot.media.tasks.find import Find
from cogs.answer_buttons import Act, custom_id, parse_custom_id
from cogs.answer_state import TRANSITIONS, Answer, Stage
from cogs.answer_view import AnswerView, footer

REQUEST = MediaRequest(guild_id=1, user_id=2, sources=(), task=Ask("?"))


def finished(cost: float | None) -> Finished:
    return Finished("gemini-3.8-flash", RequestUsage(1, 2, 3, 12_345, cost), 12.34, None)


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (None, ""),
        (0.0, " · $0.0000"),
        (0.00001, " · < $0.0001"),
        (0.0123, " · $0.0123"),
        (1.5, " · $1.50"),
    ],
)
def test_the_footer(cost: float | None, shown: str) -> None:
    assert footer(finished(cost)) == f"gemini-3.8-flash · 12,345 tokens{shown} · 12.3 s"


def test_names_of_buttons_are_fixed() -> None:
    assert custom_id(Act.PAGE, "0a1b", 2) == "earshot:answer:page:0a1b:2"
    assert custom_id(Act.GO_ON, "0a1b") == "earshot:answer:goon:0a1b"
    for act in Act:
        assert parse_custom_id(custom_id(act, "0a1b", -1)) == (act, "0a1b", -1)
    for other in ("earshot:consent:give", "earshot:answer:fly:0a1b", "earshot:page:0a1b", ""):
        assert parse_custom_id(other) is None


@pytest.mark.parametrize("fraction", [-1.0, 0.0, 0.42, 1.0, 7.0])
def test_a_bar_is_as_long_as_a_bar(fraction: float) -> None:
    answer = Answer("0a", REQUEST, progress=Progress("Uploading film.mp4", fraction))
    (text,) = (item.content for item in AnswerView(answer).walk_children() if isinstance(item, TextDisplay))
    assert text.count("▰") + text.count("▱") == 10
    assert text.count("▰") == min(max(round(fraction * 10), 0), 10)


async def test_an_answer_that_ended_takes_nothing_more() -> None:
    answer = Answer("0a", REQUEST)
    answer.apply(TextDelta(" \n"))
    stages = [answer.stage]  # there was nothing to read yet
    answer.apply(TextDelta("Words"))
    assert [*stages, answer.stage] == [Stage.WAITING, Stage.WRITING]
    answer.end(Stage.STOPPED, "Stopped.")
    answer.apply(TextDelta(" more"))
    answer.apply(finished(None))
    answer.end(Stage.FAILED, "Failed.")
    await answer.make_pages()
    assert (answer.stage, answer.note, answer.pages) == (Stage.STOPPED, "Stopped.", ["Words"])
    assert TRANSITIONS.keys() == set(Stage)


CUT = Finished("gemini-3.8-flash", RequestUsage(1, 2, 3, 6, None), 1.0, "It broke off.")
CAT, DOG = (Source(name, f"https://cdn.example/{name}", 1, "image/png") for name in ("cat.png", "dog.png"))


@pytest.mark.parametrize(
    ("task", "sources", "offered"),
    [
        (Ask("?"), (), True),
        (Find("cups"), (CAT,), False),  # a value has no rest in words
        (Describe(each=True), (CAT, DOG), False),  # a table of answers neither
        (Describe(each=True), (CAT,), True),
    ],
)
async def test_only_prose_can_be_gone_on_with(task: Task, sources: tuple[Source, ...], offered: bool) -> None:
    answer = Answer("0a", replace(REQUEST, task=task, sources=sources))
    answer.apply(TextWhole("Half of it"))
    answer.apply(CUT)
    await answer.make_pages()
    buttons = [item.label for item in AnswerView(answer).walk_children() if isinstance(item, Button)]
    assert ("Write the rest" in buttons) is offered
    assert buttons[:4] == ["Again", "Shorter", "Translate", "Ask more"]


async def test_words_in_place_of_others_make_new_pages() -> None:
    answer = Answer("0a", REQUEST)
    for text in ("One, two, three", "One, too, three", "One"):
        answer.apply(TextWhole(text))
        await answer.make_pages()
        assert answer.pages == [text]
