"""Functions that take long, fail or never return, and connections that are lost: the call goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback import eventually
from tool_scene import Scene, tool_scene

from bot import app
from bot.audio.pcm import DISCORD_HZ
from bot.conversation.call import Call
from bot.conversation.toolbox import Result, Tool, ToolUse
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini import knobs
from bot.emulators.gemini.faults import Abort, Fault, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.tools import FunctionSpec
from bot.tools.kit import Kit

SLOW_S = 4.0


class Troubled(Kit):
    """The kit, and some more that give trouble."""

    def of(self, call: Call) -> list[Tool]:
        made = [("slow", slow, 10.0), ("stuck", stuck, 1.0), ("broken", broken, 10.0)]
        return [*super().of(call), *(Tool(FunctionSpec(name, name), run, limit) for name, run, limit in made)]


async def slow(_use: ToolUse) -> Result:
    await asyncio.sleep(SLOW_S)
    return {"result": "slowly done"}


async def stuck(_use: ToolUse) -> Result:
    await asyncio.Event().wait()
    return {}


async def broken(_use: ToolUse) -> Result:
    raise ZeroDivisionError


@pytest.fixture
async def troubled(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    monkeypatch.setattr(app, "Kit", Troubled)
    async with tool_scene(discord_emulator, gemini_emulator, tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("stuck", "It took too long and was given up."),
        ("broken", "It failed; say so, and go on."),
        ("unheard_of", "There is no function of this name."),
    ],
)
async def test_what_fails_is_answered_and_the_call_goes_on(troubled: Scene, name: str, error: str) -> None:
    before = len(troubled.results())
    # A rule holds for functions that are declared; a model that has lost its way calls others too.
    troubled.bot.gemini.knobs.tool_calls.append(knobs.ToolScript((knobs.Call(name, {}),)))
    await troubled.say()
    await eventually(lambda: len(troubled.results()) > before)
    assert troubled.results()[-1].response == {"error": error}
    await troubled.told(f"{name} returned: {error[:-1]}")
    assert "people" in await troubled.ask("who_is_here")


async def test_what_takes_long_is_announced_by_a_sound_that_people_hear(troubled: Scene) -> None:
    ada, bot_id = troubled.people["Ada"], troubled.world.bot.id
    # Nothing is said before the result: the model waits for it.
    troubled.bot.gemini.knobs.think_s = SLOW_S + 3.0
    await asyncio.sleep(0.3)
    loop = asyncio.get_running_loop()
    rule = troubled.rule(knobs.Call("slow", {}))
    await troubled.say()
    await eventually(lambda: rule.hits == 1)
    called = loop.time()
    await asyncio.sleep(SLOW_S - 0.5)
    heard = ada.recording(called, called + SLOW_S - 0.6, bot_id)
    first = next(at for at, level in levels(heard) if level > 300)
    assert 1.9 < first < 2.6, "2 s after the call"
    tones = [pitch(heard, first + at) for at in (0.06, 0.18)]
    assert tones[0] == pytest.approx(587.3, rel=0.04)
    assert tones[1] == pytest.approx(880.0, rel=0.04)
    assert max(level for at, level in levels(heard) if at > first + 0.4) < 100, "and then it is quiet"
    await troubled.told("slow returned: slowly done.")


async def test_what_is_quick_makes_no_sound(troubled: Scene) -> None:
    ada, bot_id = troubled.people["Ada"], troubled.world.bot.id
    troubled.bot.gemini.knobs.think_s = SLOW_S
    loop = asyncio.get_running_loop()
    rule = troubled.rule(knobs.Call("who_is_here", {}))
    await troubled.say()
    await eventually(lambda: rule.hits == 1)
    called = loop.time()
    await asyncio.sleep(3.0)
    heard = ada.recording(called, called + 2.9, bot_id)
    assert max((level for _, level in levels(heard)), default=0.0) < 100


async def test_a_message_is_posted_once_though_the_connection_is_lost_with_the_call_open(
    troubled: Scene,
) -> None:
    hello = knobs.Call("post_message", {"text": "Only once."})
    gemini = troubled.bot.gemini
    gemini.knobs.faults.append(Fault(Where.TOOL_RESULT, Abort()))
    gemini.knobs.tool_calls += [knobs.ToolScript((hello,)), knobs.ToolScript((hello,))]
    await troubled.say()
    await troubled.told("post_message returned: It stands in the chat now.")
    assert [one.content for one in troubled.chat()] == ["-# For Ada, from the call:\nOnly once."]
    assert len(gemini.sessions) == 2
    assert len(troubled.results()) == 2


def levels(pcm: "np.ndarray[Any, Any]") -> list[tuple[float, float]]:
    """Return the RMS of each 20 ms, and when it is."""
    frame = DISCORD_HZ // 50
    cut = pcm[: len(pcm) // frame * frame].reshape(-1, frame).astype(np.float64)
    return [(n / 50, float(level)) for n, level in enumerate(np.sqrt((cut**2).mean(axis=1)))]


def pitch(pcm: "np.ndarray[Any, Any]", at_s: float) -> float:
    """Return the strongest frequency of 80 ms around a time, in Hz."""
    middle, half = int(at_s * DISCORD_HZ), DISCORD_HZ // 25
    piece = pcm[middle - half : middle + half].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 16 * len(piece)))
    return float(spectrum.argmax() * DISCORD_HZ / (16 * len(piece)))
