"""What people give the commands that can't be asked about: the whole sentence that each of them reads."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from answer_bot import body, button, ended, labels
from loopback import eventually
from media_scene import CAT, COFFEE, FILM, PAGE, SPEECH, Scene
from odd_files import huge, long_film, pdf, zipped
from whole_scene import LETTER, Use, whole_scene

from bot.emulators.discord.events import Intent
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import Upload
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator

DAY_S = 24 * 3600.0


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Scene]:
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as running:
        yield running


FILES: dict[str, Callable[[], bytes]] = {
    "tool.png": lambda: b"\x7fELF\x02\x01\x01" + bytes(500),
    "cut.png": lambda: CAT.data[:3000],
    "cut.mp4": lambda: FILM.data[:3000],
    "cut.pdf": lambda: LETTER.data[:60],
    "mute.wav": lambda: SPEECH.data[:44],
    "odd.mp4": lambda: FILM.data.replace(b"avc1", b"zzzz"),
    "empty.png": lambda: b"",
    "empty.pdf": lambda: b"",
    "empty.ogg": lambda: b"",
    "secret.pdf": lambda: pdf(1, "secret"),
    "book.pdf": lambda: pdf(1001),
    "map.png": huge,
    "long.mp4": long_film,
    "log.txt": lambda: b"line\n" * 300_000,
    "all.zip": lambda: zipped("a.txt"),
    "letter.docx": lambda: zipped("word/document.xml"),
}

NO_PICTURE = "is damaged or not really a picture: post another copy of it."
UNPLAYABLE = "is damaged or holds nothing that can be played: post another copy of it."
LOCKED = "secret.pdf is locked with a password: unlock it and post it again."
TOO_LONG = (
    "long.mp4 is 1 h 40 min long, and 1 h is the limit: give `/summarize` a time range as `focus`, such as "
    "0:00-1:00:00, set its `detail` to low (up to 4 h 27 min), or cut it into parts."
)
NO_CODEC = "odd.mp4 uses a codec that can't be decoded here: convert it to MP4, WebM, MP3 or WAV."

# What is used, with names of FILES for files, and what is said.
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("describe", {"image1": FILM}, "video-bunny.mp4 is not a picture: ask about it with /ask."),
    (
        "describe",
        {"image1": "tool.png"},
        "tool.png is not a picture, video, recording, PDF or text: post one of these.",
    ),
    ("describe", {"image1": CAT, "image2": "cut.png"}, f"cut.png {NO_PICTURE}"),
    ("describe", {"image1": "empty.png"}, "empty.png is empty: post it again."),
    (
        "describe",
        {"image1": "map.png"},
        "map.png has more than 64 megapixels: scale it down and post it again.",
    ),
    ("compare", {"image1": CAT, "image2": "cut.png"}, f"cut.png {NO_PICTURE}"),
    (
        "compare",
        {"image1": CAT, "image2": FILM},
        "video-bunny.mp4 is not a picture: compare PNG, JPEG, WEBP, HEIC or GIF files.",
    ),
    (
        "find",
        {"image": SPEECH, "what": "a cat"},
        "speech-austen-0920.wav is not a picture: use /find on a PNG, JPEG, WEBP, HEIC or GIF.",
    ),
    ("find", {"image": "cut.png", "what": "a cat"}, f"cut.png {NO_PICTURE}"),
    ("read", {"file": "secret.pdf"}, LOCKED),
    ("read", {"file": "cut.pdf"}, "cut.pdf is damaged or not really a PDF: post another copy of it."),
    ("read", {"file": "book.pdf"}, "book.pdf has 1001 pages, and 1000 is the limit: split it."),
    ("read", {"file": "empty.pdf"}, "empty.pdf is empty: post it again."),
    (
        "read",
        {"file": FILM},
        "video-bunny.mp4 is neither a picture nor a PDF: for what is said in it, use /transcribe.",
    ),
    ("extract", {"file": "secret.pdf", "kind": "receipt"}, LOCKED),
    ("extract", {"file": "cut.png", "kind": "form"}, f"cut.png {NO_PICTURE}"),
    ("inspect", {"specification": "secret.pdf", "image1": CAT}, LOCKED),
    ("inspect", {"specification": LETTER, "image1": CAT, "video": "cut.mp4"}, f"cut.mp4 {UNPLAYABLE}"),
    ("summarize", {"video": "long.mp4"}, TOO_LONG),
    ("summarize", {"video": "odd.mp4", "style": "chapters"}, NO_CODEC),
    ("summarize", {"video": "cut.mp4", "style": "srt"}, f"cut.mp4 {UNPLAYABLE}"),
    ("transcribe", {"file": "odd.mp4"}, NO_CODEC),
    ("transcribe", {"file": "mute.wav"}, f"mute.wav {UNPLAYABLE}"),
    ("transcribe", {"file": "empty.ogg"}, "empty.ogg is empty: post it again."),
    ("ask", {"": "secret.pdf"}, LOCKED),
    (
        "ask",
        {"": "log.txt"},
        "log.txt is larger than 1 MiB, the limit for text: post the part that matters.",
    ),
    ("ask", {"": "all.zip"}, "all.zip is an archive: unpack it and post the files themselves."),
    (
        "ask",
        {"": "letter.docx"},
        "letter.docx is a document that I can't open: save it as PDF and post that.",
    ),
    ("Describe", {"": FILM}, "video-bunny.mp4 is not a picture: ask about it with /ask."),
    ("Summarize", {"": "long.mp4"}, TOO_LONG),
    ("Transcribe", {"": "mute.wav"}, f"mute.wav {UNPLAYABLE}"),
    ("Ask", {"": "cut.png"}, f"cut.png {NO_PICTURE}"),
]


def use_of(name: str, given: dict[str, Any]) -> Use:
    """Return how a command is given files, by name; what has no option's name is posted or uploaded."""
    made = {
        option: Upload(value, FILES[value]()) if value in FILES else value for option, value in given.items()
    }
    if "" not in made:
        return Use(name, "", made)
    files, question = (made[""],), "What is it?" if name.lower() == "ask" else ""
    return (
        Use(name, "", question=question, added=files) if name == "ask" else Use(name, "", {}, files, question)
    )


