"""discord.py's state of a voice connection, with the flow of connecting and staying so replaced.

discord.py spreads that over callbacks, flags and a poller that can die unseen. Here the main gateway's word
(our voice state; the server and token to use) is only noted, and `bot.voice.supervisor` acts on it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, cast

import discord
from discord.types.voice import GuildVoiceState, VoiceServerUpdate
from discord.utils import MISSING
from discord.voice_state import ConnectionFlowState

from bot.errors import reason_of
from bot.voice import recovery
from bot.voice.errors import VoiceError
from bot.voice.gateway import VoiceGateway, handle_next
from bot.voice.maingateway import MainGateway
from bot.voice.observer import Observer
from bot.voice.payloads import check_voice_server, check_voice_state
from bot.voice.recovery import Closure, Remedy
from bot.voice.supervisor import Supervisor
from bot.voice.udp import UdpState

logger = logging.getLogger(__name__)

CONNECT_S = 8.0  # with 2 s for cleaning up, who asked has an answer within 10 s
ASK_S = 4.0  # Discord answers within half a second, or never
GREET_S = 4.0  # TLS, session, discovery: half a second across the world; with a lost datagram or two more
QUIET_S = 12.0  # discord.py's heartbeat is answered every 5 s: two were not; it would itself wait for 30 s
LEAVE_S = 1.0  # until Discord confirms that we left; without waiting, the next join would take it for a kick

_SESSION_LOST = Closure(Remedy.REJOIN, "my session with Discord was lost")


class _Credentials(NamedTuple):
    session_id: str | None
    token: str | None
    endpoint: str | None


class VoiceConnection(UdpState):
    """The state of one call's connection; `connect` once, `disconnect` once or more."""

    def __init__(self, voice_client: discord.VoiceClient, observer: Observer) -> None:
        super().__init__(voice_client, observer)
        self.removed = False
        """Somebody or something took us out of the channel."""
        self.granted = False
        """There is a server to use, with a token."""
        self._placed = False  # we are in the channel, as far as the main gateway said
        self._main = MainGateway(voice_client)
        self._asked_in: str | None = None  # the main gateway's session that our place depends on
        self._in_use: _Credentials | None = None
        self._news = asyncio.Event()
        self._teardown: asyncio.Task[None] | None = None
        self._supervisor = Supervisor(self, self.name)

    # -- what the main gateway says

    async def voice_state_update(self, data: GuildVoiceState) -> None:
        """Note where we are; a mere change of mute or deafen changes nothing here."""
        check_voice_state(data)
        channel_id = cast("str | int | None", data["channel_id"])  # the type denies the None of leaving
        if channel_id is None:
            self._disconnected.set()
            # Before we are in, this is about an earlier call; after we asked to leave, it was us.
            if self._placed and self._main.session != self._asked_in:
                # Nobody took us out: our place went with the session that had it.
                self._placed = False
                self.give_up(_SESSION_LOST)
            self.removed = self.removed or self._placed
        else:
            self._placed = True
            self.session_id = data["session_id"]
            self.channel_id = int(channel_id)
            self.voice_client.channel = self._main.channel(self.channel_id) or self.voice_client.channel
        self._tell_news()

    async def voice_server_update(self, data: VoiceServerUpdate) -> None:
        """Note which server to use; without an endpoint it is gone and another will be named."""
        check_voice_server(data)
        endpoint = data.get("endpoint")
        self.server_id = int(data["guild_id"])
        self.token = data["token"]
        self.endpoint = endpoint.removeprefix("wss://") if endpoint else None
        self.granted = bool(self.token and self.endpoint)
        self._tell_news()

    def _tell_news(self) -> None:
        self._news.set()
        self._supervisor.news()

    @property
    def stale(self) -> bool:
        """Whether the session or server in use is not the one that the main gateway named last."""
        return self._in_use is not None and self._in_use != self._credentials()

    @property
    def evicted(self) -> bool:
        """Whether there is nothing to come back to: channel or server are gone for us."""
        return self._main.lost_sight_of(self.channel_id)

    def _credentials(self) -> _Credentials:
        return _Credentials(self.session_id, self.token, self.endpoint)

    # -- connecting and leaving, as discord.py calls them

    async def connect(
        self,
        *,
        reconnect: bool,
        timeout: float,  # noqa: ASYNC109 - discord.py's signature
        self_deaf: bool,
        self_mute: bool,
        resume: bool,
        wait: bool = True,
    ) -> None:
        """Connect; raise VoiceError, with nothing left behind, if that fails or takes more than 8 s."""
        self.self_deaf, self.self_mute = self_deaf, self_mute
        self.timeout = min(timeout, CONNECT_S)
        connected = False
        try:
            async with asyncio.timeout(self.timeout):
                await self._supervisor.start(reconnect=reconnect)
            connected = True
        except TimeoutError as error:
            raise VoiceError(recovery.UNANSWERED if self._placed else recovery.NOT_LET_IN) from error
        finally:
            if not connected:
                await self.disconnect()

    async def disconnect(self, *, force: bool = True, cleanup: bool = True, wait: bool = False) -> None:
        """Leave for good and let go of every thread, task and socket; safe in any state, more than once."""
        if self._teardown is None:
            self._teardown = asyncio.create_task(self._tear_down(), name=f"{self.name}-teardown")
        await asyncio.shield(self._teardown)

    async def move_to(
        self,
        channel: discord.abc.Snowflake | None,
        timeout: float | None,  # noqa: ASYNC109 - discord.py's signature
    ) -> None:
        """Ask to be moved and wait until we are connected there; raise TimeoutError if it takes too long."""
        if channel is None:
            await self.disconnect()
            return
        await self._tell_main_gateway(channel)
        async with asyncio.timeout(timeout):
            await self._until(
                lambda: self.channel_id == channel.id and self.is_connected() and not self.misplaced
            )

    async def show_muted(self, muted: bool) -> None:
        """Show the bot as muted by itself, or not, now and whenever we join again; raise ConnectionError."""
        self.self_mute = muted
        if self._placed:
            await self._tell_main_gateway(self.voice_client.channel)

    async def _tear_down(self) -> None:
        self._over = True
        try:
            await self._supervisor.stop()
            self._pause_media()
            if not self.removed:
                await self._leave()
            await self.hang_up()
        finally:
            self._close_udp()
            self._socket_reader.stop()
            await self.observer.closed()
            self.voice_client.cleanup()
        await self._reader_ended()

    # -- what the supervisor directs

    def give_up(self, lost: Closure) -> bool:
        """Take a connection that stands for lost, if there is one; return whether there was."""
        return self._supervisor.give_up(lost)

    async def ask(self, *, leave_first: bool) -> None:
        """Ask the main gateway for a session and a server; raise TimeoutError if none comes."""
        await self.hang_up()
        # While it is away there is nobody to ask, and growing intervals would only go on when it is back.
        session = await self._main.back()
        if session != self._asked_in:
            self._placed = False
        elif leave_first:
            await self._leave()
        self._asked_in = session
        self.granted = False
        async with self._main.answering(ASK_S):
            await self._tell_main_gateway(self.voice_client.channel)
            await self._until(lambda: self.granted and self._placed)

    async def greet(self) -> None:
        """Connect to the server we were told to use, up to its session description; hang up before."""
        self._in_use = self._credentials()
        self.secret_key, self.mode, self.ssrc = MISSING, MISSING, MISSING
        self._create_socket()
        async with asyncio.timeout(GREET_S):
            self.ws = await VoiceGateway.from_connection_state(self)
            while self.ws.secret_key is None:
                await handle_next(self.ws)
        self._keep_path()

    async def resume_session(self) -> None:
        """Take up the session on a new websocket; the socket, keys and SSRCs stay as they are.

        discord.py never gets here: it asks the main gateway first, then waits for a state that never comes,
        and would after that wait for a session description that a resumed session doesn't send.
        """
        seq_ack = self.ws.seq_ack
        await cast(VoiceGateway, self.ws).shut()
        async with asyncio.timeout(GREET_S):
            ws = await VoiceGateway.from_connection_state(self, resume=True, seq_ack=seq_ack)
            self.ws = ws
            while not ws.resumed:
                await handle_next(ws)

    async def await_word(self, seconds: float) -> None:
        """Wait for word from the main gateway, which stops this; not if it has another session now."""
        await self._close()  # what was in use stays known, so that it shows when another is named
        await self._main.stays(self._asked_in, seconds)

    async def reallocated(self) -> None:
        """Wait until the main gateway names a server."""
        await self._until(lambda: self.granted)

    async def serve(self) -> None:
        """Handle the voice gateway's messages until the connection is lost."""
        while True:
            async with asyncio.timeout(QUIET_S):
                await handle_next(self.ws)

    async def removed_within(self, seconds: float) -> bool:
        """Wait; return early, and True, if we are taken out of the channel."""
        try:
            async with asyncio.timeout(seconds):
                await self._until(lambda: self.removed)
        except TimeoutError:
            return False
        return True

    def came_up(self) -> None:
        """Let media flow."""
        self.state = ConnectionFlowState.connected
        self._news.set()
        self.observer.up()

    def went_down(self, reason: str) -> None:
        """Stop media, and say why."""
        self._pause_media()
        self.observer.down(reason)

    def ended(self, reason: str) -> None:
        """Clean up after a call that can't go on."""
        self._pause_media()
        self.observer.over(reason)
        if self._teardown is None:
            self._teardown = asyncio.create_task(self._tear_down(), name=f"{self.name}-teardown")

    def _pause_media(self) -> None:
        self.state = ConnectionFlowState.disconnected

    # -- sockets and the main gateway

    async def hang_up(self) -> None:
        """Close websocket and socket, and end what depends on them."""
        self._in_use = None
        await self._close()

    async def _close(self) -> None:
        self._close_udp()
        await self.stop_recovering()
        await self._forget_path()
        ws, self.ws = self.ws, MISSING
        if ws is not MISSING:
            await cast(VoiceGateway, ws).shut()

    async def _leave(self) -> None:
        """Leave the channel; wait a moment for Discord's confirmation."""
        was_placed, self._placed = self._placed, False
        self._disconnected.clear()
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._tell_main_gateway(None)
                if was_placed:
                    await self._disconnected.wait()
        except OSError as error:
            logger.debug("%s: could not leave in good order: %s", self.name, reason_of(error))

    async def _tell_main_gateway(self, channel: discord.abc.Snowflake | None) -> None:
        await self._main.tell(channel, self_deaf=self.self_deaf, self_mute=self.self_mute)

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the main gateway says makes the condition true."""
        while not condition():
            self._news.clear()
            await self._news.wait()
