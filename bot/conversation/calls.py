"""All calls of this process, at most one a guild: joining, leaving, and what ends them."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace

import aiohttp
import discord
from google import genai

from bot.audio.ratepath import RatePath
from bot.conversation.call import Call, CallError, VoiceChannel
from bot.conversation.captions import CaptionSink
from bot.conversation.joinable import already_in, check_joinable, unfit
from bot.conversation.listeners import CallListener, Listeners
from bot.conversation.options import CallOptions
from bot.conversation.overload import Overload
from bot.conversation.toolbox import Tool
from bot.conversation.transcript import new_call_id
from bot.live.breaker import Breaker
from bot.live.events import Searched
from bot.live.setup import LiveSetup
from bot.tasks import going_on
from bot.voice.clock import SendClock

logger = logging.getLogger(__name__)

SHUTTING_DOWN = "I am shutting down; try /join again in a minute."
_IDLE = "Nobody has spoken for {minutes} min, so I have left; /join brings me back, /config sets the time."
WATCH_S = 10.0  # between looks for calls in which nobody speaks
CONNECT_S = 8.0  # with what Discord needs for the answer itself, /join is answered within 10 s


@dataclass(frozen=True, slots=True)
class _Opening:
    """A call that is being opened, and the task that does it."""

    call: Call
    task: asyncio.Task[None]


@dataclass
class _Seat:
    """A guild's place for a call; the lock makes joining and leaving take turns."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: VoiceChannel | None = None
    """Where somebody is joining; one at a time, so that nobody has to wait for another's failure."""
    opening: _Opening | None = None
    call: Call | None = None
    text: discord.abc.Messageable | None = None


