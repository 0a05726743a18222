"""What the bot says of itself when it comes into a channel: once, when somebody is there to hear it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from call_scene import Scene, marked, running_scene, speak
from loopback import eventually, is_notice

from bot.conversation.call import Call
from bot.conversation.notice import HEAD, Notice, NoticeState, words
from bot.conversation.options import CallOptions
from bot.conversation.room import Mode
from bot.conversation.toolbox import Tool, ToolUse
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.knobs import Call as FunctionCall
from bot.emulators.gemini.knobs import ToolScript
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.live.states import LiveState
from bot.live.tools import FunctionSpec

WORDS = words("Earshot", None, everyone=False)
QUIET_S = 0.6  # in which a notice would have come: the model thinks for 0.2 s


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    gemini_emulator.knobs.playback_speed = 20.0  # the model takes it to be said soon
    async with running_scene(discord_emulator, gemini_emulator) as made:
        made.options = CallOptions(notice=WORDS)
        yield made
        for person in made.people:
            await person.leave()


def notices(scene: Scene) -> list[Turn]:
    return [turn for turn in scene.model_turns() if is_notice(turn)]


def spoken(scene: Scene) -> int:
    """Return how many datagrams of speech the bot has sent."""
    entries = scene.there.trace.of("udp.in")
    bot = scene.world.bot.id
    return sum(e.fields.get("user_id") == bot and e.fields.get("silence") is False for e in entries)


async def somebody_comes(scene: Scene, name: str = "Ada", *, bot: bool = False) -> int:
    """Let somebody join with a client of their own, and return their id."""
    person = Person(scene.there, scene.world.add_user(name))
    person.user.bot = bot
    await person.join(scene.world.voice_channels[0].id)
    scene.people.append(person)
    return person.user.id


# -- the words


@pytest.mark.parametrize(
    ("language", "everyone", "expected"),
    [
        (None, False, ("who have agreed", "English, unless you are instructed")),
        ("de-DE", False, ("who have agreed", "Speak German.")),
        ("tlh", True, ("everyone here who has not objected", "the language tlh")),
    ],
)
def test_the_words_tell_what_it_is_and_whom_it_hears(
    language: str | None, everyone: bool, expected: tuple[str, str]
) -> None:
    text = words("Earshot", language, everyone=everyone)
    assert text.startswith(HEAD)
    assert "one short sentence" in text
    assert "you are Earshot, an AI" in text
    assert all(part in text for part in expected)


def test_where_a_button_is_pressed_it_does_not_claim_to_hear_before() -> None:
    assert "hear those here who have agreed to it, once they press Talk." in words(
        "Earshot", None, everyone=False, pressed=True
    )
    assert "Talk" not in WORDS


def test_it_is_due_once() -> None:
    notice = Notice("say it")
    assert notice.take() is None, "nobody is there"
    notice.somebody_is_there()
    assert notice.take() == "say it"
    assert notice.take() is None
    assert notice.cut()
    assert not notice.cut()
    assert notice.take() == "say it", "nothing of it was heard"
    notice.answered()
    assert not notice.cut()
    notice.somebody_is_there()
    assert notice.take() is None
    assert notice.state is NoticeState.OVER


def test_without_words_there_is_none() -> None:
    notice = Notice("")
    notice.reword("say it")
    notice.somebody_is_there()
    assert notice.take() is None


def test_it_is_said_as_it_was_set_last() -> None:
    notice = Notice("say it")
    notice.reword("say something else")
    notice.somebody_is_there()
    assert notice.take() == "say something else"


# -- in a call


async def test_it_is_said_when_the_first_person_comes_and_not_again(scene: Scene) -> None:
    call = await scene.join()
    await asyncio.sleep(QUIET_S)
    assert scene.model_turns() == [], "nobody is there"
    await somebody_comes(scene)
    await eventually(lambda: spoken(scene) > 0)
    assert [turn.texts for turn in notices(scene)] == [(WORDS,)]
    await eventually(lambda: call.status().live_to_ear.count == 1)
    await somebody_comes(scene, "Ben")
    scene.gemini.sessions[-1].close(1011)
    await eventually(lambda: len(scene.gemini.sessions) == 2 and call._live.state is LiveState.READY)
    await asyncio.sleep(QUIET_S)
    assert len(notices(scene)) == 1, "neither for the next person nor after a reconnect"


async def test_a_bot_is_nobody_to_tell(scene: Scene) -> None:
    await scene.join()
    await somebody_comes(scene, "Music", bot=True)
    await asyncio.sleep(QUIET_S)
    assert scene.model_turns() == []
    await somebody_comes(scene)
    await eventually(lambda: len(notices(scene)) == 1)


async def test_who_comes_back_says_nothing(scene: Scene) -> None:
    await somebody_comes(scene)
    await scene.calls.join(scene.lounge, scene.text, notice=False)
    await asyncio.sleep(QUIET_S)
    assert scene.model_turns() == []


async def test_where_it_answers_only_who_calls_it_it_is_heard_too(scene: Scene) -> None:
    scene.options = CallOptions(mode=Mode.ADDRESSED, names=("Earshot",), notice=WORDS)
    await somebody_comes(scene)
    call = await scene.join()
    await eventually(lambda: spoken(scene) > 0)
    await eventually(lambda: call._talk.downlink is not None and not call._talk.downlink.busy)
    told = spoken(scene)
    ben = await somebody_comes(scene, "Ben")
    speak(call, ben, 60)  # to somebody else
    await eventually(lambda: len(scene.model_turns()) == 2)
    await eventually(lambda: call._talk.downlink is not None and call._talk.downlink.gate is not None)
    gate = call._talk.downlink.gate if call._talk.downlink is not None else None
    assert gate is not None
    await eventually(lambda: gate.dropped == 1)
    assert spoken(scene) == told, "the notice made nobody a partner"


async def test_who_speaks_to_others_before_it_is_heard_is_not_answered_for_it(scene: Scene) -> None:
    scene.options = CallOptions(mode=Mode.ADDRESSED, names=("Earshot",), notice=WORDS)
    scene.gemini.knobs.think_s = 1.0
    ada = await somebody_comes(scene)
    call = await scene.join()
    await eventually(lambda: len(notices(scene)) == 1)
    speak(call, ada, 25)
    await eventually(lambda: call._talk.downlink is not None and call._talk.downlink.gate is not None)
    gate = call._talk.downlink.gate if call._talk.downlink is not None else None
    assert gate is not None
    await eventually(lambda: gate.dropped == 1)
    assert spoken(scene) == 0
    await eventually(lambda: spoken(scene) > 0)
    assert len(notices(scene)) == 2
    assert gate.dropped == 1


async def test_who_speaks_first_is_answered_first_and_told_then(scene: Scene) -> None:
    scene.gemini.knobs.think_s = 1.0
    ada = await somebody_comes(scene)
    call = await scene.join()
    await eventually(lambda: len(notices(scene)) == 1)
    speak(call, ada, marked(1, 25))
    await eventually(lambda: len(scene.model_turns()) == 2)
    assert notices(scene)[0].interrupted_at is not None
    await eventually(lambda: len(notices(scene)) == 2)
    assert not is_notice(scene.model_turns()[1])
    assert scene.model_turns()[1].spoken_bytes > 0, "after the answer to the person"
    await eventually(lambda: notices(scene)[1].spoken_bytes > 0)


async def test_who_interrupts_it_is_not_told_again(scene: Scene) -> None:
    scene.gemini.knobs.playback_speed = 1.0
    ada = await somebody_comes(scene)
    call = await scene.join()
    await eventually(lambda: spoken(scene) > 10)
    speak(call, ada, 25)
    await eventually(lambda: len(scene.model_turns()) == 2 and scene.model_turns()[1].spoken_bytes > 0)
    assert notices(scene)[0].interrupted_at is not None
    assert call.status().barge_in.count == 1
    await eventually(lambda: call._talk.room.idle and scene.model_turns()[1].ended_at is not None)
    await asyncio.sleep(QUIET_S)
    assert len(notices(scene)) == 1


async def test_who_wants_quiet_has_it(scene: Scene) -> None:
    scene.gemini.knobs.think_s = 1.0
    await somebody_comes(scene)
    call = await scene.join()
    await eventually(lambda: len(notices(scene)) == 1)
    call.hush()
    await asyncio.sleep(1.0 + QUIET_S)
    assert len(notices(scene)) == 1


async def test_what_the_model_does_with_it_nobody_asked_for(scene: Scene) -> None:
    used: list[ToolUse] = []

    async def run(use: ToolUse) -> dict[str, str]:
        used.append(use)
        return {"result": "done"}

    def tools(_call: Call) -> list[Tool]:
        return [Tool(FunctionSpec("post", "Post something."), run)]

    scene.gemini.knobs.tool_calls.append(ToolScript((FunctionCall("post", {}),)))
    scene.calls = scene.more_calls(tools)
    await somebody_comes(scene)
    await scene.join()
    await eventually(lambda: len(used) == 1)
    assert used[0].askers == frozenset()
