"""/summarize and /transcribe end to end: real films and speech, to a Gemini that watches and listens."""

import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from answer_bot import body, ended, labels
from discord import app_commands
from discord.ext import commands
from media_scene import CAT, FILM, PAGE, SPEECH, Parts, Scene, media_scene
from PIL import Image

from bot.emulators.discord.events import Intent
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Attachment, ChannelType, Message, Upload, walk
from bot.emulators.discord.permissions import Permission
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from cogs.recordings import Recordings

VIDEO = "https://youtu.be/aqz-KE-b_KQ"
HIDDEN = (
    "I find no message there that you and I can both read: check the link, or use me on the message: "
    "right-click it (on a phone, hold it), then Apps."
)
NOTHING = (
    "There is nothing in that message that I can summarize: use this on one with a video, a recording, "
    "another file, a link to YouTube, or a long text."
)
LONG = "The meeting began with the accounts, which were found in order by both auditors. " * 8


def make(parts: Parts) -> tuple[list[commands.Cog], list[app_commands.ContextMenu]]:
    recordings = Recordings(parts.answers)
    return [recordings], recordings.menus


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    """With the Message Content intent, so that messages can be fetched with what they hold."""
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    gemini_emulator.youtube["aqz-KE-b_KQ"] = FILM.data
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as running:
        yield running


async def told(asked: Interaction) -> str:
    """Return the sentence by which a command ended without an answer."""
    await asked.wait_for(lambda it: it.answer is not None and not it.answer.loading)
    assert asked.answer is not None
    assert labels(asked.answer) == [], asked.answer.text
    return asked.answer.text


def link_to(message: Message, host: str = "discord.com") -> str:
    return f"https://{host}/channels/{message.guild_id or '@me'}/{message.channel_id}/{message.id}"


def on_message(scene: Scene, app: str, content: str, *files: Upload) -> Interaction:
    post = scene.world.post(scene.person.id, scene.world.text.id, content, files)
    return scene.world.run_on_message(scene.person.id, post.id, app)


def file_of(message: Message, name: str) -> Attachment:
    return next(file for file in message.attachments if file.filename == name)


def gallery(message: Message) -> dict[str, str]:
    """Return the alt texts of the pictures that are shown, by their names."""
    items = [item for part in walk(message.components) for item in part.get("items", ())]
    return {item["media"]["url"].split("?")[0].rsplit("/", 1)[-1]: item["description"] for item in items}


# Summarize


async def test_a_film_is_summarized(scene: Scene) -> None:
    message = await scene.answer("summarize", video=FILM)
    assert "1280 x 720 pixels" in body(message)
    (request,) = scene.gemini.requests
    assert "Key points" in request.prompt and "[m:ss]" in request.prompt
    assert "video-bunny.mp4" in message.text


async def test_a_part_of_it_is_looked_at_alone(scene: Scene) -> None:
    message = await scene.answer("summarize", video=FILM, focus="0:01-0:03")
    assert "lasts 2.00 s" in body(message)
    assert "0:01-0:03" in message.text


async def test_a_single_time_is_said_to_be_a_part(scene: Scene) -> None:
    message = await scene.answer("summarize", video=FILM, focus="0:02", style="chapters")
    assert "chapters, 0:02, that is 0:00-0:17" in message.text
    assert scene.gemini.requests[0].clips[0].end_s is None, "that is beyond its end"


async def test_a_question_about_a_film(scene: Scene) -> None:
    await scene.answer("summarize", video=FILM, focus="What does the rabbit do?", detail="low")
    (request,) = scene.gemini.requests
    assert "What does the rabbit do?" in request.prompt


async def test_chapters_come_with_a_sheet(scene: Scene) -> None:
    message = await scene.answer("summarize", video=FILM, style="chapters")
    assert re.findall(r"- `(\d:\d\d)` \*\*", body(message)) == ["0:00", "0:01", "0:03"]
    sheet = Image.open(io.BytesIO(file_of(message, "chapters.jpg").data))
    assert sheet.width > 1_000
    assert gallery(message)["chapters.jpg"] == (
        "What video-bunny.mp4 shows at the beginning of each chapter: "
        "0:00 Scene 1; 0:01 Scene 2; 0:03 Scene 3."
    )


async def test_what_youtube_wants_can_be_copied(scene: Scene) -> None:
    message = await scene.answer("summarize", video=FILM, style="youtube")
    assert "0:00 Scene 1\n0:01 Scene 2\n0:03 Scene 3\n```" in body(message)
    assert "chapters.jpg" in gallery(message)


async def test_subtitles_come_as_a_file(scene: Scene) -> None:
    message = await scene.answer("summarize", video=SPEECH, style="srt")
    written = file_of(message, "subtitles.srt").data.decode()
    assert written.startswith("1\r\n00:00:00,")
    assert "Part 1, from 00:00" in body(message)


@pytest.mark.parametrize(("style", "word"), [("blog", "blog post"), ("social", "LinkedIn")])
async def test_styles(scene: Scene, style: str, word: str) -> None:
    message = await scene.answer("summarize", video=FILM, style=style)
    assert word in scene.gemini.requests[0].prompt
    assert "1280 x 720" in body(message)
    assert style in message.text