class Calls:
    """Opens and closes calls; owns them."""

    def __init__(
        self,
        *,
        live_client: genai.Client,
        setup_of: Callable[[int], LiveSetup],
        clock: SendClock,
        path: RatePath,
        consented: Callable[[int, int], bool],
        options_of: Callable[[int], CallOptions] = lambda _guild_id: CallOptions(),
        captions_of: Callable[[VoiceChannel, discord.abc.Messageable | None, str], CaptionSink] | None = None,
        idle_s_of: Callable[[int], float] | None = None,
        tools_of: Callable[[Call], Sequence[Tool]] = lambda _call: (),
        on_searched: Callable[[Call, Searched], None] = lambda _call, _searched: None,
        listeners: Sequence[CallListener] = (),
        overload: Overload | None = None,
    ) -> None:
        """Make the owner of the calls of this process.

        `setup_of(guild_id)` and `options_of(guild_id)` are asked anew for each call, `consented(guild_id,
        user_id)` for each packet; `captions_of(channel, text, call_id)` writes down what is said in a call
        that was asked for in `text`; `idle_s_of(guild_id)` is after how many seconds without a word it ends;
        `tools_of(call)` is what the model may do in a call, and `on_searched` hears what it searched for;
        `listeners` hear of calls that begin, move and end; `overload` tells of a loop that is late.
        """
        self._live_client = live_client
        self._setup_of = setup_of
        self._clock = clock
        self._path = path
        self._consented = consented
        self._options_of = options_of
        self._captions_of = captions_of
        self._idle_s_of = idle_s_of
        self._tools_of = tools_of
        self._on_searched = on_searched
        self._listeners = Listeners(listeners)
        self._breaker = Breaker()
        self._overload = overload
        self._watching: asyncio.Task[None] | None = None
        self._seats: dict[int, _Seat] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def get(self, guild_id: int) -> Call | None:
        """Return the guild's running call."""
        seat = self._seats.get(guild_id)
        return seat.call if seat is not None else None

    def text_of(self, guild_id: int) -> discord.abc.Messageable | None:
        """Return where the guild's running call was asked for."""
        seat = self._seats.get(guild_id)
        return seat.text if seat is not None and seat.call is not None else None

    def all(self) -> list[Call]:
        """Return every running call."""
        return [seat.call for seat in self._seats.values() if seat.call is not None]

    def reach(self, guild_id: int) -> list[Call]:
        """Return the guild's running call, and one that is being opened: whom a change must reach."""
        seat = self._seats.get(guild_id)
        if seat is None:
            return []
        opening = seat.opening.call if seat.opening is not None else None
        return [call for call in (opening, seat.call) if call is not None]

    def taken(self, guild_id: int) -> bool:
        """Say whether there is a call in the guild, or somebody has the bot join one."""
        seat = self._seats.get(guild_id)
        return seat is not None and (seat.call is not None or seat.wanted is not None)

    async def join(
        self, channel: VoiceChannel, text: discord.abc.Messageable | None, *, notice: bool = True
    ) -> Call:
        """Open a call in the channel; `text` is where the end of it is told.

        Without `notice` the bot does not say what it is, since it comes back to a call where it has. Raises
        CallError, with what to do, where the bot can't join.
        """
        seat = self._seats.setdefault(channel.guild.id, _Seat())
        if seat.wanted is not None:
            raise CallError(f"I am on my way into {seat.wanted.mention}; try again in a moment.")
        seat.wanted = channel
        try:
            async with seat.lock:
                seat.call, seat.text = await self._begin(seat, channel, text, notice=notice), text
                self._listeners.began(seat.call, text)
                return seat.call
        finally:
            seat.wanted = None

    async def _begin(
        self, seat: _Seat, channel: VoiceChannel, text: discord.abc.Messageable | None, *, notice: bool
    ) -> Call:
        if self._closing:
            raise CallError(SHUTTING_DOWN)
        if seat.call is not None:
            raise CallError(already_in(seat.call.channel, channel))
        check_joinable(channel)
        guild_id = channel.guild.id
        options = self._options_of(guild_id)
        captions = None
        if self._captions_of is not None:
            captions = self._captions_of(channel, text, new_call_id(channel.id, time.time()))
        call = Call(
            channel,
            live_client=self._live_client,
            setup=self._setup_of(guild_id),
            clock=self._clock,
            path=self._path,
            consented=lambda user_id: self._consented(guild_id, user_id),
            on_end=self._ended,
            on_moved=self._moved,
            on_word=self._word,
            on_unheard=self._listeners.unheard,
            options=options if notice else replace(options, notice=""),
            captions=captions,
            breaker=self._breaker,
            overload=self._overload,
            tools_of=self._tools_of,
            on_searched=self._on_searched,
        )
        await self._open(call, seat)
        if self._watching is None and self._idle_s_of is not None:
            self._watching = asyncio.create_task(self._watch(self._idle_s_of), name="calls-watch")
        return call

    async def _open(self, call: Call, seat: _Seat) -> None:
        """Open in a task of its own: a shutdown need not wait for a connection that may never come."""
        task = asyncio.create_task(call.open(timeout_s=CONNECT_S), name="call-open")
        seat.opening = _Opening(call, task)
        try:
            await task
        except asyncio.CancelledError:
            await call.close()  # it may have been opened in this very moment
            if self._closing:
                raise CallError(SHUTTING_DOWN) from None
            raise
        finally:
            seat.opening = None

    def consent_changed(self, guild_id: int, user_id: int) -> None:
        """Tell the guild's call, one that is being opened too, that a consent began or ended to hold."""
        for call in self.reach(guild_id):
            call.consent_changed(user_id)

    async def leave(self, guild_id: int) -> bool:
        """Close the guild's call; return whether there was one."""
        seat = self._seats.get(guild_id)
        if seat is None:
            return False
        async with seat.lock:
            call, seat.call = seat.call, None
            if call is None:
                return False
            await self._listeners.ending(call)
            await call.close()
            return True

    async def close(self) -> None:
        """Close every call, at once."""
        self._closing = True
        if self._watching is not None:
            self._watching.cancel()
        for seat in self._seats.values():
            if seat.opening is not None:
                seat.opening.task.cancel()
        await asyncio.gather(*(self.leave(guild_id) for guild_id in list(self._seats)), *self._running)

    async def _watch(self, idle_s_of: Callable[[int], float]) -> None:
        """End the calls in which nobody speaks: what is kept of the talk is billed all the same."""
        while True:
            pause_s = WATCH_S
            for call in self.all():
                with going_on("Whether anybody speaks in a call could not be seen, which is tried again"):
                    idle_s = idle_s_of(call.channel.guild.id)
                    pause_s = min(pause_s, idle_s)
                    if time.monotonic() - call.quiet_since > idle_s:
                        self._ended(call, _IDLE.format(minutes=max(1, round(idle_s / 60))))
            await asyncio.sleep(pause_s)

    def _moved(self, call: Call, former: VoiceChannel) -> None:
        """Go on where people have moved the bot, or leave where it is of no use."""
        if (why := unfit(call.channel)) is not None:
            self._ended(call, f"I was moved and have left: {why}. /join brings me to another channel.")
        elif self._seats[call.channel.guild.id].call is call:
            self._listeners.moved(call, former)

    def _word(self, call: Call, sentence: str) -> None:
        """Say where the call was begun how it stands with it."""
        self._run(_post(self.text_of(call.channel.guild.id), sentence), "call-word")

    def _ended(self, call: Call, reason: str) -> None:
        """Clean up after a call that can't go on, and say why where it was begun."""
        self._run(self._end(call, reason), "call-end")

    def _run(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(_guarded(work), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _end(self, call: Call, reason: str) -> None:
        seat = self._seats[call.channel.guild.id]
        async with seat.lock:
            if seat.call is not call:
                return
            seat.call, text = None, seat.text
            await self._listeners.ending(call)
            await call.close()
        await _post(text, reason)


async def _guarded(work: Coroutine[None, None, None]) -> None:
    with going_on("What was to be done or told about a call failed"):
        await work


async def _post(text: discord.abc.Messageable | None, sentence: str) -> None:
    if text is None:
        return
    try:
        await text.send(sentence, allowed_mentions=discord.AllowedMentions.none())
    except (discord.DiscordException, aiohttp.ClientError, OSError):
        logger.info("What people are to know of a call could not be told in its text channel")