@pytest.mark.parametrize(
    ("name", "given", "sentence"), BAD, ids=[f"{name}-{sentence[:20]}" for name, _, sentence in BAD]
)
async def test_what_can_not_be_asked_about(
    scene: Scene, name: str, given: dict[str, Any], sentence: str
) -> None:
    message = await ended(await use_of(name, given).by(scene, scene.person.id, scene.world.text.id))
    assert sentence in message.text.splitlines()
    assert labels(message) == [], "the same file would be refused again"
    assert scene.gemini.requests == []


async def test_over_the_limit_of_all_files(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller one than 512 MiB: Discord takes no larger file, and disks are small."""
    tools = scene.parts.service._tools
    assert tools is not None
    monkeypatch.setattr(tools.fetcher, "_max_bytes", 2**20)
    message = await scene.answer("summarize", video=Upload("film.mp4", FILM.data + bytes(2**20)))
    assert "film.mp4 is larger than 1 MiB: post a smaller file." in message.text.splitlines()


def bare(scene: Scene, app: str) -> Interaction:
    post = scene.world.post(scene.person.id, scene.world.text.id, "soon to be empty", [PAGE])
    post.content, post.attachments = "", []
    return scene.world.run_on_message(scene.person.id, post.id, app)


NOTHING_THERE = {
    "Describe": "Nothing is attached to that message: use Describe on one with a picture.",
    "Summarize": "There is nothing in that message that I can summarize: use this on one with a video, a "
    "recording, another file, a link to YouTube, or a long text.",
    "Transcribe": "There is no recording in that message: use Transcribe on one with a voice message, a "
    "recording, a video or a link to YouTube.",
    "Ask": "There is no text and no file in that message: use Ask on one that has some, or use /ask.",
}


@pytest.mark.parametrize("app", NOTHING_THERE)
async def test_an_app_on_a_bare_message(scene: Scene, app: str) -> None:
    assert (await bare(scene, app)).text == NOTHING_THERE[app]
    assert scene.gemini.requests == []


async def test_more_than_ten_files(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten of the message that is replied to, which takes the Message Content intent to be read, and one."""
    discord_emulator.gateway.allowed_privileged = Intent.MESSAGE_CONTENT
    async with whole_scene(discord_emulator, gemini_emulator, tmp_path, monkeypatch) as scene:
        world = scene.world
        full = world.post(scene.person.id, world.text.id, "", [COFFEE] * 10)
        mention = f"<@{world.bot.id}> which is mine?"
        asking = world.post(scene.person.id, world.text.id, mention, [CAT], reply_to=full.id)
        sentence = "These are 11 files, and 10 is the limit: post fewer."
        await eventually(lambda: sentence in world.messages(world.text.id)[-1].text.splitlines())
        assert world.messages(world.text.id)[-1].reply_to is asking
        assert gemini_emulator.requests == []


async def test_a_link_that_has_expired(scene: Scene) -> None:
    """What came with a command is kept by Discord for a day; a message's files have links afresh."""
    message = await scene.answer("describe", image1=CAT)
    post = scene.world.post(scene.person.id, scene.world.text.id, "", [COFFEE])
    scene.discord.knobs.cdn_clock_offset_s = DAY_S + 60
    again = scene.world.click(scene.person.id, message.id, button(message, "Again")["custom_id"])
    told = await ended(again)
    assert "The link to photo-cat.png has expired: post the file again." in told.text.splitlines()
    asked = scene.world.run_on_message(scene.person.id, post.id, "Describe")
    assert "600 x 400" in body(await ended(asked))