async def test_a_video_on_youtube(scene: Scene) -> None:
    message = await scene.answer("summarize", link=f" <{VIDEO}?si=x> ", style="chapters")
    assert "- [0:01](https://www.youtube.com/watch?v=aqz-KE-b_KQ&t=1s) **Scene 2**" in body(message)
    assert "there are no pictures of its chapters" in body(message)
    assert message.attachments == []
    message = await scene.answer("summarize", link=VIDEO, focus="0:01-0:03")
    assert "lasts 2.00 s" in body(message)


async def test_a_video_on_youtube_that_is_not_for_everyone(scene: Scene) -> None:
    scene.gemini.youtube["aqz-KE-b_KQ"] = None
    message = await scene.answer("summarize", link=VIDEO)
    assert "YouTube" in message.text
    assert "went wrong in me" not in message.text


@pytest.mark.parametrize("given", [{}, {"video": FILM, "link": VIDEO}], ids=["nothing", "both"])
async def test_one_of_video_and_link(scene: Scene, given: dict[str, Any]) -> None:
    assert await told(scene.asked("summarize", **given)) == (
        "Give a video or a link, one of the two: the video as a file, or the link to one."
    )


@pytest.mark.parametrize(
    "link",
    [
        "https://vimeo.com/1",
        "a cat",
        "https://discord.com/channels/1/2",
        "https://evil.example/channels/1/2/3",
    ],
)
async def test_other_links_are_none(scene: Scene, link: str) -> None:
    assert (await told(scene.asked("summarize", link=link))).startswith(
        "That is neither a link to a video on"
    )


@pytest.mark.parametrize(
    ("focus", "told_of"),
    [("9:00", "video-bunny.mp4 is only 5 s long"), ("0:04-0:02", "ends before it begins: swap the times.")],
)
async def test_a_part_that_is_not_there(scene: Scene, focus: str, told_of: str) -> None:
    message = await scene.answer("summarize", video=FILM, focus=focus)
    assert told_of in message.text
    assert scene.gemini.requests == []


async def test_what_has_no_chapters(scene: Scene) -> None:
    message = await scene.answer("summarize", video=CAT, style="chapters")
    assert (
        "photo-cat.png is neither a video nor a recording: chapters are made of those only." in message.text
    )


# Links to messages


@pytest.mark.parametrize("host", ["discord.com", "canary.discord.com", "ptb.discord.com", "discordapp.com"])
async def test_a_linked_message(scene: Scene, host: str) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "look", [FILM])
    message = await scene.answer("summarize", link=link_to(post, host))
    assert "1280 x 720" in body(message)
    assert link_to(post) in message.text


async def test_a_linked_message_with_a_link_to_youtube_or_a_long_text(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, f"see [this]({VIDEO}), it is great")
    assert "1280 x 720" in body(await scene.answer("summarize", link=link_to(post)))
    post = scene.world.post(scene.person.id, scene.world.text.id, LONG)
    await scene.answer("summarize", link=link_to(post))
    assert f"> {LONG.strip()}" in scene.gemini.requests[-1].prompt


async def test_a_linked_message_with_nothing_in_it(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "hello")
    assert (await told(scene.asked("summarize", link=link_to(post)))).startswith(
        "There is nothing in that message"
    )


async def test_a_channel_that_the_person_may_not_see_stays_closed(scene: Scene) -> None:
    """The bot can read it, and must not be the way in."""
    world = scene.world
    closed = world.add_channel("board")
    bob = world.add_user("Bob")
    post = world.post(bob.id, closed.id, "secret", [FILM])
    asked = {"link": link_to(post)}
    for deny in (Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY):
        world.set_permissions(closed.id, scene.person.id, deny=deny)
        assert (await told(scene.asked("summarize", **asked))).startswith(
            "I find no message there that you and I"
        )
    world.set_permissions(closed.id, world.guild.id, deny=Permission.VIEW_CHANNEL)
    world.set_permissions(closed.id, scene.person.id)
    assert (await told(scene.asked("summarize", **asked))).startswith(
        "I find no message there that you and I"
    )
    assert scene.gemini.requests == []
    world.set_permissions(closed.id, scene.person.id, allow=Permission.VIEW_CHANNEL)
    world.set_permissions(closed.id, world.bot.id, allow=Permission.VIEW_CHANNEL)
    assert "1280 x 720" in body(await scene.answer("summarize", **asked))


async def test_a_voice_channel_takes_the_right_to_connect(scene: Scene) -> None:
    world = scene.world
    talk = world.add_channel("talk", ChannelType.VOICE)
    post = world.post(world.add_user("Bob").id, talk.id, "secret", [FILM])
    world.set_permissions(talk.id, scene.person.id, deny=Permission.CONNECT)
    assert await told(scene.asked("summarize", link=link_to(post))) == HIDDEN


async def test_a_message_in_a_thread(scene: Scene) -> None:
    world = scene.world
    thread = world.add_thread(world.text.id, "films", scene.person.id)
    post = world.post(scene.person.id, thread.id, "look", [FILM])
    assert "1280 x 720" in body(await scene.answer("summarize", link=link_to(post)))


