"""Posted pictures on the whole bot: in the chat of the call, by mention, and by the app Describe."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from answer_bot import body, labels
from look_scene import EYES, MEDIA, SPEECH, Scene, flag, look_scene
from loopback import eventually
from sound_film import sound_film

from bot.emulators.discord.events import Intent
from bot.emulators.discord.model import EmulatedUser, Message, Upload
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Scene]:
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        yield scene


@pytest.fixture
async def reading(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> AsyncIterator[Scene]:
    """A bot with the Message Content intent."""
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    async with look_scene(discord_emulator, gemini_emulator, tmp_path) as scene:
        yield scene


def post(
    scene: Scene,
    text: str,
    *files: Upload,
    to: Message | None = None,
    channel_id: int | None = None,
    author: EmulatedUser | None = None,
) -> Message:
    """Write into the chat of the call; `@bot` mentions the bot."""
    text = text.replace("@bot", f"<@{scene.world.bot.id}>")
    user = author or scene.ada.user
    place = channel_id or scene.lounge.id
    return scene.world.post(user.id, place, text, files, reply_to=to.id if to else None)


async def seen(message: Message) -> None:
    """Wait until the bot has confirmed that it saw what is in a message."""
    await eventually(lambda: EYES in message.reactions)


async def shown(scene: Scene, count: int) -> None:
    """Wait until the model was shown so many pictures in all; it may not be shown more."""
    await eventually(lambda: len(scene.pictures()) >= count)
    assert len(scene.pictures()) == count


async def answered(scene: Scene, message: Message) -> Message:
    """Return the answer that was written to a message."""
    await eventually(lambda: any("Again" in labels(each) for each in scene.replies(message)))
    return scene.replies(message)[0]


# -- mentions


async def test_a_mention_in_the_calls_chat_is_answered_aloud(scene: Scene) -> None:
    message = post(scene, "@bot, which colours are these?", flag("red", "blue"))
    await seen(message)
    assert message.reactions == {EYES: {scene.world.bot.id}}
    turn = await scene.turn(lambda turn: bool(turn.pictures))
    assert "mostly red and blue" in turn.answer
    assert turn.texts[-1] == "[Ada writes to you; answer aloud.]\nwhich colours are these?"
    await eventually(lambda: "looked at flag.png (from Ada)" in scene.captions())
    assert scene.replies(message) == [], "it is not answered in writing, too"
    assert scene.gemini.requests == []


async def test_ten_pictures_and_no_words(scene: Scene) -> None:
    files = [flag("red", "blue", size=(100 + number, 80), name=f"{number}.png") for number in range(10)]
    message = post(scene, "@bot", *files)
    await seen(message)
    await eventually(lambda: len(scene.pictures()) == 10)
    await eventually(lambda: "looked at 0.png, 1.png and 8 more (from Ada)" in scene.captions())
    assert scene.bot.turns() == []
    await scene.ada.speak(SPEECH)
    turn = await scene.turn(lambda turn: turn.measures is not None)
    assert "I saw 10 pictures" in turn.answer


async def test_a_video_by_mention(scene: Scene) -> None:
    film = Upload("film.mp4", sound_film(["red", "red", "red", "red", "blue", "blue"], None))
    await seen(post(scene, "@bot what happens?", film))
    turn = await scene.turn(lambda turn: len(turn.pictures) == 6)
    assert turn.texts[-1].endswith("]\nwhat happens?")


async def test_one_of_several_that_is_damaged_is_named(scene: Scene) -> None:
    cut = Upload("cut.png", flag("red").data[:100])
    message = post(scene, "@bot look", flag("red", "blue"), cut)
    await eventually(lambda: bool(scene.replies(message)))
    (reply,) = scene.replies(message)
    assert reply.text == "cut.png is damaged or not really a picture: post another copy of it."
    assert EYES in message.reactions
    assert "mostly red and blue" in (await scene.turn(lambda turn: bool(turn.pictures))).answer
    bad = post(scene, "@bot look", cut)
    await eventually(lambda: bool(scene.replies(bad)))
    assert not bad.reactions


async def test_what_is_too_much_is_told_beside_what_is_seen(scene: Scene) -> None:
    """A video begins at once and two wait; the question is about the pictures where no video has it."""
    film = sound_film(["red"], None)
    films = [Upload(f"{number}.mp4", film) for number in range(5)]
    await scene.ada.run_command(scene.world.text.id, "mute-bot on")  # so that no answer takes long
    message = post(scene, "@bot which colours are these?", flag("red", "blue"), *films)
    await eventually(lambda: bool(scene.replies(message)))
    (reply,) = scene.replies(message)
    assert reply.text.endswith("4.mp4: I have 2 videos left to watch; show me this one when I have.")
    assert EYES in message.reactions
    question = "[Ada writes to you; answer aloud.]\nwhich colours are these?"
    await eventually(lambda: question in scene.notes())
    assert sum("plays you a video" in note for note in scene.notes()) == 5 - reply.text.count(".mp4:")


async def test_where_it_may_not_react_the_captions_say_it(scene: Scene) -> None:
    world = scene.world
    world.set_permissions(scene.lounge.id, world.bot.id, deny=Permission.ADD_REACTIONS)
    message = post(scene, "@bot", flag("red"))
    await eventually(lambda: "looked at flag.png (from Ada)" in scene.captions())
    assert not message.reactions and scene.replies(message) == []


async def test_in_the_channel_where_the_captions_go(scene: Scene) -> None:
    world = scene.world
    elsewhere = post(scene, "@bot how wide is it?", flag("red"), channel_id=world.text.id)
    assert "300 x 200 pixels" in body(await answered(scene, elsewhere))
    assert not elsewhere.reactions
    world.set_permissions(scene.lounge.id, world.bot.id, deny=Permission.SEND_MESSAGES)
    await seen(post(scene, "@bot", flag("red"), channel_id=world.text.id))
    await shown(scene, 1)


async def test_elsewhere_and_from_others_it_is_answered_in_writing(scene: Scene) -> None:
    bob = scene.world.add_user("Bob")
    answer = await answered(scene, post(scene, "@bot how wide is it?", flag("red"), author=bob))
    assert "300 x 200 pixels" in body(answer)
    page = Upload("page.pdf", (MEDIA / "scan-page.png").read_bytes())
    answer = await answered(scene, post(scene, "@bot and this?", page))
    assert "384 x 191 pixels" in body(answer)
    await answered(scene, post(scene, "@bot who are you?"))
    assert scene.pictures() == [] and scene.bot.turns() == []
    follow = post(scene, "@bot and how tall?", flag("red"), to=answer)
    await answered(scene, follow)
    assert scene.pictures() == [], "who goes on with an answer goes on in writing"


# -- just posted


async def test_what_is_just_posted_in_the_calls_chat_is_seen(reading: Scene) -> None:
    message = post(reading, "my new flag", flag("red", "blue"))
    await seen(message)
    await eventually(lambda: len(reading.pictures()) == 1)
    assert any("[Ada shows you a picture, “flag.png”" in note for note in reading.notes())
    assert reading.bot.turns() == [] and reading.replies(message) == []
    await reading.ada.speak(SPEECH)
    turn = await reading.turn(lambda turn: turn.measures is not None)
    assert "mostly red and blue" in turn.answer


async def test_without_the_intent_nothing_is_seen_of_it(scene: Scene) -> None:
    unseen = post(scene, "my new flag", flag("red"))
    await seen(post(scene, "@bot", flag("blue")))
    await shown(scene, 1)
    assert not unseen.reactions


async def test_whose_pictures_are_not_looked_at(reading: Scene) -> None:
    """Those of bots, of people who have not consented or are elsewhere, videos, and other channels'."""
    world = reading.world
    robot = world.add_user("Robot")
    robot.bot = True
    bob = Person(reading.bot.discord, world.add_user("Bob"))
    eve = world.add_user("Eve")
    await bob.join(reading.lounge.id)
    try:
        posts = [
            post(reading, "beep", flag("red"), author=robot),
            post(reading, "never asked", flag("red"), author=bob.user),
            post(reading, "not there", flag("red"), author=eve),
            post(reading, "elsewhere", flag("red"), channel_id=world.text.id),
            post(reading, "film", Upload("film.mp4", sound_film(["red"], None))),
            post(reading, "damaged", Upload("cut.png", flag("red").data[:100])),
        ]
        await seen(post(reading, "look", flag("lime")))
        await shown(reading, 1)
        assert not [each for each in posts if each.reactions or reading.replies(each)]
        await bob.run_command(world.text.id, "privacy listen")
        await seen(post(reading, "now I have", flag("blue"), author=bob.user))
        assert any("[Bob shows you a picture" in note for note in reading.notes())
        await bob.run_command(world.text.id, "privacy deaf")
        post(reading, "not any more", flag("red"), author=bob.user)
        await seen(post(reading, "look", flag("lime")))
        await shown(reading, 3)
    finally:
        await bob.leave()


