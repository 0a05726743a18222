"""/look on the whole bot: what is shown is seen by the model, told in the captions, and answered aloud."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from look_scene import SPEECH, Scene, flag, look_scene
from loopback import eventually

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Scene]:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        yield scene


async def test_a_picture_is_seen_told_and_spoken_of(scene: Scene) -> None:
    assert await scene.look(flag("red", "blue", size=(2048, 1024))) == "I see flag.png; ask me about it."
    await eventually(lambda: len(scene.pictures()) == 1)
    (note,) = [note for note in scene.notes() if "flag.png" in note]
    assert note == "[Ada shows you a picture, “flag.png”. Say nothing about it until somebody asks.]"
    await eventually(lambda: "looked at flag.png (from Ada)" in scene.captions())
    before = len(scene.bot.turns())
    await scene.ada.speak(SPEECH)
    turn = await scene.turn(lambda turn: turn.measures is not None)
    assert len(scene.bot.turns()) == before + 1, "the picture alone is not answered"
    assert turn.speaker == "Ada"
    assert "I saw a picture of 1024 by 512 pixels, mostly red and blue." in turn.answer
    await scene.ada.speak(SPEECH)
    later = await scene.turn(lambda other: other.measures is not None and other is not turn)
    assert "I remember 1 picture, mostly" in later.answer


async def test_a_question_is_answered_aloud(scene: Scene) -> None:
    told = await scene.look(flag("orange", "white"), "Which colour is on the left?")
    assert told == "I see flag.png, and answer aloud."
    turn = await scene.turn(lambda turn: bool(turn.pictures))
    assert "I saw a picture of 300 by 200 pixels, mostly" in turn.answer
    assert turn.texts[-1] == "[Ada writes to you; answer aloud.]\nWhich colour is on the left?"
    assert scene.bot.turns()[-1] is turn
    await eventually(lambda: scene.ada.heard(scene.world.bot.id) != [])


async def test_a_bot_that_is_muted_promises_nothing_aloud(scene: Scene) -> None:
    await scene.ada.run_command(scene.world.text.id, "mute-bot on")
    muted = "I am muted, so I say nothing about it aloud; /mute-bot off changes that."
    assert await scene.look(flag("red"), "Which colour?") == f"I see flag.png. {muted}"


# -- connections


async def test_without_resumption_a_new_session_is_shown_the_last_picture(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, retention_days=0) as scene:
        await scene.look(flag("lime", name="old.png"))
        await scene.look(flag("red", "blue", name="new.png"), "What is it?")
        await scene.turn(lambda turn: len(turn.pictures) == 2)
        scene.gemini.sessions[-1].abort()
        await eventually(lambda: len(scene.gemini.sessions) == 2)
        fresh = scene.gemini.sessions[-1].log
        await scene.ada.speak(SPEECH)
        turn = await scene.turn(lambda turn: turn in fresh.turns)
        assert not fresh.resumed
        assert [picture.sha256 for picture in fresh.pictures] == [scene.pictures()[1].sha256]
        assert "I saw a picture of 300 by 200 pixels, mostly red and blue." in turn.answer
        notes = [note.text for note in fresh.notes if note.kind == "text"]
        assert "[What Ada showed you before: a picture, “new.png”. This needs no answer.]" in notes
        assert scene.captions().count("new.png") == 1


async def test_a_resumed_session_is_shown_what_came_after_its_handle(scene: Scene) -> None:
    await scene.look(flag("red", "blue"))
    await eventually(lambda: len(scene.pictures()) == 1)
    scene.gemini.sessions[-1].abort()
    await eventually(lambda: len(scene.gemini.sessions) == 2)
    await scene.ada.speak(SPEECH)
    turn = await scene.turn(lambda turn: turn.measures is not None)
    assert scene.gemini.sessions[-1].log.resumed
    assert "I saw a picture of 300 by 200 pixels, mostly red and blue." in turn.answer


# -- whom it answers


@pytest.mark.parametrize("mode", ["addressed", "push-to-talk"])
async def test_what_is_asked_in_writing_is_answered_in_every_mode(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path, mode: str
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, mode=mode) as scene:
        before = len(scene.ada.heard(scene.world.bot.id))
        await scene.look(flag("red", "blue"), "What is it?")
        turn = await scene.turn(lambda turn: bool(turn.pictures))
        assert "mostly red and blue" in turn.answer
        await eventually(lambda: len(scene.ada.heard(scene.world.bot.id)) > before + 50)


async def test_withdrawn_consent_forgets_what_the_person_showed(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, retention_days=0) as scene:
        await scene.look(flag("red", "blue"))
        await eventually(lambda: len(scene.pictures()) == 1)
        await scene.ada.run_command(scene.world.text.id, "privacy deaf")
        scene.gemini.sessions[-1].abort()
        await eventually(lambda: len(scene.gemini.sessions) == 2)
        # Who shows something by a command wants it to be seen, whoever may be heard.
        assert await scene.look(flag("orange"), "And this?") == "I see flag.png, and answer aloud."
        turn = await scene.turn(lambda turn: bool(turn.pictures))
        assert "mostly orange" in turn.answer
        assert len(scene.gemini.sessions[-1].log.pictures) == 1
