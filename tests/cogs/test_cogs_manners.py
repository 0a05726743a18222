"""/say, /stop, /volume and /mute-bot on the whole bot: what people hear of them, packet by packet."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loopback import eventually
from manners_scene import SPEECH, Scene, manners_scene

from bot.audio.pcm import level_dbfs
from bot.conversation.sayings import LONGEST, MOST
from bot.emulators.discord.errors import ActError
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from cogs.call_panel import QUIET_ID
from cogs.manners import MUTED, QUIET, SAYING, UNMUTED

STOP_S = 0.025  # within which an answer falls silent
TEXT = "The quick brown fox jumps over the lazy dog, and then it sleeps under the old tree."


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with manners_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        yield scene


def notes(scene: Scene) -> list[str]:
    return [note.text for session in scene.bot.gemini.sessions for note in session.log.notes]


async def test_say_has_the_model_read_a_text_aloud(scene: Scene) -> None:
    asked = time.monotonic()
    assert await scene.told("say", text=TEXT) == SAYING
    await scene.hears(asked)
    (read,) = [note for note in notes(scene) if TEXT in note]
    assert "word for word" in read
    await scene.quiet()
    assert len(scene.voiced(asked)) > 50, "a sentence of a second and more"


async def test_say_waits_for_silence_and_so_many_texts_only(scene: Scene) -> None:
    for number in range(MOST + 1):  # the first is being said, so it waits no more
        assert await scene.told("say", text=f"Text number {number}.") == SAYING
        if not number:
            await eventually(lambda: any("Text number 0." in note for note in notes(scene)))
    assert "texts left to say" in await scene.told("say", text="One too many.")
    with pytest.raises(ActError, match="text"):
        scene.run("say", text="x" * (LONGEST + 1))


async def test_only_people_in_the_call_and_who_may_configure_steer_it(scene: Scene) -> None:
    outsider = Person(scene.bot.discord, scene.world.add_user("Cyn"))
    refusal = f"Only people in the call, or who may set me up here, can do that: join <#{scene.lounge}>."
    uses: list[tuple[str, dict[str, Any]]] = [
        ("say", {"text": TEXT}),
        ("stop", {}),
        ("volume", {"percent": 10}),
        ("mute-bot on", {}),
        ("mute-bot off", {}),
    ]
    for command, options in uses:
        assert await scene.told(command, outsider, **options) == refusal
    assert (await outsider.click(scene.joined, QUIET_ID)).text == refusal
    owner = scene.world.guild.owner_id
    allowed = await scene.world.run_command(owner, scene.world.text.id, "volume", {"percent": 90})
    assert allowed.text == "My volume is 90 %."
    await scene.run("leave")
    for command, options in uses:
        assert await scene.told(command, **options) == "I am in no call here; /join begins one."


@pytest.mark.parametrize("way", ["/stop", "the button"])
async def test_stop_silences_the_answer_at_once_and_what_still_comes_of_it(scene: Scene, way: str) -> None:
    scene.bot.gemini.knobs.stream_speed = 1.5  # most of the answer is still to come
    asked = time.monotonic()
    await scene.ada.speak(SPEECH)
    await eventually(lambda: len(scene.voiced(asked)) > 20)
    message = await (scene.run("stop") if way == "/stop" else scene.ada.click(scene.joined, QUIET_ID))
    stopped = time.monotonic()
    assert (message.text, message.ephemeral) == (QUIET, True)
    turn = scene.bot.turns()[-1]
    await eventually(lambda: turn.ended_at is not None)  # the model has sent all of it
    await asyncio.sleep(0.3)
    late = [frame.at - stopped for frame in scene.voiced(stopped)]
    assert max(late, default=0.0) <= STOP_S
    assert len(scene.voiced(asked)) < 100, "an answer of some four seconds"
    asked = time.monotonic()
    await scene.ada.speak(SPEECH)
    await scene.hears(asked)


async def test_stop_before_the_first_sound_refuses_the_answer(scene: Scene) -> None:
    scene.bot.gemini.knobs.think_s = 1.0
    asked = time.monotonic()
    before = len(scene.bot.turns())
    await scene.ada.speak(SPEECH)
    await eventually(lambda: len(scene.bot.turns()) > before)
    assert await scene.told("stop") == QUIET
    await eventually(lambda: scene.bot.turns()[-1].ended_at is not None)
    await asyncio.sleep(0.3)
    assert not scene.voiced(asked)
    asked = time.monotonic()
    await scene.ada.speak(SPEECH)
    await scene.hears(asked)
    await scene.quiet()
    assert await scene.told("stop") == QUIET, "there is nothing to drop"
    asked = time.monotonic()
    assert await scene.told("say", text=TEXT) == SAYING
    await scene.hears(asked)


async def test_volume_is_heard_by_so_many_decibels(scene: Scene) -> None:
    levels = {}
    for percent in (100, 50, 200, 0, 100):
        text = await scene.told("volume", percent=percent)
        assert text.startswith(f"My volume is {percent} %.")
        assert ("Peaks that would be too loud are limited." in text) == (percent > 100)
        levels[percent] = await said_level(scene)
    assert levels[50] - levels[100] == pytest.approx(-6.0, abs=0.7)
    assert levels[200] - levels[100] == pytest.approx(6.0, abs=1.2), "a little less where peaks are limited"
    assert levels[0] < -60


async def said_level(scene: Scene) -> float:
    """Have a text said, and return how loud it is, in dBFS."""
    asked = time.monotonic()
    await scene.told("say", text=TEXT)
    await eventually(lambda: len(scene.voiced(asked)) > 50)
    await scene.quiet()
    pcm = np.concatenate([frame.pcm.mean(axis=1) for frame in scene.voiced(asked)])
    return level_dbfs(pcm.astype(np.int16))


async def test_volume_has_its_bounds(scene: Scene) -> None:
    for percent in (-1, 201):
        with pytest.raises(ActError, match="percent"):
            scene.run("volume", percent=percent)


async def test_muted_the_bot_listens_and_its_answers_are_only_written_down(scene: Scene) -> None:
    assert await scene.told("mute-bot on") == MUTED
    await eventually(lambda: (state := scene.state()) is not None and state.self_mute)
    state = scene.state()
    assert state is not None and not state.self_deaf and state.channel_id == scene.lounge
    asked = time.monotonic()
    turns = len(scene.bot.turns())
    await scene.ada.speak(SPEECH)
    await eventually(lambda: len(scene.bot.turns()) > turns)
    answer = scene.bot.turns()[-1]
    await eventually(lambda: answer.ended_at is not None)
    written = f"That was turn number {answer.number}."
    await eventually(lambda: any(written in post.text for post in scene.world.messages(scene.lounge)))
    assert not scene.voiced(asked)
    assert "mute-bot off changes that" in await scene.told("say", text=TEXT)
    status = await scene.run("status")
    assert "**My voice:** muted by /mute-bot" in status.text

    assert await scene.told("mute-bot off") == UNMUTED
    await eventually(lambda: (state := scene.state()) is not None and not state.self_mute)
    await asyncio.sleep(0.5)
    assert not scene.voiced(asked), "what was dropped is not said now"
    asked = time.monotonic()
    await scene.ada.speak(SPEECH)
    await scene.hears(asked)


async def test_muting_silences_the_answer_that_plays(scene: Scene) -> None:
    asked = time.monotonic()
    await scene.ada.speak(SPEECH)
    await eventually(lambda: len(scene.voiced(asked)) > 20)
    assert await scene.told("mute-bot on") == MUTED
    muted = time.monotonic()
    await asyncio.sleep(1.0)
    assert max((frame.at - muted for frame in scene.voiced(muted)), default=0.0) <= STOP_S
    assert await scene.told("mute-bot on") == MUTED, "twice is once"


async def test_the_bot_stays_muted_when_it_has_to_join_again(scene: Scene) -> None:
    await scene.told("mute-bot on")
    await eventually(lambda: (state := scene.state()) is not None and state.self_mute)
    discord = scene.bot.discord
    discord.knobs.identify_interval_s = 0.0
    first = scene.state()
    discord.gateway.forget_sessions()  # with the session goes the bot's place in the channel
    await discord.gateway.close_all(4000)
    await eventually(lambda: (state := scene.state()) is not None and state is not first)
    again = scene.state()
    assert again is not None and again.self_mute
