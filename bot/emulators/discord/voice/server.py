"""The voice server of the loopback Discord, and what a test can do to those who are connected to it."""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.gateway import Conversation
from bot.emulators.discord.voice.messages import Close
from bot.emulators.discord.voice.port import Address, UdpPort
from bot.emulators.discord.voice.room import Room
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.discord.voice.session import Permit, VoiceGrant, VoiceSession
from bot.emulators.discord.voice.sessions import Sessions

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
_TICK_S = 0.05  # how late a time-out may be noticed
_GOODBYES_S = 2.0  # how long websockets get to close; more than a client's answer may take


@dataclass(frozen=True, slots=True)
class Keys:
    """A client's transport encryption."""

    mode: str
    secret_key: bytes
    ssrc: int
    address: Address | None
    """Where its datagrams come from."""


class VoiceServer:
    """Serves every *.discord.media host. Use it on one event loop."""

    def __init__(self, *, trace: Trace, knobs: Knobs) -> None:
        self.region = 1
        """Part of the endpoint's name: raise it and issue again for a region change."""
        self._trace = trace
        self._knobs = knobs
        self.may_speak: Callable[[int, int], bool] = lambda user_id, guild_id: True
        """Whether what a user says in a guild is passed on; asked for each datagram."""
        self._sessions = Sessions(trace, knobs, lambda user_id, guild_id: self.may_speak(user_id, guild_id))
        self._conversations: set[Conversation] = set()
        self._quiet = asyncio.Event()
        """Set while there is no websocket."""
        self._quiet.set()
        self._udp: UdpPort | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the UDP port."""
        loop = asyncio.get_running_loop()
        self._udp = self._sessions.sfu.open(HOST)
        self._ticker = loop.create_task(self._tick(), name="emulated voice server's time-outs")

    async def close(self) -> None:
        """Close all websockets and the UDP port."""
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for conversation in list(self._conversations):
            conversation.hang_up(Close.GOING_AWAY)
        for session in self._sessions.all():
            self._sessions.drop(session, Close.GOING_AWAY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYES_S):
                await self._quiet.wait()
        self._sessions.sfu.close()

    @property
    def port(self) -> int:
        """The UDP port."""
        if self._udp is None:
            raise RuntimeError("the voice server was not started")
        return self._udp.number

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a voice websocket: any voice host, path "/"."""
        conversation = Conversation(self._sessions, (HOST, self.port), self._trace, self._knobs)
        self._conversations.add(conversation)
        self._quiet.clear()
        try:
            return await conversation.run(request)
        finally:
            self._conversations.discard(conversation)
            if not self._conversations:
                self._quiet.set()

    def issue(
        self, *, guild_id: int, channel_id: int, user_id: int, session_id: str, e2ee: bool = True
    ) -> VoiceGrant:
        """Let a user into a channel; earlier grants in the guild are void. Stages have no `e2ee`."""
        token = secrets.token_hex(8)
        self._sessions.permit(token, Permit(guild_id, channel_id, user_id, session_id, e2ee))
        return VoiceGrant(token, f"loopback{self.region}.discord.media:443")

    def revoke(self, *, guild_id: int, user_id: int, close_code: int = Close.DISCONNECTED) -> None:
        """End a user's stay in the guild's call: they left, were kicked or were moved."""
        self._sessions.forbid(guild_id, user_id)
        if session := self._sessions.get(guild_id, user_id):
            self._sessions.drop(session, close_code)

    # What follows is for tests. A user who is in several guilds' calls is meant in all of them.

    def sessions_of(self, user_id: int) -> list[VoiceSession]:
        """Return a user's sessions."""
        return [session for session in self._sessions.all() if session.user_id == user_id]

    def close_socket(self, user_id: int, code: int) -> None:
        """Close a user's websocket with a code; 1006 cuts it without a closing frame."""
        for session in self.sessions_of(user_id):
            self._sessions.hang_up(session, code)

    def inject(self, user_id: int, message: dict[str, Any] | bytes | str) -> None:
        """Send a message: a dict with op and d, or bytes (`u8 op | body`), numbered; or a text as it is."""
        for session in self.sessions_of(user_id):
            if isinstance(message, str):
                session.outbox.send_raw(message)
            elif isinstance(message, bytes):
                session.outbox.send(message[0], message[1:])
            else:
                session.outbox.send(message["op"], message["d"])

    def inject_media(self, user_id: int, header: RtpHeader, payload: bytes) -> None:
        """Send a user a datagram encrypted for the transport, with any header and payload."""
        for session in self.sessions_of(user_id):
            self._sessions.sfu.send_raw(session, self._sessions.sfu.seal(session, header, payload))

    def inject_datagram(self, user_id: int, datagram: bytes) -> None:
        """Send a user any datagram, as it is."""
        for session in self.sessions_of(user_id):
            self._sessions.sfu.send_raw(session, datagram)

    def room(self, channel_id: int) -> Room | None:
        """Return the call in a channel, None while there is nobody in it."""
        return self._sessions.rooms.get(channel_id)

    def drop_discovery(self, count: int) -> None:
        """Swallow the next requests for IP discovery."""
        self._sessions.sfu.discoveries_to_drop = count

    def echo_keepalives(self, *, echo: bool) -> None:
        """Answer keepalives, or leave them unanswered as some of Discord's voice servers do."""
        self._sessions.sfu.echoes = echo

    def late_to(self, user_id: int) -> int:
        """How many datagrams were sent to a user later than the knobs say, since the machine is busy."""
        return self._sessions.sfu.late_to(user_id)

    def lose_path(self, user_id: int) -> None:
        """Let the network forget the socket that a user has now: no datagram comes from it or gets to it."""
        self._sessions.sfu.dead.update(
            session.address for session in self.sessions_of(user_id) if session.address is not None
        )

    def block_udp(self, user_id: int, *, blocked: bool) -> None:
        """Let no datagram of a user through either way, whatever socket they use."""
        users = self._sessions.sfu.blocked
        (users.add if blocked else users.discard)(user_id)

    def mute(self, user_id: int) -> None:
        """Send nothing more on a user's websocket, which stays open, as when the network loses it."""
        for conversation in self._conversations:
            conversation.mute(user_id)

    def hold(self, user_id: int, *, held: bool) -> None:
        """Keep what is to be sent on a user's websocket, as a slow network does; or send it all."""
        for conversation in self._conversations:
            conversation.hold(user_id, held=held)

    def reuse_ssrc(self, ssrc: int) -> None:
        """Give the next session an SSRC that was somebody else's."""
        self._sessions.reuse_ssrc(ssrc)

    def crash(self) -> None:
        """Close everyone's websocket with 4015 and forget the sessions: a resume fails with 4006."""
        for session in self._sessions.all():
            self._sessions.drop(session, Close.CRASHED)

    def keys_of(self, user_id: int) -> Keys:
        """Return a connected user's transport keys."""
        for session in self.sessions_of(user_id):
            if session.media is not None:
                return Keys(session.media.mode, session.media.key, session.ssrc, session.address)
        raise LookupError(f"user {user_id} is in no call")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            try:
                for conversation in list(self._conversations):
                    conversation.check_heartbeat(now)
                self._sessions.poll(now)
            except Exception:  # the task's edge: without it nothing would time out any more
                _log.exception("The emulated voice server failed at its time-outs")
