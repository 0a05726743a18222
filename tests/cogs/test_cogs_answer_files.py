"""What answers come with: pictures in a gallery, files, numbered sources, and searches as buttons."""

from collections.abc import AsyncIterator

import pytest
from answer_bot import body, ended, labels
from answer_scene import ACTS, END, LONG, Scene, answer_scene
from answer_things import gallery, names_shown, png
from loopback import eventually

from bot.emulators.discord.model import Json, Message, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.media.events import Grounding, Link, Made, MadeFile
from cogs.answer import Answers

LINK = 5  # a style of buttons


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


def named(message: Message) -> list[str]:
    return [file.filename for file in message.attachments]


async def test_pictures_are_in_a_gallery_and_files_below(scene: Scene) -> None:
    made = (
        MadeFile("found.png", png("red"), "A red square"),
        MadeFile("boxes.json", b'{"a": 1}', "The boxes"),
        MadeFile("sheet.jpg", png("blue"), "A blue square"),
    )
    message = await scene.answer("Two squares.", Made(made), END)
    assert body(message) == "Two squares."
    assert [file.data for file in message.attachments] == [png("red"), png("blue"), b'{"a": 1}']
    assert [file.description for file in message.attachments] == [
        "A red square",
        "A blue square",
        "The boxes",
    ]
    items = gallery(message)
    assert [item["description"] for item in items] == ["A red square", "A blue square"]
    assert [item["media"]["attachment_id"] for item in items] == [str(f.id) for f in message.attachments[:2]]
    assert [item["media"]["width"] for item in items] == [8, 8]
    assert names_shown(message) == ["boxes.json"]


async def test_files_that_come_in_several_events_and_before_the_words(scene: Scene) -> None:
    plot = MadeFile("plot.png", png("red"), "A plot")
    table = MadeFile("table.csv", b"a,b", "A table")
    asked = scene.describe()
    scene.script.say(Made((plot,)), "Words")
    assert (await asked.response()).attachments == [], "all are sent with the end"
    scene.script.say(Made((table,)), END)
    assert named(await ended(asked)) == ["plot.png", "table.csv"]


async def test_names_are_safe_and_not_twice(scene: Scene) -> None:
    names = (
        "plot.png",
        "Plot.png",
        "an swer/é.md",
        "answer.md",
        "отчёт.csv",
        "..",
        "x" * 200 + ".txt",
        "end",
    )
    message = await scene.answer(LONG, Made(tuple(MadeFile(name, b"1", "One") for name in names)), END)
    assert named(message) == [
        "plot.png",
        "Plot-2.png",
        "an-swer.md",
        "answer-2.md",
        "file.csv",
        "file",
        "x" * 60 + ".txt",
        "end",
        "answer.md",
    ]
    assert message.attachments[-1].data.decode() == LONG


async def test_alt_text_is_as_long_as_discord_takes_it(scene: Scene) -> None:
    made = (MadeFile("a.png", png("red"), "r" * 2_000), MadeFile("b.png", png("red"), ""))
    message = await scene.answer("Words", Made(made), END)
    assert [item["description"] for item in gallery(message)] == ["r" * 1_024, None]


async def test_more_files_than_a_message_takes(scene: Scene) -> None:
    made = tuple(MadeFile(f"{number}.png", png("red"), "One of many") for number in range(12))
    message = await scene.answer("Words", Made(made), END)
    assert len(gallery(message)) == 10
    assert "-# 2 files are left out: a message takes 10 files." in message.text
    made = tuple(MadeFile(f"{number}.txt", b"1", "One of many") for number in range(10))
    message = await scene.answer(LONG, Made(made), END)
    assert named(message) == [*(f"{number}.txt" for number in range(9)), "answer.md"]
    assert "-# 9.txt is left out: a message takes 10 files." in message.text


async def test_files_that_are_too_large(scene: Scene) -> None:
    made = Made(
        (MadeFile("sm*ll.txt", bytes(10 << 20), "Fits"), MadeFile("l*rge.txt", bytes((10 << 20) + 1), ""))
    )
    message = await scene.answer("Words", made, END)
    assert named(message) == ["sm-ll.txt"]
    assert "-# l-rge.txt is left out: Discord takes no file over 10 MB here." in message.text
    scene.world.boost(scene.world.guild, 2)
    message = await scene.answer("Words", made, END)
    assert named(message) == ["sm-ll.txt", "l-rge.txt"]
    assert "left out" not in message.text


