"""/ask, the app Ask and /context clear end to end, to a Gemini that measures what it is sent."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from answer_bot import body, button, ended
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, COFFEE, FILM, PAGE, Parts, Scene, media_scene

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Json, Message, Upload, walk
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.ask import Questions
from cogs.ask_context import Context
from cogs.modal_fields import FILES, QUESTION

DAY_S = 24 * 3600.0


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    questions = Questions(parts.answers)
    return [questions, Context(parts.service, parts.answers)], questions.menus


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as running:
        yield running


async def opened(asked: Interaction) -> Json:
    """Return the modal that an interaction opened."""
    await asked.wait_for(lambda it: it.modal is not None)
    assert asked.modal is not None
    return asked.modal


async def submitted(scene: Scene, asked: Interaction, question: str, *files: Upload) -> Interaction:
    await opened(asked)
    values: dict[str, Any] = {QUESTION: question} | ({FILES: list(files)} if files else {})
    return scene.world.submit_modal(asked, values)


async def answered(scene: Scene, asked: Interaction, question: str, *files: Upload) -> Message:
    return await ended(await submitted(scene, asked, question, *files))


def about(scene: Scene, message: Message) -> Interaction:
    return scene.world.run_on_message(scene.person.id, message.id, "Ask")


async def test_a_question_with_files(scene: Scene) -> None:
    message = await answered(scene, scene.asked("ask"), "What are these?", CAT, FILM)
    assert "451 x 300 pixels" in body(message)
    assert "Video 2 lasts 5." in body(message)
    assert "What are these?" in message.text
    assert "photo-cat.png and 1 more" in message.text
    (request,) = scene.gemini.requests
    assert request.prompt.endswith("What are these?")
    assert request.tools == frozenset()


async def test_a_question_without_files(scene: Scene) -> None:
    message = await answered(scene, scene.asked("ask"), "Why is the sky blue?")
    assert "You asked in 5 words: “Why is the sky blue?”" in body(message)


async def test_the_modal_takes_ten_files_and_says_what_may_be_put_in(scene: Scene) -> None:
    modal = await opened(scene.asked("ask"))
    fields = {part["custom_id"]: part for part in walk(modal["components"]) if "custom_id" in part}
    assert fields[QUESTION]["max_length"] == 4_000
    assert fields[QUESTION]["placeholder"]
    assert fields[FILES]["max_values"] == 10
    assert not fields[FILES]["required"]


@pytest.mark.parametrize(
    ("options", "tools"),
    [
        ({"search": True}, {"googleSearch"}),
        ({"code": True}, {"codeExecution"}),
        ({"search": True, "code": True}, {"googleSearch", "codeExecution"}),
    ],
)
async def test_a_modal_submitted_after_a_restart(
    scene: Scene, options: dict[str, bool], tools: set[str]
) -> None:
    asked = scene.asked("ask", **options)
    await opened(asked)
    await scene.restart()
    message = await answered(scene, asked, "How wide is it?", PAGE)
    assert "384 x 191 pixels" in body(message)
    assert scene.gemini.requests[-1].tools == tools


async def test_by_right_click_with_the_messages_files_and_more(scene: Scene) -> None:
    bob = scene.world.add_user("Bob")
    post = scene.world.post(bob.id, scene.world.text.id, "My mug.\nAdmit that it is best!", [COFFEE])
    asked = about(scene, post)
    modal = await opened(asked)
    (files,) = [part for part in walk(modal["components"]) if part.get("custom_id") == FILES]
    assert files["max_values"] == 9, "with that of the message they are ten"
    message = await answered(scene, asked, "Is it nicer than mine?", CAT)
    assert body(message).index("600 x 400") < body(message).index("451 x 300")
    prompt = scene.gemini.requests[-1].prompt
    assert "> My mug.\n> Admit that it is best!\n" in prompt
    assert "the first 1 came with that message" in prompt
    assert prompt.endswith("Is it nicer than mine?")
    assert "Bob" not in prompt
    assert f"/{post.id}" in message.text, "the heading leads to the message"


async def test_code_can_be_asked_about(scene: Scene) -> None:
    script = Upload("sum.py", b"def total(values):\n    return sum(values) + 1\n")
    message = await answered(scene, scene.asked("ask"), "Where is the bug?", script)
    assert "“def total(values): return sum(values) + 1”" in body(message)
    assert "2 lines" in body(message)


async def test_a_message_that_is_full_of_files(scene: Scene) -> None:
    asked = about(scene, scene.world.post(scene.person.id, scene.world.text.id, "", [PAGE] * 10))
    modal = await opened(asked)
    assert FILES not in {part.get("custom_id") for part in walk(modal["components"])}, "ten is the limit"
    await answered(scene, asked, "Are they all the same?")
    assert len(scene.gemini.requests[-1].measured) == 10


async def test_a_message_with_nothing_in_it(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "soon to be empty", [PAGE])
    post.content, post.attachments = "", []
    answer = await about(scene, post)
    assert (
        answer.content
        == "There is no text and no file in that message: use Ask on one that has some, or use /ask."
    )
    assert answer.ephemeral


async def test_after_a_restart_the_message_is_read_anew_where_that_is_allowed(scene: Scene) -> None:
    """In direct messages a bot may read all; elsewhere the message is blank without the intent."""
    direct = scene.world.open_dm(scene.person.id)
    for channel_id in (direct.id, scene.world.text.id):
        asked = about(scene, scene.world.post(scene.person.id, channel_id, "my dog", [PAGE]))
        await opened(asked)
        await scene.restart()
        pending = await submitted(scene, asked, "How large?")
        if channel_id == direct.id:
            assert "384 x 191" in body(await ended(pending))
            assert "> my dog" in scene.gemini.requests[-1].prompt
        else:
            await pending.wait_for(lambda it: it.answer is not None)
            assert pending.answer is not None
            assert pending.answer.content == "I no longer see that message: use Ask on it again."


async def test_where_the_bot_is_no_member(scene: Scene) -> None:
    world = scene.world
    elsewhere = world.add_guild("Elsewhere", with_bot=False)
    eve = world.add_user("Eve", elsewhere)
    channel = world.add_channel("chat", guild=elsewhere)
    world.install(eve.id)
    asked = world.run_on_message(eve.id, world.post(eve.id, channel.id, "a mug", [COFFEE]).id, "Ask")
    assert "600 x 400" in body(await answered(scene, asked, "How large?"))
    assert "> a mug" in scene.gemini.requests[-1].prompt
    await scene.parts.service.forget(eve.id, elsewhere.id)


async def test_in_a_group_of_people(scene: Scene) -> None:
    world = scene.world
    group = world.add_group([scene.person.id, world.add_user("Bob").id], "friends")
    world.install(scene.person.id)
    asked = world.run_command(scene.person.id, group.id, "ask", {})
    first = await answered(scene, asked, "How wide is it?", PAGE)
    assert "384 x 191" in body(first)
    await answered(scene, about(scene, first), "And how tall?")
    assert "How wide is it?" in scene.gemini.requests[-1].history[0]


async def test_on_an_answer_it_goes_on_with_it(scene: Scene) -> None:
    first = await answered(scene, scene.asked("ask", code=True), "How wide is it?", PAGE)
    await scene.restart()
    second = await answered(scene, about(scene, first), "And this one?", CAT)
    assert "384 x 191" in body(second)
    assert "451 x 300" in body(second)
    request = scene.gemini.requests[-1]
    assert "How wide is it?" in request.history[0]
    assert "384 x 191" in request.history[1], "its own answer"
    assert request.prompt.endswith("And this one?")
    assert request.tools == {"codeExecution"}, "with the tools of the first question"


async def test_the_continue_button_after_a_restart(scene: Scene) -> None:
    first = await answered(scene, scene.asked("ask"), "How wide is it?", PAGE)
    pressed = scene.world.click(scene.person.id, first.id, button(first, "Ask more")["custom_id"])
    await opened(pressed)
    await scene.restart()
    second = await answered(scene, pressed, "And compared with this?", CAT)
    assert "384 x 191" in body(second)
    assert "451 x 300" in body(second)
    assert scene.gemini.requests[-1].history[0].endswith("How wide is it?")


async def cleared(scene: Scene, channel_id: int | None = None) -> str:
    channel_id = channel_id or scene.world.text.id
    answer = await scene.world.run_command(scene.person.id, channel_id, "context clear")
    assert answer.ephemeral
    return answer.content


async def test_clearing_forgets_what_was_asked_here(scene: Scene) -> None:
    direct = scene.world.open_dm(scene.person.id)
    first = await answered(scene, scene.asked("ask"), "How wide is it?", PAGE)
    await answered(scene, scene.asked("ask"), "And this?", CAT)
    elsewhere = scene.world.run_command(scene.person.id, direct.id, "ask", {})
    kept = await answered(scene, elsewhere, "A secret?")
    text = await cleared(scene)
    assert text == (
        "Forgotten: 2 answers to you in this server, with their files. They can't be continued any more."
    )
    assert await cleared(scene) == "I keep nothing of what you asked in this server."
    pending = await submitted(scene, about(scene, first), "Why?")
    await pending.wait_for(lambda it: it.answer is not None)
    assert pending.answer is not None
    assert pending.answer.content.startswith("I can't go on with that answer: ")
    assert "Why?" in body(await answered(scene, about(scene, kept), "Why?")), "that was said elsewhere"
    assert await cleared(scene, direct.id) == (
        "Forgotten: 2 answers to you in direct messages, with their files. They can't be continued any more."
    )
    with closing(sqlite3.connect(scene.path)) as plain:
        assert plain.execute("SELECT count(*) FROM answers").fetchone() == (0,)
        assert plain.execute("SELECT count(*) FROM answer_files").fetchone() == (0,)


async def test_an_answer_of_yesterday(scene: Scene) -> None:
    first = await answered(scene, scene.asked("ask"), "How wide is it?", PAGE)
    with closing(sqlite3.connect(scene.path)) as plain, plain:
        plain.execute("UPDATE answers SET until = until - ?", [DAY_S])
    pending = await submitted(scene, about(scene, first), "Why?")
    await pending.wait_for(lambda it: it.answer is not None)
    assert pending.answer is not None
    assert "for a day from its end" in pending.answer.content


async def test_what_somebody_else_presses_is_not_taken_for_a_question(scene: Scene) -> None:
    """A modal of another part of the bot is left to it."""
    asked = scene.asked("ask")
    modal = await opened(asked)
    modal["custom_id"] = "earshot:other"
    scene.world.submit_modal(asked, {QUESTION: "Is it mine?"})
    assert "You asked" in body(await answered(scene, scene.asked("ask"), "And this?"))
    assert len(scene.gemini.requests) == 1
