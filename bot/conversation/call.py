"""One call: the people of a voice channel on one side, one Live session on the other.

Speech comes from the voice client and goes through the conversation to the model, with the end of each turn
given; the answer comes back, is encoded as it arrives and waits in the playout buffer for the send clock. All
of it runs on the event loop. Here both sides are connected and closed; `conversation` joins them.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import discord
from google import genai

from bot.audio.earcon import earcon
from bot.audio.ratepath import RatePath
from bot.conversation.answer import Answer
from bot.conversation.call_requests import CallError as CallError
from bot.conversation.call_requests import CallRequests
from bot.conversation.captions import CaptionSink
from bot.conversation.conversation import Conversation
from bot.conversation.options import CallOptions
from bot.conversation.overload import Overload
from bot.conversation.people import People
from bot.conversation.status import CallFacts, status_of
from bot.conversation.status import CallStatus as CallStatus
from bot.conversation.toolbox import Tool
from bot.conversation.voice_health import VoiceHealth
from bot.conversation.voicing import packets_of
from bot.errors import EarshotError
from bot.live import events as live_events
from bot.live.breaker import Breaker
from bot.live.setup import LiveSetup
from bot.live.states import OVER
from bot.tasks import going_on
from bot.voice import events as voice_events
from bot.voice.client import EarshotVoiceClient
from bot.voice.clock import SendClock

logger = logging.getLogger(__name__)

WAITING = "I can't answer now. {reason} I try again in {wait} s and say so here when I am back."
BACK = "I can answer again. Of what you said meanwhile I heard the last 10 s."
CLOSE_S = 4.0  # leaving must end within 5 s, whatever hangs

VoiceChannel: TypeAlias = discord.VoiceChannel | discord.StageChannel


class Call(CallRequests):
    """A running call; `open` connects both sides or neither, `close` ends both."""

    def __init__(
        self,
        channel: VoiceChannel,
        *,
        live_client: genai.Client,
        setup: LiveSetup,
        clock: SendClock,
        path: RatePath,
        consented: Callable[[int], bool],
        on_end: Callable[["Call", str], None],
        on_moved: Callable[["Call", VoiceChannel], None] = lambda _call, _former: None,
        on_word: Callable[["Call", str], None] = lambda _call, _sentence: None,
        on_unheard: Callable[["Call", int], None] = lambda _call, _user_id: None,
        options: CallOptions | None = None,
        captions: CaptionSink | None = None,
        breaker: Breaker | None = None,
        overload: Overload | None = None,
        tools_of: Callable[["Call"], Sequence[Tool]] = lambda _call: (),
        on_searched: Callable[["Call", live_events.Searched], None] = lambda _call, _searched: None,
    ) -> None:
        """Make a call that is to be opened.

        `setup` is the guild's own; the rules that hold in a room are added to its instruction. `captions`
        write down what is said, and are closed with the call. `tools_of(call)` is what the model may do in
        it; `on_searched` is told what the model searched the web for, for an answer that is heard,
        `on_moved` from which channel people have moved the bot, `on_word` what people are to read at once,
        `on_unheard` who speaks and may not be heard.
        """
        self.started_at = time.monotonic()
        self._first_channel = self._last_channel = channel
        self._consented = consented
        self._on_end = on_end
        self._on_moved = on_moved
        self._on_word = on_word
        self._on_unheard = on_unheard
        self._captions = captions
        self._path = path
        self._clock = clock
        self._voice: EarshotVoiceClient | None = None
        self._health = VoiceHealth(self._tell)
        self._closed = False
        me = channel.guild.me
        people = People(name_of=self._name, present=self._heard_people, own_name=lambda: me.display_name)
        self._talk = Conversation(
            live_client,
            setup,
            options or CallOptions(),
            people,
            self._live_event,
            name=str(channel.guild.id),
            captions=captions,
            tools=tools_of(self),
            on_searched=lambda searched: on_searched(self, searched),
            breaker=breaker,
            overload=overload,
        )
        self._live = self._talk.live

    @property
    def channel(self) -> VoiceChannel:
        """The channel that the bot is in now; people may move it."""
        return self._voice.channel if self._voice is not None else self._first_channel

    @property
    def quiet_since(self) -> float:
        """Since when nobody has spoken, on time.monotonic's clock; in an empty channel nobody does either."""
        return self._talk.quiet_since

    @property
    def talking(self) -> bool:
        """Whether the bot speaks, or is about to."""
        return self._talk.downlink is not None and self._talk.downlink.busy

    # -- its life

    async def open(self, *, timeout_s: float) -> None:
        """Connect to the channel and to the model at once.

        Raises CallError where either can't be reached; nothing is left open then.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._live.start(), name="call-live-start")
                group.create_task(self._connect_voice(timeout_s), name="call-voice-connect")
        except BaseException as error:  # a cancellation too: half a call must not stay open
            await self.close()
            if isinstance(error, ExceptionGroup):
                raise _told(error) from error
            raise

    async def close(self) -> None:
        """Leave the channel and end the Live session; safe to call in any state, more than once."""
        self._closed = True
        self._health.close()
        with going_on("A call's conversation was not closed whole"):
            self._talk.close()
        closing = [self._live.close()]
        if self._voice is not None:
            closing.append(self._voice.disconnect(force=True))
        if self._captions is not None:
            closing.append(self._captions.close())
        try:
            async with asyncio.timeout(CLOSE_S):
                results = await asyncio.gather(*closing, return_exceptions=True)
        except TimeoutError:
            logger.warning("A call did not close within %s s and was given up", CLOSE_S)
            return
        for result in results:
            if isinstance(result, Exception):
                logger.warning("A side of the call closed with an error", exc_info=result)

    async def _connect_voice(self, timeout_s: float) -> None:
        await self._first_channel.connect(
            cls=self._make_voice, timeout=timeout_s, reconnect=True, self_deaf=False
        )

    def _make_voice(self, client: discord.Client, channel: discord.abc.Connectable) -> EarshotVoiceClient:
        """Make the voice client before it connects, so that `close` knows it even if that is cancelled."""
        voice = EarshotVoiceClient(
            client,
            channel,
            clock=self._clock,
            path=self._path,
            consented=self._consented,
            on_event=self._voice_event,
        )
        self._voice = voice
        name = f"call-{self._first_channel.guild.id}"
        answer = Answer(self._path.encoder(), voice.playout, name=name, on_failure=self._mute)
        self._talk.attach(answer, voice.playout, earcon=lambda: packets_of(earcon(), self._path, answer.gain))
        return voice

    # -- how it is

    def status(self) -> CallStatus:
        """Return what there is to show of the call."""
        facts = CallFacts(self.channel.id, self._health.state, self.started_at)
        return status_of(facts, self._talk, self._voice, self._consented)

    # -- what people ask of it, beside CallRequests

    def consent_changed(self, user_id: int) -> None:
        """Send nothing more of a person who withdrew consent, at once; who gave it is heard anyway.

        What waits is dropped wherever it waits: sealed, for the floor, for the connection, to be said again.
        """
        if self._closed or self._consented(user_id):
            return
        if self._voice is not None:
            self._voice.consent_changed(user_id)
        self._talk.forget(user_id)

    async def mute(self, muted: bool) -> None:
        """Say nothing from now on, and show that in the channel; or speak again. Raises CallError."""
        self._check_running()
        self._talk.mute(muted)
        try:
            if self._voice is not None:
                await self._voice.show_muted(muted)
        except ConnectionError:
            logger.info("The channel shows that the bot is muted, or not, once it is connected again")

    @property
    def over(self) -> bool:
        """Whether the call has ended, or is about to."""
        return self._closed or self._live.state in OVER

    # -- what the two sides tell

    def _voice_event(self, event: voice_events.VoiceEvent) -> None:
        if self._closed:
            return
        self._health.take(event)
        match event:
            case voice_events.Heard() | voice_events.Hushed() | voice_events.Left():
                self._talk.heard(event)
            case voice_events.Unheard(user_id):
                self._on_unheard(self, user_id)
            case voice_events.Connected() | voice_events.Disconnected():
                self._look_where()
            case voice_events.Ended(reason):
                self._on_end(self, reason)
            case voice_events.Deaf(_, reason, hopeless=False):
                self._talk.note(f"says: {reason}")
            case voice_events.Joined(user_id):
                self._somebody_joined(user_id)

    def _tell(self, sentence: str) -> None:
        if not self._closed:
            self._on_word(self, sentence)

    def _look_where(self) -> None:
        """Tell of a move: it goes to another voice server, so the connection comes and goes with it."""
        former, self._last_channel = self._last_channel, self.channel
        if former.id != self._last_channel.id:
            self._on_moved(self, former)

    def _somebody_joined(self, user_id: int) -> None:
        member = self.channel.guild.get_member(user_id)
        if member is None or not member.bot:  # a bot that plays music need not be told whom it talks with
            self._talk.somebody_is_there()

    def _live_event(self, event: live_events.LiveEvent) -> None:
        match event:
            case live_events.Failed(reason):
                self._on_end(self, reason)
            case live_events.Waiting(reason, wait_s):
                self._on_word(self, WAITING.format(reason=reason, wait=max(1, round(wait_s))))
            case live_events.Recovered():
                self._on_word(self, BACK)

    def _mute(self) -> None:
        """End the call rather than stay in it without a voice."""
        self._on_end(self, "Something went wrong with my voice, so I left; /join brings me back.")

    def _name(self, user_id: int) -> str | None:
        member = self.channel.guild.get_member(user_id)
        return member.display_name if member is not None else None

    def _heard_people(self) -> list[int]:
        people = self._voice.participants if self._voice is not None else set()
        return [user_id for user_id in people if self._consented(user_id)]


def _told(errors: ExceptionGroup[Exception]) -> Exception:
    """Return what people are told of the sides that failed; a bug, which is for the log, as it is."""
    for error in errors.exceptions:
        if isinstance(error, EarshotError):
            return CallError(str(error))
    first = errors.exceptions[0]
    if isinstance(first, discord.ClientException):  # discord.py holds another connection in this server
        return CallError("Discord has not let go of my last call yet; try /join again in a moment.")
    return first
