"""Pictures and videos that people post, on their way into the call that those people are in."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import discord

from bot.conversation.call import Call, CallError
from bot.conversation.calls import Calls
from bot.conversation.sights import Clip, Sight
from bot.errors import EarshotError
from bot.media.errors import MediaError, shown
from bot.media.glance import Film, Glance
from bot.media.sources import Source
from bot.media.viewing import Viewing
from bot.storage.consents import ConsentStore
from cogs.caption_places import CaptionPlaces, Place

logger = logging.getLogger(__name__)

MOST = 10  # files at once: as many as Discord takes with a message
SEEN = "👀"

_NO_CALL = "I am in no call here; /join begins one."
_NOT_THERE = "Join {channel} first: I would be looking at it there."
_OVER = "The call has ended meanwhile, so I did not look at {name}; /join begins another one."
_LEFT = "You have left the call meanwhile, so I did not look at {name}: come back and show it again."
_WITHDRAWN = "You have withdrawn your consent meanwhile, so I did not look at {name}."
_MANY = "These are {count} files, and {most} is the limit: show me fewer."


@dataclass(frozen=True)
class Shown:
    """What became of files that somebody showed; at least one was seen."""

    seen: tuple[str, ...]
    """The names of pictures, for a sentence."""
    watched: tuple[str, ...]
    """The names of videos."""
    problems: tuple[str, ...]
    """Sentences about what could not be seen or heard."""


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

    async def show(self, call: Call, user_id: int, sources: Sequence[Source], question: str = "") -> Shown:
        """Show files of a person in their call, and have their question answered aloud.

        Raises EarshotError where none of them can be seen.
        """
        if len(sources) > MOST:
            raise MediaError(_MANY.format(count=len(sources), most=MOST))
        guild_id = call.channel.guild.id
        before = self._consents.withdrawals(guild_id, user_id)
        looks = await asyncio.gather(*map(self._viewing.look, sources), return_exceptions=True)
        self._check(call, user_id, shown(sources[0].filename), before)
        return _put_in(call, user_id, list(zip(sources, looks, strict=True)), question)

    async def show_as_well(self, guild_id: int | None, user_id: int, sources: Sequence[Source]) -> bool:
        """Show pictures in the call of who looks at them elsewhere; return whether they were seen there."""
        call = self._calls.get(guild_id or 0)
        if call is None or user_id not in call.channel.voice_states:
            return False
        try:
            await self.show(call, user_id, sources)
        except EarshotError as error:
            logger.info("Pictures were not shown in a call: %s", type(error).__name__)
            return False
        return True

    def _check(self, call: Call, user_id: int, name: str, withdrawals: int) -> None:
        """Raise CallError where things have changed while the files were looked at."""
        guild_id = call.channel.guild.id
        if self._calls.get(guild_id) is not call:
            raise CallError(_OVER.format(name=name))
        if user_id not in call.channel.voice_states:
            raise CallError(_LEFT.format(name=name))
        if self._consents.withdrawals(guild_id, user_id) != withdrawals:
            raise CallError(_WITHDRAWN.format(name=name))


async def confirm(message: discord.Message) -> None:
    """Say by a reaction that what is in a message was seen; where that may not be, the captions say it."""
    try:
        await message.add_reaction(SEEN)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        logger.info("A message could not be reacted to: %s", type(error).__name__)


def _put_in(
    call: Call, user_id: int, looked: Sequence[tuple[Source, Glance | Film | BaseException]], question: str
) -> Shown:
    sights: list[Sight] = []
    clips: list[Clip] = []
    problems: list[EarshotError] = []
    for source, look in looked:
        match look:
            case Glance(jpeg):
                sights.append(
                    Sight(source.filename, jpeg, user_id, source.url, source.size, source.content_type)
                )
            case Film(frames, pcm, deaf):
                clips.append(Clip(source.filename, frames, pcm, user_id))
                if deaf:
                    problems.append(MediaError(f"I can't play the sound of {shown(source.filename)}."))
            case EarshotError():
                problems.append(look)
            case BaseException():
                raise look
    if not sights and not clips:
        raise problems[0]
    if sights:
        call.show(*sights)
    for number, clip in enumerate(clips, start=1):
        last = number == len(clips)
        call.play(Clip(clip.title, clip.frames, clip.pcm, clip.by, question) if last else clip)
    if question and not clips:
        call.ask(user_id, question)
    return Shown(
        tuple(shown(sight.title) for sight in sights),
        tuple(shown(clip.title) for clip in clips),
        tuple(str(problem) for problem in problems),
    )
