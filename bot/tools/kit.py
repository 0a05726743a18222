"""All the functions of a call, put together."""

from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakKeyDictionary

from bot.conversation.call import Call
from bot.conversation.captions_passage import CaptionLine
from bot.conversation.toolbox import Tool
from bot.live.events import Searched
from bot.media.service import MediaService
from bot.storage.notes import NoteStore
from bot.tools.background import Background
from bot.tools.chat import Chat
from bot.tools.leaving import leave
from bot.tools.looking import look_closely
from bot.tools.memory import Memory
from bot.tools.posting import MOST as MOST_POSTS
from bot.tools.posting import Posting
from bot.tools.presence import who_is_here
from bot.tools.rate import Rate
from bot.tools.searching import MOST as MOST_SEARCHES
from bot.tools.searching import show_search
from bot.tools.talk import summarize_so_far
from bot.tools.timers import Timers


class Kit:
    """Makes the functions of calls, and owns what goes on after they were answered; `close` ends that."""

    def __init__(
        self,
        *,
        chat: Chat,
        service: MediaService,
        notes: NoteStore,
        said: Callable[[int], Sequence[CaptionLine]],
        idle_minutes: Callable[[int], int],
        end: Callable[[Call], Awaitable[object]],
    ) -> None:
        """`said(guild_id)` are the lines of a guild's call so far, in order.

        `idle_minutes(guild_id)` is after how long with nobody speaking it ends; `end(call)` ends it now,
        where it still runs.
        """
        self._chat = chat
        self._service = service
        self._notes = notes
        self._said = said
        self._idle_minutes = idle_minutes
        self._end = end
        self._background = Background()
        self._searches: WeakKeyDictionary[Call, Rate] = WeakKeyDictionary()

    def of(self, call: Call) -> list[Tool]:
        """Return what the model may do in a call."""
        guild_id = call.channel.guild.id
        posts = Rate(MOST_POSTS)
        timers = Timers(call, self._chat, self._background, lambda: self._idle_minutes(guild_id), posts)
        return [
            look_closely(call, self._service),
            *Posting(call, self._chat, posts).tools(),
            *timers.tools(),
            who_is_here(call),
            *Memory(call, self._chat, self._notes).tools(),
            summarize_so_far(lambda: self._said(guild_id)),
            leave(call, self._chat, self._background, lambda: self._end(call)),
        ]

    def searched(self, call: Call, searched: Searched) -> None:
        """Show what the model searched for."""
        rate = self._searches.setdefault(call, Rate(MOST_SEARCHES))
        show_search(call, searched, self._chat, self._background, rate)

    async def close(self) -> None:
        """End what goes on."""
        await self._background.close()