async def test_files_without_a_word(scene: Scene) -> None:
    message = await scene.answer(Made((MadeFile("a.png", png("red"), "A red square"),)), END)
    assert len(gallery(message)) == 1
    assert "The model gave no answer" not in message.text
    assert labels(message) == ["Again"]


async def test_the_fullest_message_of_all(scene: Scene) -> None:
    """All that can be there at once keeps within 40 components, 10 files and 4,000 characters."""
    await scene.restart(speaker=Loud())
    made = tuple(MadeFile(f"{n}.txt", b"1", "One of many") for n in range(12))
    links = tuple(Link("w" * 300, f"https://a.example/{'x' * 400}/{n}") for n in range(30))
    lines = ("a " * 5_000, Made(made), Grounding(links, links), ValueError("no end"))
    message = await scene.answer(*lines, question="*_" * 500)
    assert len(message.attachments) == 10
    assert labels(message)[-6:] == [*ACTS, "Write the rest", "Speak it"]
    assert 3_500 < len(message.text) <= 4_000
    assert len(walk(message.components)) <= 40


class Loud:
    """Calls everywhere."""

    def can_speak(self, guild_id: int) -> bool:
        return True

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        raise NotImplementedError


async def test_sent_files_are_not_kept_in_memory(scene: Scene) -> None:
    await scene.answer("Words", Made((MadeFile("a.png", png("red"), "A red square"),)), END)
    answers = scene.bot.get_cog("Answers")
    assert isinstance(answers, Answers)
    await eventually(lambda: [answer.made for answer in answers._kept.values()] == [()])


def links_of(message: Message) -> list[Json]:
    return [part for part in walk(message.components) if part.get("style") == LINK]


async def test_sources_are_numbered_and_searches_are_buttons(scene: Scene) -> None:
    sources = (
        Link("A [fine] *page*", "https://a.example/1?q=(x)"),
        Link("https://b.example @everyone", "https://b.example/<@1>"),
        Link("", "https://c.example"),
        Link("no link", "javascript:alert(1)"),
    )
    searches = (
        Link("why " * 40, "https://www.google.com/search?q=why"),
        Link("how", "https://x.example/?q=how"),
    )
    message = await scene.answer("Because [1].", Grounding(sources, searches), END)
    assert body(message).splitlines() == [
        "Because [1].",
        "",
        "**Sources**",
        "1. [A (fine) \\*page\\*](https://a.example/1?q=%28x%29)",
        "2. b.example @\u200beveryone",
        "3. [a page](https://c.example)",
        "4. no link",
    ]
    first, second = links_of(message)
    assert first["url"] == "https://www.google.com/search?q=why"
    assert first["label"] == "why " * 19 + "why…"
    assert (second["url"], second["label"]) == ("https://x.example/?q=how", "how")
    assert message.attachments == []


async def test_searches_that_buttons_can_not_hold(scene: Scene) -> None:
    """In some languages every letter of an address is nine; a row has five buttons."""
    long = Link("なぜ", "https://www.google.com/search?q=" + "%E3%81%AA" * 60)
    short = tuple(Link(f"search {n}", f"https://www.google.com/search?q={n}") for n in range(7))
    message = await scene.answer("Because.", Grounding((), (long, *short)), END)
    assert [part["label"] for part in links_of(message)] == [f"search {n}" for n in range(5)]
    assert f"Searched for [なぜ]({long.url})" in body(message)


async def test_many_long_sources_keep_the_answer_short(scene: Scene) -> None:
    sources = tuple(Link("t" * 500, f"https://a.example/{n}?{'x' * 480}") for n in range(60))
    message = await scene.answer("Because.", Grounding(sources, ()), END)
    assert "1 / 3" in labels(message) or "1 / 4" in labels(message)
    assert len(message.text) <= 4_000
    document = message.attachments[0].data.decode()
    assert document.startswith("Because.\n\n**Sources**\n\n1. [tt")
    assert len(document) < 9_500
