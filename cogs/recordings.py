"""The front door of what is asked about films and recordings: /summarize, /transcribe, and their apps."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.media.detail import Detail
from bot.media.lengths import clock
from bot.media.sources import Source, youtube
from bot.media.task import Task
from bot.media.tasks.captions import Captions
from bot.media.tasks.chapters import Chapters
from bot.media.tasks.summarize import Summarize
from bot.media.tasks.transcribe import Transcribe
from bot.media.tasks.youtube import YouTube
from bot.media.times import parse_range
from cogs.answer import Answers
from cogs.ask_words import words_of
from cogs.media_request import CONTEXTS, INSTALLS, anywhere, attached, request_of, source_of
from cogs.message_links import is_message_link, linked_message

Style = Literal["summary", "chapters", "blog", "social", "youtube", "srt"]

FOCUS_LENGTH = 500  # a question; what is longer is for /ask
LINK_LENGTH = 300
NAMES_LENGTH = 300  # of all speakers
LEAST_TEXT = 300  # characters of a message: a shorter one is read as quickly as its summary

_URL = re.compile(r"https?://[^\s<>()\[\]]+")

_ONE_OF_TWO = "Give a video or a link, one of the two: the video as a file, or the link to one."
_NO_LINK = (
    "That is neither a link to a video on YouTube nor to a message on Discord: copy the address of one of "
    "these."
)
_NOTHING = (
    "There is nothing in that message that I can summarize: use this on one with a video, a recording, "
    "another file, a link to YouTube, or a long text."
)
_BLANK = (
    "I can't see what is in that message: use Summarize on it (right-click it, on a phone hold it, then "
    "Apps)."
)
_NO_SOUND = (
    "There is no recording in that message: use Transcribe on one with a voice message, a recording, a video "
    "or a link to YouTube."
)


@dataclass(frozen=True)
class _Matter:
    """What is summarized."""

    sources: Sequence[Source]
    text: str = ""
    """Of a message, where there are no sources."""
    message: discord.Message | None = None

    @property
    def address(self) -> str:
        """Where it can be watched, if it is a video on YouTube."""
        return self.sources[0].url if len(self.sources) == 1 and self.sources[0].on_youtube else ""


class Recordings(commands.Cog):
    """Commands about films and recordings."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        # A cog can't hold a context menu as a method: who builds the client adds it to the tree.
        self.menus = [
            app_commands.ContextMenu(
                name=name, callback=callback, allowed_installs=INSTALLS, allowed_contexts=CONTEXTS
            )
            for name, callback in (
                ("Summarize", self._summarize_message),
                ("Transcribe", self._transcribe_message),
            )
        ]

    @app_commands.command(
        description="Summarize a video: theme, key points, conclusion, chapters or subtitles."
    )
    @app_commands.describe(
        video="A video; recordings, PDFs and other files work as well.",
        link="Instead of a file: a link to a YouTube video, or to a message here.",
        style="What to write; chapters come with pictures, srt are subtitles as a file.",
        focus="A question, or a time or range such as 0:45 or 1:10-2:00.",
        detail="How closely I look: low is cheaper, and takes videos of several hours.",
    )
    @anywhere
    async def summarize(
        self,
        interaction: discord.Interaction,
        video: discord.Attachment | None = None,
        link: app_commands.Range[str, 1, LINK_LENGTH] | None = None,
        style: Style = "summary",
        focus: app_commands.Range[str, 1, FOCUS_LENGTH] | None = None,
        detail: Detail | None = None,
    ) -> None:
        """Summarize a file, what a link leads to, or what a linked message holds."""
        await interaction.response.defer(thinking=True)
        if (video is None) == (link is None):
            raise EarshotError(_ONE_OF_TWO)
        matter = _Matter([source_of(video)]) if video is not None else await _linked(interaction, str(link))
        await self._give(interaction, matter, _task(style, focus, detail, matter), _asked(style, focus))

    @app_commands.command(description="Write down what is said: who, when, what, and what was decided.")
    @app_commands.describe(
        file="A recording, a voice message or a video.",
        translate="A language to translate it into, too.",
        speakers="Who speaks, as far as you know: names, with commas between them.",
    )
    @anywhere
    async def transcribe(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        translate: app_commands.Range[str, 1, 50] | None = None,
        speakers: app_commands.Range[str, 1, NAMES_LENGTH] | None = None,
    ) -> None:
        """Transcribe a file."""
        await interaction.response.defer(thinking=True)
        task = Transcribe(translate, speakers)
        await self._give(interaction, _Matter([source_of(file)]), task, translate)

    async def _summarize_message(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Summarize the files of a message, the video that it links to, or what it says."""
        await interaction.response.defer(thinking=True)
        matter = _matter_of(message)
        if matter is None:
            raise EarshotError(_NOTHING)
        await self._give(interaction, matter, _task("summary", None, None, matter), None)

    async def _transcribe_message(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Transcribe the recording of a message, or the video that it links to."""
        await interaction.response.defer(thinking=True)
        posted = attached(message)
        recordings = [source for source in posted if _is_recording(source)]
        found = [*recordings, *_videos_in(words_of(message)), *posted]
        if not found:
            raise EarshotError(_NO_SOUND)
        about = f"the first of {len(recordings)} recordings" if len(recordings) > 1 else None
        await self._give(interaction, _Matter(found[:1], message=message), Transcribe(), about)

    async def _give(
        self, interaction: discord.Interaction, matter: _Matter, task: Task, about: str | None
    ) -> None:
        request = request_of(interaction, matter.sources, task, about=about, message=matter.message)
        await self._answers.give(interaction, request)


async def _linked(interaction: discord.Interaction, link: str) -> _Matter:
    """Return what a link leads to. Raises EarshotError where that is nothing."""
    video = youtube(link.strip().strip("<>"))
    if video is not None:
        return _Matter([video])
    if not is_message_link(link):
        raise EarshotError(_NO_LINK)
    message = await linked_message(interaction, link)
    matter = _matter_of(message)
    if matter is not None:
        return matter
    # Without the intent Message Content, what others wrote comes blank, files and all.
    seen = interaction.client.intents.message_content or message.content
    raise EarshotError(_NOTHING if seen else _BLANK)


def _matter_of(message: discord.Message) -> _Matter | None:
    """Return what in a message is summarized: its files, else a video that it links to, else its text."""
    words = words_of(message)
    sources = attached(message) or _videos_in(words)[:1]
    if sources:
        return _Matter(sources, message=message)
    return _Matter([], words, message) if len(words) >= LEAST_TEXT else None


def _videos_in(text: str) -> list[Source]:
    """Return the videos on YouTube that a text has links to."""
    found = (youtube(url) for url in _URL.findall(text))
    return [video for video in found if video is not None]


def _is_recording(source: Source) -> bool:
    """Say whether a file is said to have sound; whether it has, its bytes say later."""
    return (source.content_type or "").startswith(("audio/", "video/"))


def _task(style: Style, focus: str | None, detail: Detail | None, matter: _Matter) -> Task:
    address = matter.address
    match style:
        case "chapters":
            return Chapters(focus, detail, address)
        case "youtube":
            return YouTube(focus, detail, address)
        case "srt":
            return Captions(focus, detail, address)
        case _:
            return Summarize(focus, detail, address, style, matter.text)


def _asked(style: Style, focus: str | None) -> str | None:
    """Return what stands above an answer: a single time with what is looked at for it."""
    part = parse_range(focus) if focus else None
    if part is not None and part.at_s is not None:
        focus = f"{clock(part.at_s)}, that is {part}"
    told = [style] * (style != "summary") + [focus] * bool(focus)
    return ", ".join(each for each in told if each) or None
