"""Where captions are written: the voice channel's own chat, or the next best place, which is said there."""

from collections.abc import Callable
from typing import TypeAlias

import discord

VoiceChannel: TypeAlias = discord.VoiceChannel | discord.StageChannel
Place: TypeAlias = (
    VoiceChannel
    | discord.TextChannel
    | discord.Thread
    | discord.PartialMessageable
    | discord.DMChannel
    | discord.GroupChannel
)

_ELSEWHERE = "-# I can't write in the chat of {channel}, so the captions of the call there are here."


class CaptionPlaces:
    """The places of one call."""

    def __init__(self, where: Callable[[], VoiceChannel], text: Place | None) -> None:
        """`where()` is the voice channel now, `text` the channel where /join was used."""
        self.where = where
        self._text = text
        self._closed: set[int] = set()
        self._told = False

    def choose(self) -> Place | None:
        """Return where to write now; None where nothing is open to the bot any more."""
        return next((place for place in (self.where(), self._text) if self._is_open(place)), None)

    def close(self, place_id: int) -> None:
        """Take in that Discord lets the bot write there no more, or that it was deleted."""
        self._closed.add(place_id)

    def notice(self, place: Place) -> str | None:
        """Return what is to be said in a place before the first captions; None for nothing."""
        if self._told or place.id == self.where().id:
            return None
        self._told = True
        return _ELSEWHERE.format(channel=self.where().mention)

    def _is_open(self, place: Place | None) -> bool:
        if place is None or place.id in self._closed:
            return False
        if not isinstance(place, discord.abc.GuildChannel | discord.Thread):
            return True
        mine = place.permissions_for(place.guild.me)
        write = mine.send_messages_in_threads if isinstance(place, discord.Thread) else mine.send_messages
        # The chat of a voice channel needs the right to connect, too; editing needs the history.
        connect = mine.connect or not isinstance(place, VoiceChannel)
        return mine.view_channel and mine.read_message_history and write and connect
