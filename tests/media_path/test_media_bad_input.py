"""What people post that can't be asked about: from Discord's file host to the whole sentence that they read.

Each is posted on the loopback Discord, fetched and looked into by the service; the model gets nothing of it.
"""

import io
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import av
import pytest
from media_rig import MEDIA, Rig, encoded, noise, running_rig
from odd_files import huge, long_film, pdf, zipped

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.media.errors import MediaError
from bot.media.sources import Source
from bot.media.task import Task
from bot.media.tasks.ask import Ask
from bot.media.tasks.describe import Describe

FILM = (MEDIA / "video-bunny.mp4").read_bytes()
CAT = (MEDIA / "photo-cat.png").read_bytes()
SPEECH = (MEDIA / "speech-austen-0880.wav").read_bytes()
ELF = b"\x7fELF\x02\x01\x01" + bytes(500)


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rig]:
    """Hold for each test that the model was not asked, and that nothing is left on the disk or at Google."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    base_url, key = gemini_emulator.base_url, gemini_emulator.api_key
    async with running_rig(discord_emulator, base_url, tmp_path, key) as running:
        yield running
    assert gemini_emulator.requests == []
    assert not gemini_emulator.files
    assert list(scratch.iterdir()) == []


async def refusal(rig: Rig, *sources: Source, task: Task | None = None) -> str:
    with pytest.raises(MediaError) as caught:
        await rig.ask(*sources, task=task or Ask("What is this?"))
    return str(caught.value)


def matroska() -> bytes:
    """Return the film as Matroska, with a codec that WebM has not."""
    out = io.BytesIO()
    with av.open(io.BytesIO(FILM)) as source, av.open(out, "w", format="matroska") as made:
        stream: Any = made.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return out.getvalue()


NO_FILE = "is not a picture, video, recording, PDF or text: post one of these."
NO_PICTURE = "is damaged or not really a picture: post another copy of it."
UNPLAYABLE = "is damaged or holds nothing that can be played: post another copy of it."

BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "no media at all": ("tool.png", lambda: ELF, f"tool.png {NO_FILE}"),
    "an archive": (
        "all.zip",
        lambda: zipped("a.txt"),
        "all.zip is an archive: unpack it and post the files themselves.",
    ),
    "a Word document": (
        "letter.docx",
        lambda: zipped("word/document.xml"),
        "letter.docx is a document that I can't open: save it as PDF and post that.",
    ),
    "a picture cut off": ("cat.png", lambda: CAT[:3000], f"cat.png {NO_PICTURE}"),
    "a photo cut off": (
        "noise.jpg",
        lambda: encoded(noise(300, 300), "JPEG")[:9000],
        f"noise.jpg {NO_PICTURE}",
    ),
    "a picture in name only": ("x.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(900), f"x.jpg {NO_PICTURE}"),
    "a film cut off": ("film.mp4", lambda: FILM[:3000], f"film.mp4 {UNPLAYABLE}"),
    "sound without any": ("a.wav", lambda: SPEECH[:44], f"a.wav {UNPLAYABLE}"),
    "a PDF cut off": (
        "paper.pdf",
        lambda: pdf(3)[:60],
        "paper.pdf is damaged or not really a PDF: post another copy of it.",
    ),
    "a PDF with a password": (
        "secret.pdf",
        lambda: pdf(1, "secret"),
        "secret.pdf is locked with a password: unlock it and post it again.",
    ),
    "a PDF of too many pages": (
        "book.pdf",
        lambda: pdf(1001),
        "book.pdf has 1001 pages, and 1000 is the limit: split it.",
    ),
    "zero bytes": ("nothing.png", lambda: b"", "nothing.png is empty: post it again."),
    "a picture too large": (
        "map.png",
        huge,
        "map.png has more than 64 megapixels: scale it down and post it again.",
    ),
    "text too long": (
        "log.txt",
        lambda: b"line\n" * 300_000,
        "log.txt is larger than 1 MiB, the limit for text: post the part that matters.",
    ),
    "a film too long": (
        "film.mp4",
        long_film,
        "film.mp4 is 1 h 40 min long, and 1 h is the limit: give `/summarize` a time range as `focus`, such "
        "as 0:00-1:00:00, set its `detail` to low (up to 4 h 27 min), or cut it into parts.",
    ),
    "a codec that nothing decodes": (
        "odd.mp4",
        lambda: FILM.replace(b"avc1", b"zzzz"),
        "odd.mp4 uses a codec that can't be decoded here: convert it to MP4, WebM, MP3 or WAV.",
    ),
    "a container that the model does not take": (
        "film.mkv",
        matroska,
        "film.mkv is a kind of video that the model does not take: convert it to MP4 or WebM.",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_is_posted_is_refused_in_a_sentence(rig: Rig, case: str) -> None:
    name, make, said = BAD[case]
    assert await refusal(rig, rig.post(name, make())) == said


async def test_one_bad_file_among_good_ones_is_named(rig: Rig) -> None:
    good, bad = rig.post("cat.png", CAT), rig.post("bad.png", CAT[:3000])
    assert await refusal(rig, good, bad, good) == f"bad.png {NO_PICTURE}"


@pytest.mark.parametrize(("name", "data"), [("film.mp4", FILM), ("talk.wav", SPEECH), ("a.txt", b"hello")])
async def test_only_pictures_are_described(rig: Rig, name: str, data: bytes) -> None:
    said = await refusal(rig, rig.post("cat.png", CAT), rig.post(name, data), task=Describe())
    assert said == f"{name} is not a picture: ask about it with /ask."


async def test_a_film_as_a_picture_of_a_table(rig: Rig) -> None:
    task = Describe(each=True)
    said = await refusal(rig, rig.post("film.mp4", FILM), rig.post("talk.wav", SPEECH), task=task)
    assert said == "film.mp4 is not a picture: ask about it with /ask."


async def test_over_the_limit_by_what_discord_says(rig: Rig) -> None:
    source = rig.post("film.mp4", FILM, size=600 * 2**20)
    assert await refusal(rig, source) == "film.mp4 is larger than 512 MiB: post a smaller file."


async def test_over_the_limit_by_what_comes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = rig.service._tools
    assert tools is not None
    monkeypatch.setattr(tools.fetcher, "_max_bytes", 2**20)
    big = rig.post("film.mp4", FILM + bytes(2**20), size=1000)
    assert await refusal(rig, big) == "film.mp4 is larger than 1 MiB: post a smaller file."


async def test_a_link_that_has_expired(rig: Rig) -> None:
    posted = rig.post("cat.png", CAT)
    old = Source(posted.filename, posted.url.replace("hm=", "hm=0"), posted.size, posted.content_type)
    assert await refusal(rig, old) == "The link to cat.png has expired: post the file again."


async def test_a_file_that_is_not_on_discord(rig: Rig) -> None:
    elsewhere = Source("cat.png", "https://example.com/cat.png", len(CAT), "image/png")
    assert await refusal(rig, elsewhere) == "cat.png is not a file on Discord: post it here and try again."


async def test_more_than_ten_files(rig: Rig) -> None:
    said = "These are 11 files, and 10 is the limit: post fewer."
    assert await refusal(rig, *[rig.post("cat.png", CAT)] * 11) == said
