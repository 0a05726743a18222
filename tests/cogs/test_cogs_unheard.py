"""Who speaks in a call and has not agreed is told so in its chat, once, with the button; on the whole bot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from answer_bot import labels
from call_bot import choose
from loopback import eventually
from manners_scene import SPEECH, Scene, manners_scene

from bot.emulators.discord.model import Message
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Fault, Stall, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.live import session
from bot.voice.receive import UNHEARD_AFTER
from cogs import unheard
from cogs.consent import GIVE_ID, HEARD, WITHDRAW_ID

TOLD = "I don't hear you, since you have not agreed to it."
SETTLED_S = unheard.GATHER_S + 1.0


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        yield scene


def told(scene: Scene, channel_id: int | None = None) -> list[Message]:
    """Return the messages in which somebody is told, in the chat of the voice channel or elsewhere."""
    messages = scene.world.messages(channel_id or scene.lounge)
    return [message for message in messages if TOLD in message.text]


async def another(scene: Scene, name: str) -> Person:
    person = Person(scene.bot.discord, scene.world.add_user(name))
    await person.join(scene.lounge)
    await person.secured_with(scene.me)
    scene.people.append(person)
    return person


async def test_who_is_not_heard_is_told_once_and_is_heard_after_the_button(scene: Scene) -> None:
    bob = await scene.bob()
    await bob.speak(SPEECH)
    await eventually(lambda: bool(told(scene)))
    (message,) = told(scene)
    assert message.text.startswith(f"<@{bob.user.id}>: {TOLD} To talk with me, press “Let Earshot hear me”")
    assert "18 or older" in message.text and "Google Gemini" in message.text
    assert "a transcript is kept for 7 days" in message.text and "unpaid quota" in message.text
    assert message.mentions == []
    assert labels(message) == ["Let Earshot hear me"]
    assert not scene.bot.turns(), "nothing of it reached the model"

    before = await scene.bot.count("unconsented")
    await bob.speak(SPEECH)
    await asyncio.sleep(SETTLED_S)
    assert await scene.bot.count("unconsented") > before + UNHEARD_AFTER
    assert len(told(scene)) == 1

    assert (await bob.click(message, GIVE_ID)).text == HEARD
    await bob.speak(SPEECH)
    await eventually(lambda: len(scene.bot.turns()) == 1)
    assert scene.bot.turns()[0].speaker == "Bob"
    await eventually(lambda: "**Bob:**" in scene.world.messages(scene.lounge)[-1].text)
    assert message in scene.world.messages(scene.lounge)[:-1], "captions go on below it"


async def test_who_is_heard_and_who_has_objected_are_not_told(scene: Scene) -> None:
    bob = await scene.bob()
    await bob.click(scene.joined, WITHDRAW_ID)
    await asyncio.gather(bob.speak(SPEECH), scene.ada.speak(SPEECH))
    await asyncio.sleep(SETTLED_S)
    assert await scene.bot.count("unconsented") > UNHEARD_AFTER
    assert told(scene) == told(scene, scene.world.text.id) == []


async def test_several_are_told_in_one_message_and_the_next_only_after_the_pace(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "PACE_S", 8.0)
    bob, cyn = await scene.bob(), await another(scene, "Cyn")
    await asyncio.gather(bob.speak(SPEECH), cyn.speak(SPEECH))
    await eventually(lambda: bool(told(scene)))
    (first,) = told(scene)
    assert {f"<@{bob.user.id}>", f"<@{cyn.user.id}>"} == set(first.text.partition(": ")[0].split(" and "))
    dan = await another(scene, "Dan")
    await dan.speak(SPEECH)
    await asyncio.sleep(1.0)
    assert len(told(scene)) == 1
    await eventually(lambda: len(told(scene)) == 2)
    assert told(scene)[1].text.startswith(f"<@{dan.user.id}>: ")


async def test_who_agrees_before_the_message_is_not_named(scene: Scene) -> None:
    bob = await scene.bob()
    speaking = asyncio.create_task(bob.speak(SPEECH), name="speaking")
    await asyncio.sleep(1.0)
    await bob.click(scene.joined, GIVE_ID)
    await speaking
    await asyncio.sleep(SETTLED_S)
    assert told(scene) == []


async def test_where_the_chat_is_closed_it_stands_in_the_text_channel(scene: Scene) -> None:
    scene.world.set_permissions(scene.lounge, scene.me, deny=Permission.SEND_MESSAGES)
    bob = await scene.bob()
    await bob.speak(SPEECH)
    await eventually(lambda: bool(told(scene, scene.world.text.id)))
    assert told(scene) == []


async def test_who_has_to_press_a_button_is_asked_once_nobody_has_to(scene: Scene) -> None:
    await choose(scene.bot, "talk:mode", "push-to-talk")
    bob = await scene.bob()
    await bob.speak(SPEECH)
    await asyncio.sleep(SETTLED_S)
    assert await scene.bot.count("unconsented") > 2 * UNHEARD_AFTER
    assert told(scene) == []
    await choose(scene.bot, "talk:mode", "everyone")
    await bob.speak(SPEECH)
    await eventually(lambda: len(told(scene)) == 1)


async def test_who_could_not_be_told_is_told_when_they_speak_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unheard, "PACE_S", 0.0)
    for channel_id in (scene.lounge, scene.world.text.id):
        scene.world.set_permissions(channel_id, scene.me, deny=Permission.SEND_MESSAGES)
    bob = await scene.bob()
    await bob.speak(SPEECH)
    await asyncio.sleep(SETTLED_S)
    assert told(scene) == []
    scene.world.set_permissions(scene.lounge, scene.me, deny=Permission(0))
    await bob.speak(SPEECH)
    await eventually(lambda: len(told(scene)) == 1)


async def test_a_call_that_ends_tells_nobody(scene: Scene) -> None:
    bob = await scene.bob()
    speaking = asyncio.create_task(bob.speak(SPEECH), name="speaking")
    await asyncio.sleep(1.0)
    await scene.run("leave")
    await speaking
    await asyncio.sleep(SETTLED_S)
    assert told(scene) == []
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("unheard-")]


async def test_a_call_that_never_began_tells_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.run("leave")
    monkeypatch.setattr(session, "START_S", 5.0)
    monkeypatch.setattr(unheard, "GATHER_S", 8.0)
    bob = Person(scene.bot.discord, scene.world.add_user("Bob"))
    scene.people.append(bob)
    await bob.join(scene.lounge)
    scene.bot.gemini.knobs.faults.append(Fault(Where.SETUP, Stall(), times=99))
    joining = scene.run("join")
    await bob.secured_with(scene.me)
    await bob.speak(SPEECH)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("unheard-")]
    assert "Gemini did not answer in time" in (await joining).text
    await eventually(
        lambda: not [task for task in asyncio.all_tasks() if task.get_name().startswith("unheard-")]
    )
    assert told(scene) == told(scene, scene.world.text.id) == []


async def test_who_comes_back_is_not_told_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unheard, "PACE_S", 0.0)
    bob = await scene.bob()
    await bob.speak(SPEECH)
    await eventually(lambda: len(told(scene)) == 1)
    await bob.leave()
    await bob.join(scene.lounge)
    await bob.secured_with(scene.me)
    before = await scene.bot.count("unconsented")
    await bob.speak(SPEECH)
    await asyncio.sleep(SETTLED_S)
    assert await scene.bot.count("unconsented") > before + UNHEARD_AFTER
    assert len(told(scene)) == 1
