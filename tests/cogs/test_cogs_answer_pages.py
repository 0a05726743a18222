"""The pages of long answers: turned for all or for one reader, with all else in place."""

from collections.abc import AsyncIterator

import pytest
from answer_bot import body, button, ended, labels
from answer_scene import ACTS, END, LONG, Scene, answer_scene
from answer_things import gallery, names_shown, png

from bot.emulators.discord.model import Message, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.media.events import Grounding, Link, Made, MadeFile


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


async def test_a_long_answer_has_pages_and_a_file(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    assert labels(message) == ["Previous", "1 / 4", "Next", *ACTS]
    (file,) = message.attachments
    assert (file.filename, file.data.decode()) == ("answer.md", LONG)
    assert body(message).startswith("### Part 0\nword")
    assert button(message, "Previous")["disabled"]
    seen = [body(message)]
    for number in (2, 3, 4):
        message = await scene.press(message, "Next")
        assert f"{number} / 4" in labels(message)
        assert message.attachments == [file]
        assert message.text.endswith("3.2 s"), "the footer stays"
        seen.append(body(message))
    assert button(message, "Next")["disabled"]
    assert " ".join(seen).split() == LONG.replace("## Part", "### Part").split()
    assert body(await scene.press(message, "Previous")) == seen[2]


async def test_who_did_not_ask_turns_pages_for_themselves(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    theirs = await scene.press(message, "Next", scene.bob)
    assert theirs.ephemeral
    assert labels(theirs) == ["Previous", "2 / 4", "Next"]
    further = await scene.press(theirs, "Next", scene.bob)
    assert further.id == theirs.id
    assert "3 / 4" in labels(further)
    assert "1 / 4" in labels(message), "nothing changed for all"


async def test_pages_turn_after_a_restart(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say(LONG, END)
    message = await ended(asked)
    second = body(await scene.press(message, "Next"))
    first = await scene.press(message, "Previous")
    await scene.restart()
    again = await scene.press(first, "Next")
    assert body(again) == second
    assert (await scene.press(again, "Again")).text.startswith("I no longer have")
    theirs = await scene.press(again, "Next", scene.bob)
    assert theirs.ephemeral
    assert "3 / 4" in labels(theirs)
    assert (await scene.press(theirs, "Next", scene.bob)).text.startswith("I no longer have")


async def test_a_page_for_one_reader_turns_after_a_restart_by_what_is_kept(scene: Scene) -> None:
    message = await scene.answer(LONG, END)
    theirs = await scene.press(message, "Next", scene.bob)
    request = scene.script.requests[0]
    scene.script.kept[request.id] = (request, LONG)
    await scene.restart()
    assert "3 / 4" in labels(await scene.press(theirs, "Next", scene.bob))


def check_files(message: Message) -> None:
    """Assert that all files of `made` are there, and each shown component shows one of them."""
    assert [file.filename for file in message.attachments] == ["a.png", "b.jpg", "boxes.json", "answer.md"]
    assert [file.data for file in message.attachments[:2]] == [png("red"), png("blue")]
    ids = [str(file.id) for file in message.attachments]
    items = gallery(message)
    assert [item["description"] for item in items] == ["A red square", "A blue square"]
    assert [item["media"]["attachment_id"] for item in items] == ids[:2]
    assert names_shown(message) == ["boxes.json", "answer.md"]
    files = [part["file"]["attachment_id"] for part in walk(message.components) if "file" in part]
    assert files == ids[2:]


async def test_pictures_and_files_stay_when_pages_turn(scene: Scene) -> None:
    """Sent back as an address, a picture would be gone after a day, and a file be refused."""
    made = Made(
        (
            MadeFile("a.png", png("red"), "A red square"),
            MadeFile("boxes.json", b"[]", "The boxes"),
            MadeFile("b.jpg", png("blue"), "A blue square"),
        )
    )
    message = await scene.answer(LONG, made, END)
    check_files(message)
    second = await scene.press(message, "Next")
    assert "2 / 4" in labels(second)
    check_files(second)
    await scene.restart()
    scene.emulator.knobs.cdn_clock_offset_s += 25 * 3600  # links given out before have ended
    third = await scene.press(second, "Next")
    assert "3 / 4" in labels(third)
    check_files(third)
    assert labels(third)[-4:] == ACTS


async def test_pages_have_the_sources_after_a_restart_too(scene: Scene) -> None:
    sources = tuple(Link(f"Page {n}", f"https://{n}.example/{'x' * 250}") for n in range(1, 16))
    message = await scene.answer("Because.", Grounding(sources, ()), END)
    assert "1 / 2" in labels(message)
    await scene.restart()
    second = await scene.press(message, "Next")
    assert f"[Page 15](https://15.example/{'x' * 250})" in body(second)