async def test_somebody_who_posts_a_lot_is_looked_at_as_time_allows(reading: Scene) -> None:
    posts = [post(reading, str(number), *[flag("red")] * 3) for number in range(12)]
    await eventually(lambda: sum(EYES in each.reactions for each in posts) >= 2)
    await asyncio.sleep(0.5)
    assert not [each for each in posts if reading.replies(each)]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "media-view"]


# -- the app


async def test_describe_shows_it_in_the_call_too_and_says_so(scene: Scene) -> None:
    bob = scene.world.add_user("Bob")
    message = post(scene, "look", flag("red", "blue"), channel_id=scene.world.text.id, author=bob)
    asked = scene.ada.run_on_message(message, "Describe")
    await asked.wait_for(lambda it: it.answer is not None and "Again" in labels(it.answer))
    assert asked.answer is not None
    assert "300 x 200 pixels" in body(asked.answer)
    assert "flag.png · I see this in the call, too" in asked.answer.text
    await eventually(lambda: "looked at flag.png (from Bob, shown by Ada)" in scene.captions())
    await shown(scene, 1)
    assert any("[Ada shows you a picture, “flag.png”, which Bob posted." in note for note in scene.notes())
    assert scene.bot.turns() == []


async def test_what_somebody_posted_who_objected_is_not_shown_in_the_call(reading: Scene) -> None:
    bob = Person(reading.bot.discord, reading.world.add_user("Bob"))
    await bob.run_command(reading.world.text.id, "privacy deaf")
    theirs = post(reading, "my flag", flag("red", "blue"), author=bob.user)
    asked = reading.ada.run_on_message(theirs, "Describe")
    await asked.wait_for(lambda it: it.answer is not None and "Again" in labels(it.answer))
    assert asked.answer is not None
    assert "I see this in the call" not in asked.answer.text
    mentioned = post(reading, "@bot what is that?", to=theirs)
    await eventually(lambda: bool(reading.replies(mentioned)))
    (reply,) = reading.replies(mentioned)
    assert reply.text == "Bob has used /privacy deaf here, so I don't look at flag.png in the call."
    assert reading.pictures() == [] and not mentioned.reactions
    await bob.run_command(reading.world.text.id, "privacy listen")
    await seen(post(reading, "@bot and now?", to=theirs))
    await shown(reading, 1)


