"""What can't be shown in a call: one clear sentence each, and the call goes on."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from look_scene import MEDIA, SPEECH, Scene, flag, look_scene
from loopback import eventually
from PIL import Image
from sound_film import sound_film, tone

from bot.conversation.sights import MOST_CLIPS
from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Close, Fault, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.media.viewing import MAX_BYTES

FILM = Upload("film.mp4", sound_film(["red"] * 60, tone(60.0, 150.0), size=(640, 360)))


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Scene]:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        yield scene


def huge() -> Upload:
    out = io.BytesIO()
    Image.new("1", (20_000, 4_000)).save(out, "PNG")
    return Upload("huge.png", out.getvalue())


async def test_what_can_not_be_seen(scene: Scene) -> None:
    cut = flag("red", "blue", name="cut.png")
    refused = {
        Upload("cut.png", cut.data[: len(cut.data) // 2]): "cut.png is damaged or not really a picture",
        Upload("cut.mp4", (MEDIA / "video-bunny.mp4").read_bytes()[:3000]): "cut.mp4 is damaged or holds",
        Upload("liar.png", b"\x7fELF" + bytes(500)): "liar.png is neither a picture nor a video: use /ask",
        Upload("notes.txt", b"Hello."): "notes.txt is neither a picture nor a video: use /ask",
        Upload("talk.wav", SPEECH.read_bytes()): "talk.wav is a recording without pictures: use /transcribe",
        Upload("long.mp4", sound_film(["red"] * 62, None)): "long.mp4 is 1:02 long, and in a call I watch up",
        huge(): "huge.png has more than 64 megapixels: scale it down",
    }
    for file, sentence in refused.items():
        assert (await scene.look(file, "What is it?")).startswith(sentence)
    assert scene.pictures() == []
    assert scene.bot.turns() == [], "nothing was asked about what was not seen"
    assert "looked at" not in scene.captions()
    await scene.look(flag("red", "blue"), "What is it?")
    assert "mostly red and blue" in (await scene.turn(lambda turn: bool(turn.pictures))).answer


async def test_a_file_that_is_too_large_is_not_even_fetched(scene: Scene) -> None:
    upload = Upload("big.mp4", bytes(MAX_BYTES + 1))
    assert await scene.look(upload) == "big.mp4 is larger than 128 MiB: post a smaller file."
    assert not scene.bot.discord.trace.of("cdn")


async def test_a_link_that_has_expired(scene: Scene) -> None:
    scene.bot.discord.knobs.cdn_clock_offset_s -= 48 * 3600.0
    file = flag("red")
    asked = scene.ada.run_command(scene.world.text.id, "look", file=file)
    scene.bot.discord.knobs.cdn_clock_offset_s += 96 * 3600.0
    message = await asked.response()
    await eventually(lambda: bool(message.text))
    assert message.text == "The link to flag.png has expired: post the file again."


async def test_only_who_is_in_the_call_shows_something_in_it(scene: Scene) -> None:
    world = scene.world
    bob = Person(scene.bot.discord, world.add_user("Bob"))
    told = await scene.look(flag("red"), person=bob)
    assert told == f"Join <#{scene.lounge.id}> first: I would be looking at it there."
    await bob.join(world.voice_channels[1].id)
    assert (await scene.look(flag("red"), person=bob)).startswith("Join <#")
    await bob.leave()
    await scene.ada.run_command(world.text.id, "leave")
    assert await scene.look(flag("red")) == "I am in no call here; /join begins one."
    assert scene.pictures() == []


async def test_what_changes_while_it_is_fetched(scene: Scene) -> None:
    world, ada = scene.world, scene.ada

    async def changed(by: Callable[[], Awaitable[object]]) -> str:
        """Show a minute of video, which takes long to look at, and have something happen meanwhile."""
        asked = ada.run_command(world.text.id, "look", file=FILM)
        await eventually(lambda: any(task.get_name() == "media-view" for task in asyncio.all_tasks()))
        await by()
        message = await asked.response()
        await eventually(lambda: bool(message.text))
        return message.text

    told = await changed(lambda: ada.run_command(world.text.id, "privacy deaf"))
    assert told == "You have withdrawn your consent meanwhile, so I did not look at film.mp4."
    told = await changed(ada.leave)
    assert told.startswith("You have left the call meanwhile, so I did not look at film.mp4")
    await ada.join(scene.lounge.id)
    told = await changed(lambda: ada.run_command(world.text.id, "leave"))
    assert told.startswith("The call has ended meanwhile, so I did not look at film.mp4")
    assert scene.pictures() == []


async def test_only_so_many_videos_wait(scene: Scene) -> None:
    """Feeding the first takes 6 s, in which the others come."""
    film = Upload("film.mp4", sound_film(["red"] * 60, None, size=(64, 36)))
    told = await asyncio.gather(*(scene.look(film) for _ in range(MOST_CLIPS + 3)))
    refused = [each for each in told if not each.startswith("I watch film.mp4")]
    assert set(refused) == {"I have 2 videos left to watch; show me this one when I have."}
    assert len(told) - len(refused) >= MOST_CLIPS


async def test_a_picture_is_seen_though_too_many_questions_wait(scene: Scene) -> None:
    for _ in range(5):  # one of which is being said
        await scene.ada.run_command(scene.world.text.id, "say", text="This takes a while to be said. " * 20)
    told = await scene.look(flag("red", "blue"), "What is it?")
    assert told == "I see flag.png; ask me about it. I have 4 texts left to answer; try again when I have."
    await eventually(lambda: len(scene.pictures()) == 1)


async def test_a_picture_that_the_model_refuses_costs_no_call(scene: Scene) -> None:
    """It is not sent again, since each connection would end for it; people are told."""
    scene.gemini.knobs.faults.append(Fault(Where.PICTURE_IN, Close(1007, "Unsupported picture."), times=9))
    await scene.look(flag("red", "blue"))
    await eventually(lambda: "could not look at flag.png: Gemini does not take it" in scene.captions())
    await scene.ada.speak(SPEECH)
    await scene.turn(lambda turn: turn.measures is not None)
    assert len(scene.gemini.sessions) == 2
    assert scene.pictures() == []
