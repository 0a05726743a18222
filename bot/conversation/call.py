"""One call: the people of a voice channel on one side, one Live session on the other.

Speech comes from the voice client, passes the floor and goes to the model with the end of each turn given;
the answer comes back, is encoded as it arrives and waits in the playout buffer for the send clock. All of it
runs on the event loop; what is decided is decided by sans-I/O parts (`floor`, `tail`, `answer`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import discord
from google import genai

from bot.audio.ratepath import RatePath
from bot.conversation.answer import Answer
from bot.conversation.floor import Action, Floor, Release, Speech, Take
from bot.conversation.tail import SilenceTail
from bot.errors import EarshotError
from bot.latency import Latency
from bot.live import events as live_events
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.voice import events as voice_events
from bot.voice.client import EarshotVoiceClient
from bot.voice.clock import SendClock

logger = logging.getLogger(__name__)

CLOSE_S = 4.0  # leaving must end within 5 s, whatever hangs

_NO_BRACKETS = str.maketrans("[]", "()")

VoiceChannel: TypeAlias = discord.VoiceChannel | discord.StageChannel


class CallError(EarshotError):
    """A call can't be made, or is over; the message is shown in the channel."""


@dataclass(frozen=True, slots=True)
class CallStatus:
    """What `/status` shows."""

    channel_id: int
    participants: dict[int, bool]
    """Who is in the channel, by user id, and whether they are heard."""
    voice: str
    live: str
    mouth_to_live: Latency
    live_to_ear: Latency
    barge_in: Latency
    started_at: float
    counters: dict[str, int]


