"""The buttons of answers, also after a restart."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from answer_bot import body, button, ended, labels
from answer_scene import ACTS, END, PICTURE, Scene, answer_scene
from loopback import eventually

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.errors import EarshotError
from bot.media.events import Finished
from bot.media.request import Turn
from bot.media.tasks.ask import Ask
from bot.media.tasks.rewrite import GoOn, Shorter, Translate
from cogs.answer import Answers
from cogs.modal_fields import FILES, QUESTION


@pytest.fixture
async def scene(discord_emulator: DiscordEmulator) -> AsyncIterator[Scene]:
    async with answer_scene(discord_emulator) as running:
        yield running


async def test_cancel_stops_and_keeps_what_came(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    refused = await scene.press(message, "Cancel", scene.bob)
    assert refused.ephemeral
    assert refused.text.startswith("Only who asked can stop this answer, or")
    assert scene.script.running == 1
    stopped = scene.press(message, "Cancel")
    done = await ended(asked)
    await stopped.acknowledged()
    assert body(done) == "Some words"
    assert done.text.endswith("-# Stopped.")
    assert labels(done) == [*ACTS, "Write the rest"]
    await eventually(lambda: scene.script.running == 0)


async def test_cancel_of_an_answer_that_ended(scene: Scene) -> None:
    asked = scene.describe()
    scene.script.say("Some words")
    message = await asked.response()
    cancel = button(message, "Cancel")["custom_id"]
    await scene.restart()
    scene.world.posts.by_id(message.id).components = [
        {"type": 1, "id": 1, "components": [{"type": 2, "id": 2, "style": 2, "custom_id": cancel}]}
    ]
    late = await scene.world.click(scene.ada.id, message.id, cancel)
    assert late.text == "This answer has ended already."


@pytest.mark.parametrize("restarted", [False, True])
async def test_again_shorter_translate_and_go_on(
    scene: Scene, restarted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = scene.describe(question="Why?")
    scene.script.say("A long answer", Finished(END.model, END.usage, 1.0, "It broke off."))
    message = await ended(asked)
    assert "-# It broke off." in message.text
    if restarted:
        kept = scene.script.requests[0]
        scene.script.kept[kept.id] = (kept, "A long answer")
        await scene.restart()
    monkeypatch.setattr("bot.emulators.discord.interaction_payload.LOCALE", "pt-BR")
    for number, label in enumerate(("Again", "Shorter", "Translate", "Write the rest"), start=1):
        pressed = scene.press(message, label, scene.bob)
        scene.script.say(f"Answer {number}", END)
        other = await ended(pressed)
        assert other.id != message.id
        assert body(other) == f"Answer {number}"
    first, again, *others = scene.script.requests
    assert (again.sources, again.task, again.turns) == (first.sources, first.task, ())
    assert (again.user_id, again.locale, again.heading) == (scene.bob.id, "pt-BR", first.heading)
    assert [each.task for each in others] == [
        Shorter("A long answer"),
        Translate("A long answer", "pt-BR"),
        GoOn(),
    ]
    for each in others:
        assert (each.sources, each.after) == ((), first.id)
        assert each.turns == (Turn("Why?", "A long answer", first.sources),)
    assert len({each.id for each in scene.script.requests}) == 5


async def test_rows_of_buttons(scene: Scene) -> None:
    await scene.restart(speaker=Mouth())
    message = await scene.answer("Half", Finished(END.model, END.usage, 1.0, "It broke off."))
    rows = [[part["label"] for part in row["components"]] for row in message.components if row["type"] == 1]
    assert rows == [["Again", "Shorter", "Translate"], ["Ask more", "Write the rest", "Speak it"]]


async def submitted(scene: Scene, pressed: Interaction, question: str, *files: Upload) -> Interaction:
    await pressed.opened_modal()
    values: dict[str, object] = {QUESTION: question} | ({FILES: list(files)} if files else {})
    return scene.world.submit_modal(pressed, values)


@pytest.mark.parametrize("restarted", [False, True])
async def test_continue_asks_a_question_that_follows(scene: Scene, restarted: bool) -> None:
    message = await scene.answer("A cat.", END, question="What is it?")
    first = scene.script.requests[0]
    scene.script.kept[first.id] = (first, "A cat.")
    pressed = scene.press(message, "Ask more", scene.bob)
    await pressed.opened_modal()
    if restarted:
        await scene.restart()
    asked = await submitted(scene, pressed, "And this?", Upload("dog.png", b"dog"))
    scene.script.say("A dog.", END)
    answer = await ended(asked)
    assert answer.id != message.id
    assert body(answer) == "A dog."
    assert answer.text.startswith("-# And this? · dog.png\n")
    request = scene.script.requests[-1]
    assert request.task == Ask("And this?")
    assert [source.filename for source in request.sources] == ["dog.png"]
    assert request.turns == (Turn("What is it?", "A cat.", first.sources),)
    assert (request.after, request.user_id) == (first.id, scene.bob.id)
    assert request.id not in ("", first.id)


async def test_buttons_of_an_answer_that_nobody_knows(scene: Scene) -> None:
    message = await scene.answer("Half", Finished(END.model, END.usage, 1.0, "It broke off."))
    await scene.restart()
    for label in (*ACTS, "Write the rest"):
        told = await scene.press(message, label)
        assert told.text == "I no longer have what was asked there: use the command again."
        assert told.ephemeral
    assert len(scene.script.requests) == 1


async def test_what_was_cleared_is_not_brought_back_by_a_button(scene: Scene) -> None:
    message = await scene.answer("A cat.", END)
    answers = scene.bot.get_cog("Answers")
    assert isinstance(answers, Answers)
    answers.forget(scene.bob.id, scene.world.guild.id)
    answers.forget(scene.ada.id, None)
    assert (await scene.press(message, "Ask more").opened_modal())["title"] == "Ask more about this answer"
    answers.forget(scene.ada.id, scene.world.guild.id)
    assert (await scene.press(message, "Ask more")).text.startswith("I no longer have")


@dataclass
class Mouth:
    """A call in a server, and what is to be read there."""

    open: bool = True
    error: str = ""
    said: list[tuple[int, int, str]] = field(default_factory=list)

    def can_speak(self, guild_id: int) -> bool:
        return self.open

    async def speak(self, guild_id: int, user_id: int, text: str) -> None:
        if self.error:
            raise EarshotError(self.error)
        self.said.append((guild_id, user_id, text))


async def test_an_answer_is_read_aloud_where_a_call_runs(scene: Scene) -> None:
    mouth = Mouth()
    await scene.restart(speaker=mouth)
    message = await scene.answer("A **cat**.", END)
    told = await scene.press(message, "Speak it", scene.bob)
    assert told.ephemeral
    assert told.content == "I read it aloud as soon as nobody speaks."
    assert mouth.said == [(scene.world.guild.id, scene.bob.id, "A **cat**.")]
    mouth.error = "Join the call first."
    told = await scene.press(message, "Speak it", scene.bob)
    assert told.ephemeral
    assert told.content == "Join the call first."
    mouth.open = False
    told = await scene.press(message, "Speak it", scene.bob)
    assert told.text == "I am in no call here any more: /join begins one."
    assert labels(await scene.answer("A cat.", END)) == ACTS


async def test_nothing_is_read_aloud_in_direct_messages(scene: Scene) -> None:
    await scene.restart(speaker=Mouth())
    direct = scene.world.open_dm(scene.ada.id)
    asked = scene.world.run_command(scene.ada.id, direct.id, "describe", {"image1": PICTURE})
    scene.script.say("A cat.", END)
    assert labels(await ended(asked)) == ACTS
