"""The captions of all calls: begun with a call, switched on and off, posted under one budget."""

import time
from collections.abc import Callable, Sequence

import discord

from bot.conversation.captions_budget import CaptionBudget
from bot.conversation.captions_call import CallCaptions
from bot.conversation.captions_passage import CaptionLine, Kind
from bot.conversation.captions_so_far import SoFar
from bot.conversation.options import CallOptions, callable_names
from bot.conversation.overload import Overload
from bot.conversation.transcript import TranscriptWriter
from bot.storage.guilds import GuildStore
from bot.storage.transcripts import TranscriptStore, Utterance
from cogs.caption_places import CaptionPlaces, Place, VoiceChannel
from cogs.caption_posts import CaptionPoster


class CaptionCalls:
    """Makes the captions of calls, and finds those of a guild's call; each call closes its own."""

    def __init__(self, guilds: GuildStore, store: TranscriptStore, overload: Overload | None = None) -> None:
        """Make the captions of a process; `overload` tells when its loop is late."""
        self._guilds = guilds
        self._store = store
        self._budget = CaptionBudget(overload)
        self._posters: dict[int, CaptionPoster] = {}
        self._so_far: dict[int, SoFar] = {}
        self._for_call: dict[int, bool] = {}  # switched for the call that runs, whatever the guild has set

    def open(self, channel: VoiceChannel, text: discord.abc.Messageable | None, call_id: str) -> CallCaptions:
        """Begin the captions and the transcript of a call; `text` is the channel where /join was used."""
        guild_id = channel.guild.id
        poster = CaptionPoster(
            guild_id,
            CaptionPlaces(_followed(channel), text if isinstance(text, Place) else None),
            self._budget,
            wanted=lambda: self.wanted(guild_id),
        )
        self._posters[guild_id] = poster
        self._for_call.pop(guild_id, None)
        poster.task.add_done_callback(lambda _: self._over(guild_id, poster))
        # Lines have the time of a clock that counts from the machine's start.
        epoch = time.time() - time.monotonic()

        async def write(lines: Sequence[CaptionLine]) -> None:
            await self._store.add(guild_id, call_id, [_kept(line, epoch) for line in lines])

        writer = TranscriptWriter(write, lambda: self._guilds.get(guild_id).retention_days > 0)
        self._so_far[guild_id] = so_far = SoFar(poster)
        me = channel.guild.me
        # A program that was killed may have left its badge in the nickname.
        shown = callable_names(CallOptions(names=(me.name,)), me.display_name)[0]
        return CallCaptions(shown, so_far, writer, name=str(guild_id), on_forget=so_far.forget)

    def said(self, guild_id: int) -> Sequence[CaptionLine]:
        """Return what was said so far in the call that runs in a guild."""
        so_far = self._so_far.get(guild_id)
        return so_far.lines if so_far is not None else ()

    @property
    def budget(self) -> CaptionBudget:
        """The budget of all that is shown by edits as it changes."""
        return self._budget

    def wanted(self, guild_id: int) -> bool:
        """Return whether captions are posted in a guild now."""
        return self._for_call.get(guild_id, self._guilds.get(guild_id).captions)

    def running(self, guild_id: int) -> bool:
        """Return whether there is a call in a guild whose captions could be posted."""
        return guild_id in self._posters

    def switch(self, guild_id: int, on: bool | None) -> None:
        """Post captions in the call that runs, or don't, whatever the guild has set; None goes by that."""
        if on is None:
            self._for_call.pop(guild_id, None)
        else:
            self._for_call[guild_id] = on

    def came_between(self, guild_id: int, channel_id: int) -> None:
        """Take in that somebody has written in a channel."""
        if (poster := self._posters.get(guild_id)) is not None:
            poster.came_between(channel_id)

    def _over(self, guild_id: int, poster: CaptionPoster) -> None:
        if self._posters.get(guild_id) is poster:
            del self._posters[guild_id]
            self._for_call.pop(guild_id, None)


def _followed(channel: VoiceChannel) -> Callable[[], VoiceChannel]:
    """Return what tells the channel of a call now: people may move the bot."""
    guild, last = channel.guild, channel

    def where() -> VoiceChannel:
        nonlocal last
        if guild.voice_client is not None and isinstance(now := guild.voice_client.channel, VoiceChannel):
            last = now
        return last

    return where


def _kept(line: CaptionLine, epoch: float) -> Utterance:
    # In a document a note stands among words.
    text = f"[{line.text}]" if line.kind is Kind.NOTE else line.text
    return Utterance(line.at + epoch, line.user_id, line.name, text)
