"""Function calls in a call where the bot answers only who calls it: what is told of a result is heard."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from call_scene import Scene, running_scene, speak
from loopback import eventually

from bot.conversation.call import Call
from bot.conversation.calls import Calls
from bot.conversation.options import CallOptions
from bot.conversation.room import Mode
from bot.conversation.toolbox import Result, Tool, ToolUse
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini import knobs, messages
from bot.emulators.gemini.faults import Fault, Send, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.setup import LiveSetup
from bot.live.tools import FunctionSpec


class Addressed:
    """A call in which the bot has to be called by its name, and one function."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.uses: list[ToolUse] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.calls = Calls(
            live_client=scene.live,
            setup_of=lambda _guild_id: LiveSetup("gemini-3.8-live", "Kore", "Be kind."),
            clock=scene.clock,
            path=scene.path,
            consented=lambda _guild_id, _user_id: True,
            options_of=lambda _guild_id: CallOptions(mode=Mode.ADDRESSED, names=("Earshot",)),
            tools_of=lambda _call: [Tool(FunctionSpec("lamp", "Switch a lamp."), self.run)],
        )

    async def run(self, use: ToolUse) -> Result:
        self.uses.append(use)
        await self.let_go.wait()
        return {"result": "the lamp is on"}

    async def join(self) -> Call:
        return await self.calls.join(self.scene.lounge, self.scene.text)

    def say(self, call: Call, words: str, *, calls: bool = True, heard: int = 1) -> None:
        """Say something that the model understands so, and for which it calls the function.

        It understands it so as often as it is `heard`.
        """
        gemini = self.scene.gemini.knobs
        gemini.faults.append(Fault(Where.TURN, Send(messages.input_transcript(words)), times=heard))
        if calls:
            gemini.tool_calls.append(knobs.ToolScript((knobs.Call("lamp", {}),)))
        speak(call, 1, 50)

    async def lose(self, call: Call) -> None:
        """Lose the connection once the model has said something, while the function runs."""
        turns = self.scene.model_turns
        await eventually(lambda: len(self.uses) == 1 and bool(turns()) and turns()[0].ended_at is not None)
        await eventually(lambda: call._live.counters()["live_answers"] == 1)
        assert call._talk.errands.toolbox.running == 1
        self.scene.gemini.sessions[-1].close(1011)

    async def told(self) -> None:
        """Wait until the model has told of the result, and nothing goes on."""
        turns = self.scene.model_turns
        await eventually(lambda: any("lamp returned" in turn.answer and turn.ended_at for turn in turns()))


@pytest.fixture
async def addressed(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Addressed]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    gemini_emulator.knobs.playback_speed = 1.0
    discord_emulator.knobs.dave.max_version = 0  # nobody is in the channel with whom to make keys
    async with running_scene(discord_emulator, gemini_emulator) as scene:
        made = Addressed(scene)
        yield made
        await made.calls.close()


def played(call: Call) -> int:
    return call.status().live_to_ear.count


def let_through(call: Call) -> int:
    """Return how many answers were heard, also where one follows another without a pause."""
    return call.status().address_hold.count


async def test_the_answer_after_a_function_is_heard_like_the_one_before(addressed: Addressed) -> None:
    call = await addressed.join()
    addressed.say(call, "Earshot, switch the lamp on")
    await addressed.told()
    await eventually(lambda: played(call) == 2)
    assert [(use.askers, use.tainted) for use in addressed.uses] == [(frozenset({1}), False)]
    assert call.status().counters["tools_run"] == 1


async def test_what_nobody_asked_for_is_tainted_and_not_heard(addressed: Addressed) -> None:
    call = await addressed.join()
    addressed.say(call, "the lamp is nice")
    await addressed.told()
    assert played(call) == 0
    assert [use.tainted for use in addressed.uses] == [True]


async def test_an_answer_that_waits_for_a_function_is_heard_though_the_connection_is_lost(
    addressed: Addressed,
) -> None:
    addressed.let_go.clear()
    addressed.scene.gemini.knobs.playback_speed = 8.0
    call = await addressed.join()
    addressed.say(call, "Earshot, switch the lamp on", calls=False)
    await eventually(lambda: played(call) == 1)  # and that is its answer to the words
    lamp = {"id": "call-9", "name": "lamp", "args": {}}
    addressed.scene.gemini.sessions[-1].inject({"toolCall": {"functionCalls": [lamp]}})
    await addressed.lose(call)
    assert let_through(call) == 1
    await eventually(lambda: let_through(call) == 2)
    gate = call._talk._gate()
    assert gate is not None
    assert gate.partners == {1}, "who asked is who is told"


async def test_so_is_one_to_words_that_are_heard_again(addressed: Addressed) -> None:
    addressed.let_go.clear()
    addressed.scene.gemini.knobs.playback_speed = 8.0
    call = await addressed.join()
    addressed.say(call, "Earshot, switch the lamp on", heard=2)
    await addressed.lose(call)
    assert let_through(call) == 1
    await eventually(lambda: let_through(call) == 2)
    gate = call._talk._gate()
    assert gate is not None
    assert gate.partners == {1}, "whose next turn is a follow-up"


async def test_what_a_function_was_to_give_that_nobody_asked_for_is_not_heard(addressed: Addressed) -> None:
    addressed.let_go.clear()
    addressed.scene.gemini.knobs.playback_speed = 8.0
    call = await addressed.join()
    addressed.say(call, "the lamp is nice", heard=2)
    await addressed.lose(call)
    turns = addressed.scene.model_turns
    await eventually(lambda: len(turns()) > 1 and turns()[-1].ended_at is not None)
    await eventually(lambda: not call.talking)
    assert played(call) == 0


async def test_the_model_is_told_of_functions_only_where_there_are_any(addressed: Addressed) -> None:
    await addressed.join()
    setup = addressed.scene.gemini.sessions[-1].log.setup
    assert setup is not None
    assert setup.functions == {"lamp": "NON_BLOCKING"}
    assert "Never say that something is done before its result says so" in setup.instruction
    await addressed.calls.leave(addressed.scene.guild_id)
    await addressed.scene.join()
    without = addressed.scene.gemini.sessions[-1].log.setup
    assert without is not None
    assert without.functions == {}
    assert "calling functions" not in without.instruction