async def test_a_message_that_is_gone(scene: Scene) -> None:
    post = scene.world.post(scene.person.id, scene.world.text.id, "look", [FILM])
    scene.world.delete_post(post.id)
    assert await told(scene.asked("summarize", link=link_to(post))) == HIDDEN
    nowhere = f"https://discord.com/channels/{scene.world.guild.id}/1/2"
    assert await told(scene.asked("summarize", link=nowhere)) == HIDDEN


async def test_a_message_of_another_server(scene: Scene) -> None:
    world = scene.world
    other = world.add_guild("Elsewhere")
    ada = world.add_user("Ada too", other)
    channel = world.add_channel("films", guild=other)
    post = world.post(ada.id, channel.id, "look", [FILM])
    assert (await told(scene.asked("summarize", link=link_to(post)))).startswith(
        "That message is in another place"
    )
    forged = f"https://discord.com/channels/{world.guild.id}/{channel.id}/{post.id}"
    assert await told(scene.asked("summarize", link=forged)) == HIDDEN
    assert scene.gemini.requests == []


async def test_direct_messages_are_opened_for_their_person_alone(scene: Scene) -> None:
    world = scene.world
    direct = world.open_dm(scene.person.id)
    post = world.post(scene.person.id, direct.id, "look", [FILM])
    asked = world.run_command(scene.person.id, direct.id, "summarize", {"link": link_to(post)})
    assert "1280 x 720" in body(await ended(asked))
    assert "1280 x 720" in body(await scene.answer("summarize", link=link_to(post)))
    forged = f"https://discord.com/channels/@me/{world.text.id}/{post.id}"
    assert await told(scene.asked("summarize", link=forged)) == HIDDEN
    bob = world.add_user("Bob")
    asked = world.run_command(bob.id, world.text.id, "summarize", {"link": link_to(post)})
    assert await told(asked) == HIDDEN


# By right click


async def test_the_files_of_a_message_are_summarized(scene: Scene) -> None:
    message = await ended(on_message(scene, "Summarize", "look", FILM, CAT))
    assert "1280 x 720" in body(message) and "451 x 300" in body(message)
    assert "these 2 files" in scene.gemini.requests[0].prompt


async def test_the_video_that_a_message_links_to_is_summarized(scene: Scene) -> None:
    message = await ended(on_message(scene, "Summarize", f"{LONG} <{VIDEO}>"))
    assert "1280 x 720" in body(message)


async def test_a_long_text_is_summarized_and_a_short_one_is_not(scene: Scene) -> None:
    await ended(on_message(scene, "Summarize", LONG))
    assert f"> {LONG.strip()}" in scene.gemini.requests[0].prompt
    assert scene.gemini.requests[0].measured == ()
    assert await told(on_message(scene, "Summarize", "hi")) == NOTHING


async def test_the_recording_of_a_message_is_transcribed(scene: Scene) -> None:
    message = await ended(on_message(scene, "Transcribe", "minutes", CAT, SPEECH, SPEECH))
    assert re.search(r"\*\*\[0:00\] A voice at \d+ Hz:\*\* Part 1, from 00:00", body(message))
    assert "the first of 2 recordings" in message.text


async def test_a_video_on_youtube_is_transcribed(scene: Scene) -> None:
    message = await ended(on_message(scene, "Transcribe", VIDEO))
    assert "Part 1, from 00:02 to 00:05" in body(message), "it is heard from there on"
    assert (await told(on_message(scene, "Transcribe", LONG))).startswith(
        "There is no recording in that message"
    )


async def test_what_has_no_sound_is_said_to_have_none(scene: Scene) -> None:
    message = await ended(on_message(scene, "Transcribe", "", PAGE))
    assert "scan-page.png is neither a video nor a recording" in message.text
    assert scene.gemini.requests == []


# Transcribe


async def test_a_recording_is_transcribed(scene: Scene) -> None:
    message = await scene.answer("transcribe", file=SPEECH, translate="French", speakers="Jane Austen")
    names = [file.filename for file in message.attachments]
    assert names == ["transcript.md", "transcript.srt", "translation.srt"]
    written = file_of(message, "transcript.srt").data.decode()
    stamps = re.findall(r"00:00:0(\d),\d\d\d --> 00:00:0(\d),\d\d\d", written)
    assert stamps[0][0] == "0" and int(stamps[-1][1]) <= 6, "the recording has 6.1 s"
    prompt = scene.gemini.requests[0].prompt
    assert "French" in prompt and "Jane Austen" in prompt
    assert "French" in message.text


async def test_without_the_intent_linked_messages_are_blank_and_said_to_be(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with media_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch, make) as scene:
        post = scene.world.post(scene.person.id, scene.world.text.id, "look", [FILM])
        refused = await told(scene.asked("summarize", link=link_to(post)))
        assert refused.startswith("I can't see what is in that message: use Summarize on it")
        asked = scene.world.run_on_message(scene.person.id, post.id, "Summarize")
        assert "1280 x 720" in body(await ended(asked))
