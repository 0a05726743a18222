"""A question about a picture that was shown in writing waits for the picture, and goes when that does."""

import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from call_scene import Scene, running_scene
from loopback import eventually
from PIL import Image

from bot.conversation.call import Call
from bot.conversation.overload import STILL_S
from bot.conversation.sights import Poster, Sight
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator

ADA, EVE = 1, 3


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    gemini_emulator.knobs.playback_speed = 8.0
    discord_emulator.knobs.dave.max_version = 0  # nobody is in the channel with whom to make keys
    async with running_scene(discord_emulator, gemini_emulator) as scene:
        yield scene


def red() -> Sight:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "red").save(out, "JPEG")
    return Sight("red.png", out.getvalue(), ADA, "https://cdn/red.png", 1000, "image/png")


def show(call: Call, sight: Sight, question: str) -> None:
    call.show(sight)
    call.ask(question, sight)


def busy(call: Call) -> None:
    """Have the loop be late for so long that pictures wait."""
    now = time.monotonic()
    for tenth in range(11):
        call._talk.agenda.showing.overload.late(0.3, now - STILL_S + tenth / 10)


async def test_a_question_waits_for_a_picture_that_is_held_back(scene: Scene) -> None:
    call = await scene.join()
    busy(call)
    shown_at = time.monotonic()
    show(call, red(), "Which colour is it?")
    log = scene.gemini.sessions[-1].log
    await eventually(lambda: bool(scene.model_turns()))
    assert log.turns[0].at - shown_at > 0.5, "it was held back"
    await eventually(lambda: bool(log.turns[0].answer))
    assert "I saw a picture of 320 by 240 pixels, mostly red" in log.turns[0].answer
    assert len(log.turns) == 1


async def test_a_question_goes_when_who_posted_its_picture_takes_it_back(scene: Scene) -> None:
    call = await scene.join()
    busy(call)
    show(call, replace(red(), poster=Poster(EVE, "Eve")), "Which colour is it?")
    scene.deaf_to.add(EVE)
    call.consent_changed(EVE)
    show(call, replace(red(), title="mine.png"), "And mine?")
    await eventually(lambda: len(scene.model_turns()) == 1)
    assert [text.rpartition("\n")[2] for text in scene.notes() if "writes to you" in text] == ["And mine?"]
    assert len(scene.gemini.sessions[-1].log.pictures) == 1
