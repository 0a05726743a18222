"""Whose word a function call rests on where the model finds the turns itself, and so may be quick."""

import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from call_scene import NOISE, Scene, running_scene, speak
from loopback import eventually

from bot.audio.pcm import FRAME_MS
from bot.conversation.call import Call
from bot.conversation.options import CallOptions
from bot.conversation.toolbox import Result, Tool, ToolUse
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini import knobs
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.tools import FunctionSpec
from bot.voice.events import Heard

ADA, BEN = 1, 2
STALL_S = 5.0  # longer than any machine makes the model wait


class Quick:
    """A call in which the model ends turns sooner than Discord does, and a function."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.uses: list[tuple[float, ToolUse]] = []
        scene.turns = "model"
        self.calls = scene.more_calls(lambda _call: [Tool(FunctionSpec("lamp", "Switch a lamp."), self.run)])

    async def run(self, use: ToolUse) -> Result:
        self.uses.append((time.monotonic(), use))
        return {"result": "the lamp is on"}

    async def join(self) -> Call:
        return await self.calls.join(self.scene.lounge, self.scene.text)

    def stop_short(self, call: Call, user_id: int, frames: int = 50) -> float:
        """Speak, and fall silent without a word of that; return when the turn ends for the floor."""
        began = time.monotonic() - frames * FRAME_MS / 1000
        for index in range(frames):
            heard = Heard(user_id, np.frombuffer(NOISE.tobytes(), np.int16), began + index * FRAME_MS / 1000)
            call._voice_event(heard)
        return began + (frames - 1) * FRAME_MS / 1000 + STALL_S


@pytest.fixture(params=[False, True], ids=["floor", "mix"])
async def quick(
    request: pytest.FixtureRequest,
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Quick]:
    monkeypatch.setattr("bot.conversation.floor.STALL_S", STALL_S)
    monkeypatch.setattr("bot.conversation.mix.STALL_S", STALL_S)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    gemini_emulator.knobs.playback_speed = 8.0
    discord_emulator.knobs.dave.max_version = 0  # nobody is in the channel with whom to make keys
    async with running_scene(discord_emulator, gemini_emulator) as scene:
        scene.options = CallOptions(mixed=request.param)
        made = Quick(scene)
        yield made
        await made.calls.close()


async def test_who_still_has_the_floor_is_among_who_asked(quick: Quick) -> None:
    call = await quick.join()
    speak(call, ADA, 50)
    turns = quick.scene.model_turns
    await eventually(lambda: len(turns()) == 1 and turns()[0].ended_at is not None and not call.talking)

    rule = knobs.ToolRule((knobs.Call("lamp", {}),))
    quick.scene.gemini.knobs.tool_rules.append(rule)
    released = quick.stop_short(call, BEN)
    await eventually(lambda: len(quick.uses) == 1)
    at, use = quick.uses[0]
    assert at < released, "the model was quicker than the floor"
    assert use.askers == {BEN}, "Ada has had her answer"