async def test_what_is_replied_to_is_told_as_its_authors(reading: Scene) -> None:
    bob = reading.world.add_user("Ada")  # who shares a name with her
    theirs = post(reading, "my flag", flag("red", "blue"), author=bob)
    await seen(post(reading, "@bot what is that?", to=theirs))
    turn = await reading.turn(lambda turn: bool(turn.pictures))
    assert "mostly red and blue" in turn.answer
    assert any(
        "[Ada shows you a picture, “flag.png”, which Ada 2 posted." in note for note in reading.notes()
    )
    await seen(post(reading, "@bot and mine?", flag("lime", name="mine.png"), to=theirs))
    await eventually(lambda: any("“mine.png”. Say nothing" in note for note in reading.notes()))


async def test_who_posted_it_takes_it_back(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, tmp_path: Path
) -> None:
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    async with look_scene(discord_emulator, gemini_emulator, tmp_path, retention_days=0) as scene:
        bob = Person(scene.bot.discord, scene.world.add_user("Bob"))
        await seen(post(scene, "@bot", flag("lime", name="mine.png")))
        theirs = post(scene, "my flag", flag("red", "blue"), author=bob.user)
        await seen(post(scene, "@bot", to=theirs))
        await shown(scene, 2)
        await bob.run_command(scene.world.text.id, "privacy deaf")
        scene.gemini.sessions[-1].abort()
        await eventually(lambda: len(scene.gemini.sessions) == 2)
        await scene.ada.speak(SPEECH)
        turn = await scene.turn(lambda turn: turn.measures is not None)
        assert "mostly green" in turn.answer, "the newest of those that were not taken back"
        assert len(scene.gemini.sessions[-1].log.pictures) == 1


async def test_describe_by_who_is_elsewhere_is_as_ever(scene: Scene) -> None:
    bob = scene.world.add_user("Bob")
    message = post(scene, "look", flag("red"), channel_id=scene.world.text.id)
    asked = scene.world.run_on_message(bob.id, message.id, "Describe")
    await asked.wait_for(lambda it: it.answer is not None and "Again" in labels(it.answer))
    assert asked.answer is not None
    assert "in the call" not in asked.answer.text
    assert scene.pictures() == []
