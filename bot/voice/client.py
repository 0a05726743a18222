"""The bot's voice client: discord.py's, with ears, a mouth, and a connection that is kept up."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import discord
from discord.voice_state import VoiceConnectionState

from bot.audio.ratepath import RatePath
from bot.voice.clock import SendClock
from bot.voice.connection import VoiceConnection
from bot.voice.deaf import Lookout
from bot.voice.events import Connected, Disconnected, Ended, Joined, Left, VoiceEvent
from bot.voice.gateway import VoiceGateway
from bot.voice.inbox import Inbox
from bot.voice.livekeys import LiveKeys
from bot.voice.mouth import Mouth
from bot.voice.outlet import Outlet
from bot.voice.playout import Playout
from bot.voice.receive import ReceivePipeline
from bot.voice.stats import ReceiveStats
from bot.voice.transport import MODES

logger = logging.getLogger(__name__)


class EarshotVoiceClient(discord.VoiceClient):
    """One voice channel's connection: what people say comes out as events, `playout` is what the bot says.

    Give it to `channel.connect(cls=functools.partial(EarshotVoiceClient, clock=..., ...))`, which raises
    VoiceError, a sentence for the user, if the channel can't be joined. `on_event` is called on the event
    loop's thread; what it raises is logged, and harms nothing else.
    """

    _connection: VoiceConnection
    supported_modes = MODES  # type: ignore[assignment] # discord.py's type knows only the older ones

    def __init__(
        self,
        client: discord.Client,
        channel: discord.abc.Connectable,
        *,
        clock: SendClock,
        path: RatePath,
        consented: Callable[[int], bool],
        on_event: Callable[[VoiceEvent], None],
    ) -> None:
        self._on_event = on_event
        self._callback_errors = 0
        self._present: set[int] = set()
        self._announced: set[int] = set()  # by the voice gateway, since the last READY
        super().__init__(client, channel)
        connection = self._connection
        keys = LiveKeys(connection)
        self._pipeline = ReceivePipeline(path=path, keys=keys, consented=consented)
        self._inbox = Inbox(self.loop, self._heard, self._after_input, connection.renew)
        self._outlet = Outlet(keys, connection.is_connected, connection.send_packet)
        self._mouth = Mouth(
            loop=self.loop, clock=clock, outlet=self._outlet, announce=self._speak, name=connection.name
        )
        self._lookout = Lookout(self.loop, connection, self._pipeline, self._emit)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None

    def create_connection_state(self) -> VoiceConnectionState:
        """Use our connection; discord.py calls this while it makes the client."""
        return VoiceConnection(self, self)

    # -- what the conversation uses

    @property
    def playout(self) -> Playout:
        """Where the bot's answer goes, as Opus packets of 20 ms."""
        return self._mouth.playout

    @property
    def stats(self) -> ReceiveStats:
        """What became of the datagrams received."""
        return self._pipeline.stats

    @property
    def participants(self) -> set[int]:
        """The ids of the people (and other bots) in the channel."""
        return set(self._present)

    def consent_changed(self, user_id: int) -> None:
        """Drop at once what is kept of a person who withdrew consent."""
        self._pipeline.consent_changed(user_id)

    async def show_muted(self, muted: bool) -> None:
        """Show in the channel whether the bot is muted; raise ConnectionError where that can't be told now.

        Whenever the bot joins again in this call, it shows the same.
        """
        await self._connection.show_muted(muted)

    def counters(self) -> dict[str, int]:
        """Return all that is counted, by name."""
        return {
            **self.stats.as_dict(),
            **self._outlet.stats.as_dict(),
            **self._mouth.punctuality.as_dict(),
            "datagrams_forgotten": self._inbox.overflowed,
            "playout_underruns": self.playout.underruns,
            "playout_refused": self.playout.refused,
            "dave_messages_refused": self._connection.refused_messages,
            "dave_recoveries": self._connection.recoveries,
            "dead_paths": self._connection.dead_paths,
            "failed_parts": self._connection.failed_parts,
            "deaf_alarms": self._pipeline.watchdog.alarms,
            "receive_errors": self._inbox.errors,
            "callback_errors": self._callback_errors,
        }

    def cleanup(self) -> None:
        """Let discord.py forget this client; not another one that has taken its place since."""
        key, _ = self.channel._get_voice_client_key()
        if self._state._get_voice_client(key) is self:
            super().cleanup()

    # -- what the connection tells (bot.voice.observer.Observer)

    @property
    def users(self) -> set[int]:
        """Who the voice gateway says is in the call."""
        return self._announced

    def datagram(self, data: bytes) -> None:
        """Take a datagram, on the socket's thread."""
        self._inbox.put(data)

    def session_began(self) -> None:
        """Forget SSRCs: a READY gave everyone a new one."""
        self._announced.clear()
        self._pipeline.reset()

    def message(self, op: int, data: dict[str, Any]) -> None:
        """Take the voice gateway's word on who is who."""
        now = time.monotonic()
        if op == VoiceGateway.SPEAKING:
            self._emit(self._pipeline.speaking(int(data["user_id"]), int(data["ssrc"]), now))
        elif op == VoiceGateway.CLIENTS_CONNECT:
            users = [int(user_id) for user_id in data["user_ids"] if int(user_id) != self.user.id]
            self._announced.update(users)
            self._emit(self._pipeline.clients_connected(users, now))
        elif op == VoiceGateway.CLIENT_DISCONNECT:
            user_id = int(data["user_id"])
            self._announced.discard(user_id)
            self._emit(self._pipeline.client_disconnected(user_id, now))
        self._arm()

    def epoch_changed(self) -> None:
        """Try anew what could not be decrypted."""
        self._emit(self._pipeline.epoch_changed(time.monotonic()))
        self._arm()

    def up(self) -> None:
        """Let media flow, and bring up to date who is there: nobody told us while we were away."""
        self._mouth.connected()
        present = self._announced | set(self.channel.voice_states)
        gone = self._present - present
        for user_id in gone:
            self._pipeline.client_disconnected(user_id, time.monotonic())
        self._lookout.begin()
        self._emit([Connected(), *map(Left, sorted(gone)), *map(Joined, sorted(present))])

    def down(self, reason: str) -> None:
        """Hold media."""
        self._mouth.disconnected()
        self._lookout.pause()
        self._emit([Disconnected(reason)])

    def over(self, reason: str) -> None:
        """Tell that the call has ended by itself."""
        self._mouth.disconnected()
        self._emit([Ended(reason)])

    async def closed(self) -> None:
        """Let go of the clock, the timer, and every task."""
        self._inbox.close()
        if self._timer is not None:
            self._timer.cancel()
        await self._lookout.close()
        await self._mouth.close()

    # -- within

    def _heard(self, data: bytes, at: float) -> None:
        self._emit(self._pipeline.datagram(data, at))

    def _after_input(self) -> None:
        self._arm()
        self._lookout.look()

    def _arm(self) -> None:
        """Set the one timer to when the pipeline has something to do."""
        due = self._pipeline.deadline()
        if due == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = None
        if due is not None:
            self._timer = self.loop.call_later(max(0.0, due - time.monotonic()), self._poll)

    def _poll(self) -> None:
        self._timer = self._timer_at = None
        # What is waited for may have come in time, and only wait in the socket, or to be delivered.
        self._connection.read_now()
        self._inbox.deliver_now()
        self._emit(self._pipeline.poll(self._inbox.reached(time.monotonic())))
        self._arm()

    def _emit(self, events: Iterable[VoiceEvent]) -> None:
        for event in events:
            if self._is_news(event):
                self._call_back(event)

    def _is_news(self, event: VoiceEvent) -> bool:
        """Keep the list of who is there; two sources tell of the same coming and going."""
        if isinstance(event, Joined):
            if event.user_id in self._present or event.user_id == self.user.id:
                return False
            self._present.add(event.user_id)
        elif isinstance(event, Left):
            if event.user_id not in self._present:
                return False
            self._present.remove(event.user_id)
        return True

    def _call_back(self, event: VoiceEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # the edge to the conversation: its trouble must not make the call deaf
            self._callback_errors += 1
            logger.exception("Handling %s failed", type(event).__name__)

    async def _speak(self, speaking: bool) -> None:
        if self._connection.ws is discord.utils.MISSING:
            raise ConnectionError("the voice websocket is closed")
        await self.ws.speak(discord.SpeakingState.voice if speaking else discord.SpeakingState.none)