class Call:
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
    ) -> None:
        self.started_at = time.monotonic()
        self._first_channel = channel
        self._consented = consented
        self._on_end = on_end
        self._setup = setup
        self._path = path
        self._clock = clock
        self._floor = Floor()
        self._tail = SilenceTail()
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._voice: EarshotVoiceClient | None = None
        self._voice_state = "connecting"
        self._closed = False  # what comes from either side after that is not taken in
        self._live = LiveSession(live_client, setup, self._live_event, name=str(channel.guild.id))

    @property
    def channel(self) -> VoiceChannel:
        """The channel that the bot is in now; people may move it."""
        return self._voice.channel if self._voice is not None else self._first_channel

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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answer is not None:
            self._answer.close()
        closing = [self._live.close()]
        if self._voice is not None:
            closing.append(self._voice.disconnect(force=True))
        try:
            async with asyncio.timeout(CLOSE_S):
                results = await asyncio.gather(*closing, return_exceptions=True)
        except TimeoutError:
            logger.warning("A call did not close within %s s and was given up", CLOSE_S)
            return
        for result in results:
            if isinstance(result, Exception):
                logger.warning("A side of the call closed with an error", exc_info=result)

    def status(self) -> CallStatus:
        """Return what there is to show of the call."""
        voice = self._voice
        people = voice.participants if voice is not None else set()
        return CallStatus(
            channel_id=self.channel.id,
            participants={user_id: self._consented(user_id) for user_id in sorted(people)},
            voice=self._voice_state,
            live=self._live.state.value,
            mouth_to_live=self._live.mouth_to_live,
            live_to_ear=voice.playout.live_to_ear if voice is not None else Latency(),
            barge_in=voice.playout.barge_in if voice is not None else Latency(),
            started_at=self.started_at,
            counters=self._counters(),
        )

    def consent_changed(self, user_id: int) -> None:
        """Send nothing more of a person who withdrew consent, at once; who gave it is heard anyway.

        What waits is dropped wherever it waits: sealed, for the floor, for the connection, to be said again.
        """
        if self._closed or self._consented(user_id):
            return
        if self._voice is not None:
            self._voice.consent_changed(user_id)
        self._live.forget(user_id)
        self._act(self._floor.left(user_id, time.monotonic()))

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
        self._answer = Answer(self._path.encoder(), voice.playout, name=name, on_failure=self._mute)
        return voice

    def _counters(self) -> dict[str, int]:
        counters = {"frames_dropped_while_waiting_for_the_floor": self._floor.frames_lost}
        counters |= self._live.counters()
        if self._voice is not None:
            counters |= self._voice.counters()
        return counters

    # -- from the channel to the model

    def _voice_event(self, event: voice_events.VoiceEvent) -> None:
        if self._closed:
            return
        match event:
            case voice_events.Heard():
                self._act(self._floor.heard(event))
            case voice_events.Hushed(user_id, at):
                self._act(self._floor.hushed(user_id, at))
            case voice_events.Left(user_id):
                self._act(self._floor.left(user_id, time.monotonic()))
            case voice_events.Connected():
                self._voice_state = "connected"
            case voice_events.Disconnected(reason):
                self._voice_state = f"reconnecting: {reason}"
            case voice_events.Ended(reason):
                self._voice_state = "ended"
                self._on_end(self, reason)
            case voice_events.Joined():
                pass

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Take(user_id, changed, at):
                    self._take(user_id, changed=changed, at=at)
                case Speech(user_id, pcm, at, replayed):
                    self._live.send_audio(pcm.tobytes(), at, speaker=user_id, replayed=replayed)
                    self._tail.spoke(at)
                case Release():
                    if self._setup.turns == "marks":
                        self._live.activity_end()
        self._schedule()

    def _take(self, user_id: int, *, changed: bool, at: float) -> None:
        if self._answer is not None:
            self._answer.barge_in(at)
        if changed:
            if self._setup.turns == "model":  # which would take the two for one turn
                self._live.send_silence(self._tail.rest(), at)
            self._live.inform(f"[{self._name(user_id)} is speaking now.]")
        if self._setup.turns == "marks":
            self._live.activity_start()

    def _name(self, user_id: int) -> str:
        member = self.channel.guild.get_member(user_id)
        # A name must not end the note that it stands in.
        return member.display_name.translate(_NO_BRACKETS) if member is not None else "Someone"

    def _schedule(self) -> None:
        """Set the one timer to what is due next: the end of a turn, or silence for the model."""
        due = [self._floor.deadline()]
        if self._setup.turns == "model":
            due.append(self._tail.deadline())
        times = [at for at in due if at is not None]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(min(times), self._poll) if times else None

    def _poll(self) -> None:
        now = time.monotonic()
        if self._setup.turns == "model":
            self._live.send_silence(self._tail.poll(now), now)
        self._act(self._floor.poll(now))

    # -- from the model to the channel

    def _live_event(self, event: live_events.LiveEvent) -> None:
        if self._closed:
            return
        if isinstance(event, live_events.Failed):
            self._on_end(self, event.reason)
        if self._answer is None:
            return
        match event:
            case live_events.AnswerAudio():
                if self._answer.audio(event):
                    self._tail.stop()
            case live_events.AnswerWhole():
                self._answer.whole()
            case live_events.AnswerEnded():
                self._answer.ended()
            case live_events.Interrupted(at):
                self._answer.interrupted(at)
            case live_events.Lost():
                self._answer.lost()
            case _:
                pass  # transcripts and usage go nowhere yet; Ready needs nothing

    def _mute(self) -> None:
        """End the call rather than stay in it without a voice."""
        self._on_end(self, "Something went wrong with my voice, so I left; /join brings me back.")


def _told(errors: ExceptionGroup[Exception]) -> Exception:
    """Return what people are told of the sides that failed; a bug, which is for the log, as it is."""
    for error in errors.exceptions:
        if isinstance(error, EarshotError):
            return CallError(str(error))
    first = errors.exceptions[0]
    if isinstance(first, discord.ClientException):  # discord.py holds another connection in this server
        return CallError("Discord has not let go of my last call yet; try /join again in a moment.")
    return first
