"""Pictures and videos that people post, on their way into the call that those people are in."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiohttp
import discord

from bot.conversation.call import Call, CallError
from bot.conversation.calls import Calls
from bot.conversation.sayings import SayError
from bot.conversation.sights import Clip, Poster, ShowError, Sight
from bot.errors import EarshotError
from bot.media.errors import MediaError, shown
from bot.media.glance import Film, Glance
from bot.media.sources import Source
from bot.media.viewing import Viewing
from bot.storage.consents import ConsentStore
from bot.text.escape import one_line
from cogs.caption_places import CaptionPlaces, Place

logger = logging.getLogger(__name__)

MOST = 10  # files at once: as many as Discord takes with a message
NAME = 40  # characters of a person's name
SEEN = "👀"

_NO_CALL = "I am in no call here; /join begins one."
_NOT_THERE = "Join {channel} first: I would be looking at it there."
_OVER = "The call has ended meanwhile, so I did not look at {name}; /join begins another one."
_LEFT = "You have left the call meanwhile, so I did not look at {name}: come back and show it again."
_WITHDRAWN = "You have withdrawn your consent meanwhile, so I did not look at {name}."
_TAKEN_BACK = "{poster} has withdrawn consent meanwhile, so I did not look at {name}."
_OBJECTED = "{poster} has used /privacy deaf here, so I don't look at {name} in the call."
_MANY = "These are {count} files, and {most} is the limit: show me fewer."


@dataclass(frozen=True)
class Shown:
    """What became of files that somebody showed; at least one was seen."""

    seen: tuple[str, ...]
    """The names of pictures, for a sentence."""
    watched: tuple[str, ...]
    """The names of videos."""
    asked: bool
    """Whether the question is to be answered."""
    problems: tuple[str, ...]
    """Sentences about what could not be seen, heard or asked."""


class CallViewer:
    """Shows files in calls."""

    def __init__(self, calls: Calls, viewing: Viewing, consents: ConsentStore) -> None:
        self._calls = calls
        self._viewing = viewing
        self._consents = consents

    def call_of(self, guild_id: int | None, user_id: int) -> Call:
        """Return the running call that a person is in. Raises CallError."""
        call = self._calls.get(guild_id or 0)
        if call is None:
            raise CallError(_NO_CALL)
        if user_id not in call.channel.voice_states:
            raise CallError(_NOT_THERE.format(channel=call.channel.mention))
        return call

    def call_at(self, message: discord.Message) -> Call | None:
        """Return the call in whose chat a message stands, if who wrote it is in that call."""
        guild = message.guild
        call = self._calls.get(guild.id) if guild is not None else None
        if guild is None or call is None or message.author.id not in call.channel.voice_states:
            return None
        if message.channel.id == call.channel.id:
            return call
        text = self._calls.text_of(guild.id)
        place = CaptionPlaces(lambda: call.channel, text if isinstance(text, Place) else None).choose()
        return call if place is not None and message.channel.id == place.id else None

    async def show(
        self,
        call: Call,
        user_id: int,
        sources: Sequence[Source],
        question: str = "",
        poster: Poster | None = None,
    ) -> Shown:
        """Show files in a person's call, and have their question answered aloud.

        `poster` is who posted them, where that is another person. Raises EarshotError where none of them can
        be seen, or the poster has objected.
        """
        if len(sources) > MOST:
            raise MediaError(_MANY.format(count=len(sources), most=MOST))
        guild_id, name = call.channel.guild.id, shown(sources[0].filename)
        if poster is not None and self._consents.objected(guild_id, poster.user_id):
            raise CallError(_OBJECTED.format(poster=one_line(poster.name, NAME), name=name))
        people = [user_id] if poster is None else [user_id, poster.user_id]
        before = [self._consents.withdrawals(guild_id, each) for each in people]
        looks = await asyncio.gather(*map(self._viewing.look, sources), return_exceptions=True)
        self._check(call, user_id, name)
        now = [self._consents.withdrawals(guild_id, each) for each in people]
        if now[0] != before[0]:
            raise CallError(_WITHDRAWN.format(name=name))
        if poster is not None and now != before:
            raise CallError(_TAKEN_BACK.format(poster=one_line(poster.name, NAME), name=name))
        return _put_in(call, user_id, list(zip(sources, looks, strict=True)), question, poster)

    async def show_as_well(
        self, guild_id: int | None, user_id: int, sources: Sequence[Source], poster: Poster | None
    ) -> bool:
        """Show pictures in the call of who looks at them elsewhere; return whether they were seen there."""
        call = self._calls.get(guild_id or 0)
        if call is None or user_id not in call.channel.voice_states:
            return False
        try:
            await self.show(call, user_id, sources, poster=poster)
        except EarshotError as error:
            logger.info("Pictures were not shown in a call: %s", type(error).__name__)
            return False
        return True

    def _check(self, call: Call, user_id: int, name: str) -> None:
        """Raise CallError where things have changed while the files were looked at."""
        if self._calls.get(call.channel.guild.id) is not call:
            raise CallError(_OVER.format(name=name))
        if user_id not in call.channel.voice_states:
            raise CallError(_LEFT.format(name=name))


async def confirm(message: discord.Message) -> None:
    """Say by a reaction that what is in a message was seen; where that may not be, the captions say it."""
    try:
        await message.add_reaction(SEEN)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        logger.info("A message could not be reacted to: %s", type(error).__name__)


def poster_of(message: discord.Message, user_id: int) -> Poster | None:
    """Return who posted a message that a person shows, None where it is their own."""
    author = message.author
    return None if author.id == user_id else Poster(author.id, author.display_name)


def _put_in(
    call: Call,
    user_id: int,
    looked: Sequence[tuple[Source, Glance | Film | BaseException]],
    question: str,
    poster: Poster | None,
) -> Shown:
    """Have the call see what there is to see; what can't be seen, heard or asked is told beside the rest."""
    sights: list[Sight] = []
    films: list[tuple[Clip, bool]] = []
    problems: list[EarshotError] = []
    for source, look in looked:
        match look:
            case Glance(jpeg):
                sights.append(_sight(source, jpeg, user_id, poster))
            case Film(frames, pcm, deaf):
                films.append((Clip(source.filename, frames, pcm, user_id, poster=poster), deaf))
            case EarshotError():
                problems.append(look)
            case BaseException():
                raise look
    if sights:
        try:
            call.show(*sights)
        except ShowError as error:
            problems.append(error)
            sights = []
    watched = _played(call, films, question, problems)
    asked = bool(question and films) and films[-1][0] in watched
    if question and sights and not asked:
        try:
            call.ask(question, *sights)
            asked = True
        except SayError as error:
            problems.append(error)
    if not sights and not watched:
        raise problems[0]
    return Shown(
        tuple(shown(sight.title) for sight in sights),
        tuple(shown(clip.title) for clip in watched),
        asked,
        tuple(str(problem) for problem in problems),
    )


def _sight(source: Source, jpeg: bytes, user_id: int, poster: Poster | None) -> Sight:
    return Sight(source.filename, jpeg, user_id, source.url, source.size, source.content_type, poster)


def _played(
    call: Call, films: Sequence[tuple[Clip, bool]], question: str, problems: list[EarshotError]
) -> list[Clip]:
    """Have the call watch videos, with a question about the last; return those that it will watch."""
    watched: list[Clip] = []
    for number, (clip, deaf) in enumerate(films, start=1):
        name = shown(clip.title)
        try:
            call.play(replace(clip, question=question) if number == len(films) else clip)
        except ShowError as error:
            problems.append(ShowError(f"{name}: {error}") if len(films) > 1 else error)
            continue
        watched.append(clip)
        if deaf:
            problems.append(MediaError(f"I can't play the sound of {name}."))
    return watched
