"""Videos in the talk, on the whole bot: frames and sound in one turn, and people who speak meanwhile."""

import wave
from pathlib import Path

import numpy as np
import pytest
from look_scene import MEDIA, SPEECH, look_scene
from loopback import eventually
from sound_film import RATE_HZ, deafened, sound_film, tone

from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator

SIX = ("red", "lime", "blue", "yellow", "magenta", "orange")


def video(colours: tuple[str, ...], *, sounds: bool = True) -> Upload:
    sound = tone(float(len(colours)), 150.0) if sounds else None
    return Upload("film.mp4", sound_film(colours, sound))


@pytest.mark.parametrize("turns", ["discord", "model"])
async def test_its_frames_and_its_sound_are_one_turn(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path, turns: str
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, turns=turns) as scene:
        before = len(scene.ada.heard(scene.world.bot.id))
        told = await scene.look(video(SIX))
        assert told == "I watch film.mp4 as soon as nobody speaks, and say what I saw and heard."
        turn = await scene.turn(lambda turn: bool(turn.pictures))
        assert len(turn.pictures) == 6
        assert "I saw 6 pictures, the first mostly red, the last mostly orange, 320 by 180" in turn.answer
        assert turn.measures is not None and turn.measures.pitch_hz is not None
        assert abs(turn.measures.duration_s - 6.0) < 0.3
        assert abs(turn.measures.pitch_hz - 150.0) < 5.0
        assert len(scene.bot.turns()) == 1, "it was one turn, and nothing was asked twice"
        await eventually(lambda: len(scene.ada.heard(scene.world.bot.id)) > before + 50)
        await eventually(lambda: "watched film.mp4 (from Ada)" in scene.captions())
        await eventually(lambda: "**film.mp4:** [speech, 6." in scene.captions(), 10)
        assert "**Ada:**" not in scene.captions(), "the words of a video are nobody's who is there"


async def test_a_question_about_it_takes_the_place_of_a_description(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, mode="addressed") as scene:
        told = await scene.look(video(SIX), "What comes last?")
        assert told == "I watch film.mp4 as soon as nobody speaks, and answer aloud."
        before = len(scene.ada.heard(scene.world.bot.id))
        turn = await scene.turn(lambda turn: len(turn.pictures) == 6)
        assert turn.texts[-1].endswith("answer aloud what Ada writes:]\nWhat comes last?")
        await eventually(lambda: len(scene.ada.heard(scene.world.bot.id)) > before + 50)
        assert len(scene.bot.turns()) == 1


async def test_without_sound_where_the_model_finds_the_turns(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    """No detection of speech ends such a turn: it is asked for an answer."""
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, turns="model") as scene:
        told = await scene.look(Upload("film.mp4", deafened(video(SIX).data)))
        assert told.endswith("say what I saw and heard. I can't play the sound of film.mp4.")
        turn = await scene.turn(lambda turn: len(turn.pictures) == 6)
        assert turn.measures is None
        assert "I saw 6 pictures, the first mostly red" in turn.answer


async def test_a_pause_in_its_sound_has_no_part_of_it_answered_aloud(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    """Where the model finds the turns, it takes the pause for the end of one, and answers a part of it."""
    sound = np.concatenate([tone(2.0, 150.0), np.zeros(23 * RATE_HZ, np.float32)])
    film = Upload("film.mp4", sound_film(["red"] * 5 + ["blue"] * 20, sound))
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, turns="model") as scene:
        await scene.look(film)
        whole = await scene.turn(lambda turn: "the last mostly blue" in turn.answer)
        part = scene.bot.turns()[0]
        assert part is not whole and part.measures is not None and part.answer
        assert whole.texts[-1].startswith("[The video “film.mp4” is over. Now say")
        assert len(scene.pictures()) == 25
        await eventually(lambda: "the last mostly blue" in scene.captions())
        assert part.answer[:40] not in scene.captions(), "nobody heard it"


async def test_who_speaks_after_it_is_named_anew(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        await scene.ada.speak(SPEECH)
        await scene.turn(lambda turn: turn.speaker == "Ada")
        await scene.look(video(SIX))
        await scene.turn(lambda turn: len(turn.pictures) == 6)
        await scene.ada.speak(SPEECH)
        await eventually(lambda: len(scene.bot.turns()) == 3)
        assert scene.notes().count("[Ada is speaking now.]") == 2


async def test_a_real_film(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        film = MEDIA / "video-bunny.mp4"
        await scene.look(Upload(film.name, film.read_bytes()))
        turn = await scene.turn(lambda turn: len(turn.pictures) == 5)
        assert "640 by 360 pixels." in turn.answer


@pytest.mark.parametrize("turns", ["discord", "model"])
async def test_who_speaks_meanwhile_is_answered_and_then_the_video_goes_on(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path, turns: str
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, turns=turns) as scene:
        colours = ("red",) * 20 + ("blue",) * 20
        await scene.look(video(colours))
        await eventually(lambda: len(scene.pictures()) >= 2)
        await scene.ada.speak(SPEECH)
        spoken = await scene.turn(lambda turn: turn.speaker == "Ada")
        assert spoken.measures is not None and spoken.interrupted_at is None
        with wave.open(str(SPEECH)) as said:
            assert spoken.measures.duration_s <= said.getnframes() / said.getframerate() + 0.1, "and no film"
        last = await scene.turn(lambda turn: "the last mostly blue" in turn.answer)
        assert last.at > spoken.at
        assert len(scene.pictures()) == 40, "each frame once"
        marks = scene.marks()
        assert marks == ["activity_start", "activity_end"] * (len(marks) // 2)
        assert bool(marks) == (turns == "discord")
        assert [note for note in scene.notes() if "stops here, and goes on" in note]
        assert [note for note in scene.notes() if "“film.mp4” of Ada goes on from second" in note]
        assert "[Ada is speaking now.]" in scene.notes()
        assert all(session.log.close_code is None for session in scene.gemini.sessions)


async def test_one_that_is_withdrawn_is_not_watched_to_its_end(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        await scene.look(video(("red",) * 60, sounds=False))
        await eventually(lambda: len(scene.pictures()) >= 2)
        await scene.ada.run_command(scene.world.text.id, "privacy deaf")
        await eventually(lambda: scene.marks() == ["activity_start", "activity_end"])
        await scene.turn(lambda turn: bool(turn.pictures))
        seen = len(scene.pictures())
        assert seen < 60
        assert await scene.look(video(SIX, sounds=False)) != ""
        await scene.turn(lambda turn: len(turn.pictures) == 6)
        assert len(scene.pictures()) == seen + 6


async def test_a_connection_that_breaks_off_meanwhile_sees_all_of_it(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        await scene.look(video(("red",) * 10 + ("blue",) * 10, sounds=False))
        await eventually(lambda: len(scene.pictures()) >= 5)
        scene.gemini.sessions[-1].abort()
        turn = await scene.turn(lambda turn: len(turn.pictures) == 20)
        assert "I saw 20 pictures, the first mostly red, the last mostly blue" in turn.answer
        assert turn in scene.gemini.sessions[1].log.turns
