"""Function calls in a call where the bot answers only who calls it: what is told of a result is heard."""

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
        return {"result": "the lamp is on"}

    async def join(self) -> Call:
        return await self.calls.join(self.scene.lounge, self.scene.text)

    def say(self, call: Call, words: str) -> None:
        """Say something that the model understands so, and for which it calls the function."""
        gemini = self.scene.gemini.knobs
        gemini.faults.append(Fault(Where.TURN, Send(messages.input_transcript(words))))
        gemini.tool_calls.append(knobs.ToolScript((knobs.Call("lamp", {}),)))
        speak(call, 1, 50)

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
