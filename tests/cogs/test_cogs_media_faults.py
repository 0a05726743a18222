"""What goes wrong at Gemini, on Discord or on the disk, from a command to the sentence that people read."""

import io
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from answer_bot import body, button, ended, labels
from loopback import eventually
from media_scene import CAT, FILM, SPEECH, Scene
from whole_scene import AFTER, LETTER, nothing_is_left, whole_scene

from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Message, Upload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Abort
from bot.emulators.gemini.rest_faults import (
    BlockAnswer,
    BlockPrompt,
    Cut,
    Fail,
    Refuse,
    RestEffect,
    RestFault,
    RestWhere,
    Stick,
)
from bot.emulators.gemini.server import GeminiEmulator

BROKE_OFF = "-# The answer broke off: what came until then is above."
DISK_FULL = "The bot's disk is full: tell whoever runs it, and try again later."
FULL = Path("/dev/full")  # to which nothing can be written
WHOLE = ["Again", "Shorter", "Translate", "Ask more"]


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as running:
        yield running


def fault(scene: Scene, where: RestWhere, effect: RestEffect, *, skip: int = 0, times: int = 1) -> None:
    scene.gemini.knobs.rest.faults.append(RestFault(where, effect, times, skip))


def press(scene: Scene, message: Message, label: str) -> Interaction:
    return scene.world.click(scene.person.id, message.id, button(message, label)["custom_id"])


async def refused(
    scene: Scene, sentence: str, command: str = "summarize", *, final: bool = False, **given: Any
) -> Message:
    """Use a command, hold that it says this and no more, and that nothing is left of it; return it.

    It offers to try again, unless that would be refused again: then it is `final`.
    """
    message = await scene.answer(command, **(given or {"video": FILM}))
    assert sentence in message.text.splitlines()
    assert labels(message) == ([] if final else ["Again"])
    await nothing_is_left(scene)
    return message


# Safety

COMMANDS: dict[str, dict[str, Any]] = {
    "describe": {"image1": CAT},
    "find": {"image": CAT, "what": "a cat"},
    "read": {"file": LETTER},
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_prompt_that_is_refused_for_safety(scene: Scene, command: str) -> None:
    fault(scene, RestWhere.GENERATE, BlockPrompt())
    sentence = "Gemini refused this for safety reasons: ask something else."
    await refused(scene, sentence, command, final=True, **COMMANDS[command])
    assert len(scene.gemini.requests) == 1, "asking again would be refused again"


async def test_a_prompt_with_what_is_prohibited(scene: Scene) -> None:
    fault(scene, RestWhere.GENERATE, BlockPrompt("PROHIBITED_CONTENT"))
    sentence = "Gemini refused this because its rules prohibit such content: ask something else."
    await refused(scene, sentence, "describe", final=True, image1=CAT)


async def test_an_answer_that_is_refused_for_safety(scene: Scene) -> None:
    fault(scene, RestWhere.GENERATE, BlockAnswer())
    message = await scene.answer("describe", image1=CAT)
    assert "-# Gemini refused this for safety reasons; what came until then is above." in message.text
    assert "Picture 1 is" in body(message), "what came is kept"


# Uploads


async def test_an_upload_that_is_cut_is_begun_anew(scene: Scene) -> None:
    fault(scene, RestWhere.UPLOAD_CHUNK, Abort())
    message = await scene.answer("summarize", video=FILM)
    assert "1280 x 720 pixels" in body(message)


async def test_an_upload_that_is_cut_again_and_again(scene: Scene) -> None:
    fault(scene, RestWhere.UPLOAD_CHUNK, Abort(), times=100)
    await refused(
        scene,
        "video-bunny.mp4 could not be sent to Gemini. Gemini could not be reached: try again in a minute.",
    )
    assert scene.gemini.requests == []


async def test_a_file_that_is_never_ready(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene.parts.service._files._uploader, "_ready_s", 1.0)
    fault(scene, RestWhere.UPLOADED, Stick())
    await refused(scene, "Gemini did not get video-bunny.mp4 ready in 1 s: try again later.")
    assert scene.gemini.requests == []


async def test_a_file_that_gemini_can_not_read(scene: Scene) -> None:
    fault(scene, RestWhere.UPLOADED, Fail())
    await refused(scene, "Gemini could not read video-bunny.mp4: post it in another format.")
    assert scene.gemini.requests == []


# Too much


async def test_a_limit_with_a_short_delay_is_waited_for(scene: Scene) -> None:
    fault(scene, RestWhere.GENERATE, Refuse(429, retry_delay_s=2.5))
    asked = scene.asked("describe", image1=CAT)
    await asked.wait_for(lambda it: it.answer is not None and "again in 2 s" in it.answer.text)
    assert asked.answer is not None
    assert "-# Gemini is busy: trying again in 2 s…" in asked.answer.text.splitlines()
    assert "451 x 300 pixels" in body(await ended(asked))
    first, second = scene.gemini.requests
    assert second.at - first.at >= 2.5


async def test_a_limit_with_a_long_delay_is_told(scene: Scene) -> None:
    fault(scene, RestWhere.GENERATE, Refuse(429, retry_delay_s=41.0), times=100)
    sentence = "Gemini's limit of requests is reached: try again in 41 s."
    await refused(scene, sentence, "describe", image1=CAT)
    assert len(scene.gemini.requests) == 1, "people come back, rather than wait"


async def test_a_limit_without_a_delay_is_told_after_some_attempts(scene: Scene) -> None:
    fault(scene, RestWhere.GENERATE, Refuse(429), times=100)
    sentence = "Gemini's limit of requests is reached: try again in a minute."
    await refused(scene, sentence, "describe", image1=CAT)
    assert len(scene.gemini.requests) == 4


# Cut midway


@pytest.mark.parametrize("effect", [Cut(), Abort(), Refuse(500)], ids=["ends", "reset", "error"])
async def test_a_stream_that_is_cut_is_kept_and_goes_on(scene: Scene, effect: RestEffect) -> None:
    fault(scene, RestWhere.CHUNK, effect, skip=3)
    message = await scene.answer("describe", image1=CAT, question="What is it?")
    came = body(message)
    assert "451 x 300" in came
    assert BROKE_OFF in message.text.splitlines()
    assert labels(message) == [*WHOLE, "Write the rest"]
    on = await ended(press(scene, message, "Write the rest"))
    assert "The rest · " in on.text
    assert labels(on) == WHOLE, "the rest is whole"
    assert len(scene.gemini.requests) == 2
    rest = scene.gemini.requests[1]
    assert "What is it?" in rest.history[0]
    assert " ".join(came.split()) == " ".join(rest.history[1].split()), "it goes on from what came"
    assert rest.prompt.startswith("Your last answer was cut off. Go on exactly where it ends")
    assert "451 x 300" in rest.answer, "it looks at the picture again"


async def test_it_goes_on_after_a_restart(scene: Scene) -> None:
    fault(scene, RestWhere.CHUNK, Cut(), skip=3)
    message = await scene.answer("summarize", video=FILM)
    assert labels(message) == [*WHOLE, "Write the rest"]
    await scene.restart()
    await ended(press(scene, message, "Write the rest"))
    assert len(scene.gemini.requests[-1].measured) == 1


async def test_a_value_that_is_cut_is_kept_as_far_as_it_came(scene: Scene) -> None:
    """Half a list of boxes can't be gone on with, only asked for again."""
    fault(scene, RestWhere.CHUNK, Cut(), skip=3)
    message = await scene.answer("find", image=AFTER, what="the shapes")
    assert BROKE_OFF in message.text.splitlines()
    assert labels(message) == WHOLE
    assert "**red region 1**" in body(message)
    assert "top right" not in body(message), "where the second is was still to come"
    assert {file.filename for file in message.attachments} == {"found.png", "boxes.json"}


# Time, patience and room


async def test_an_answer_after_15_minutes_is_a_message_in_the_channel(scene: Scene) -> None:
    asked = await after_15_minutes(scene)
    posts = scene.world.messages(scene.world.text.id)
    await eventually(lambda: "Again" in labels(scene.world.messages(scene.world.text.id)[-1]))
    message = scene.world.messages(scene.world.text.id)[-1]
    assert message not in posts
    assert message.origin is None
    assert "1280 x 720 pixels" in body(message)
    assert asked.followups == []
    again = await ended(press(scene, message, "Shorter"))
    assert "1280 x 720" in scene.gemini.requests[-1].prompt
    assert "Shorter" in again.text


async def test_an_answer_after_15_minutes_to_a_closed_channel_is_a_direct_message(scene: Scene) -> None:
    asked = await after_15_minutes(scene)
    world = scene.world
    world.set_permissions(world.text.id, world.bot.id, deny=Permission.SEND_MESSAGES)
    direct = world.open_dm(scene.person.id)
    await eventually(lambda: bool(world.messages(direct.id)))
    assert "1280 x 720 pixels" in body(world.messages(direct.id)[0])
    assert asked.followups == []


async def after_15_minutes(scene: Scene) -> Interaction:
    """Have a film summarized, and let the interaction's token end before the first word."""
    scene.gemini.knobs.rest.think_s = 2.0
    asked = scene.asked("summarize", video=FILM)
    await asked.response()
    scene.discord.knobs.interaction_clock_offset_s = 15 * 60 + 1
    return asked


async def test_stopped_while_it_is_uploaded(scene: Scene) -> None:
    scene.gemini.knobs.rest.processing_s = 60
    asked = scene.asked("summarize", video=FILM)
    await asked.wait_for(lambda it: it.answer is not None and "Preparing" in it.answer.text)
    message = await asked.response()
    pressed = time.monotonic()
    press(scene, message, "Cancel")
    stopped = await ended(asked)
    assert time.monotonic() - pressed < 2
    assert "Stopped." in stopped.text.splitlines()
    assert labels(stopped) == ["Again"]
    await nothing_is_left(scene)
    assert scene.gemini.requests == []


async def test_stopped_midway_keeps_what_came(scene: Scene) -> None:
    scene.gemini.knobs.rest.chunk_s = 0.7
    asked = scene.asked("describe", image1=CAT)
    await asked.wait_for(lambda it: it.answer is not None and "451 x 300" in it.answer.text)
    press(scene, await asked.response(), "Cancel")
    stopped = await ended(asked)
    assert "451 x 300" in body(stopped)
    assert "-# Stopped." in stopped.text.splitlines()
    assert labels(stopped) == [*WHOLE, "Write the rest"]
    await eventually(lambda: scene.gemini.requests[0].abandoned)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is full")
async def test_the_disk_is_full_while_a_file_is_fetched(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        """Open the kernel's own full disk in the place of a new file."""
        return opened(FULL, "wb") if mode == "xb" else opened(path, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", full)
    await refused(scene, DISK_FULL, "describe", image1=CAT)


def long_speech() -> Upload:
    """Return a recording too large to go along as it is."""
    out = io.BytesIO()
    with wave.open(io.BytesIO(SPEECH.data)) as said, wave.open(out, "wb") as made:
        made.setparams(said.getparams())
        made.writeframes(said.readframes(said.getnframes()) * 3)
    return Upload("long.wav", out.getvalue())


# What is written anew as it is fitted.
FITTED: dict[str, dict[str, Any]] = {"describe": {"image1": CAT}, "transcribe": {"file": long_speech()}}


@pytest.mark.skipif(not FULL.exists(), reason="this system has no disk that is full")
@pytest.mark.parametrize("command", FITTED)
async def test_the_disk_is_full_while_a_file_is_fitted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    made = tempfile.mkdtemp

    def full(*given: Any, **options: Any) -> str:
        """Make a folder in which nothing can be written beside the first file."""
        folder: str = made(*given, **options)
        (Path(folder) / "1-fitted").symlink_to(FULL)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    await refused(scene, DISK_FULL, command, **FITTED[command])
