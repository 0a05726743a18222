"""The main gateway (v10): connections of bots, on which sessions are begun, resumed and carried.

Theory of operation. A websocket is served by a `Connection`: it sends HELLO, then waits for IDENTIFY or
RESUME, which ties a `Session` to it. The session numbers and keeps what it dispatches; the connection only
carries it. When a connection is lost the session stays, gathers what happens, and a RESUME replays it.
"""

import asyncio
import time

from aiohttp import web

from bot.emulators.discord.connection import Connection
from bot.emulators.discord.events import PRIVILEGED, Event, Intent
from bot.emulators.discord.identify_pace import IdentifyPace
from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.model import Json
from bot.emulators.discord.sessions import Session
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.world import World

KEPT_SESSIONS = 100  # sessions that can be resumed; the oldest go first
MESSAGE_CONTENT_FLAG = 1 << 19  # of an application: granted, and unverified as small bots are
RECONNECT, INVALID_SESSION = 7, 9
GOING_AWAY = 1001


class Gateway:
    """Serves gateway.discord.gg; tests use it to close, invalidate and reconnect what is connected."""

    def __init__(
        self, world: World, token: str, *, trace: Trace, knobs: Knobs, message_content_intent: bool
    ) -> None:
        self.world = world
        self.token = token
        self.trace = trace
        self.knobs = knobs
        self.pace = IdentifyPace()
        self.allowed_privileged = Intent.MESSAGE_CONTENT if message_content_intent else Intent(0)
        self.presence: Json | None = None
        """What the bot last said of its own presence."""
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._silences: dict[str, asyncio.TimerHandle] = {}  # when dead sessions are taken out of voice
        self._stop = world.bus.subscribe(self._tell)

    @property
    def application_flags(self) -> int:
        """What the application is granted, as READY and REST say it."""
        return MESSAGE_CONTENT_FLAG if self.allowed_privileged else 0

    @property
    def sessions(self) -> list[Session]:
        """The sessions that exist, connected or resumable, oldest first."""
        return list(self._sessions.values())

    @property
    def connected(self) -> int:
        """How many websockets are open."""
        return len(self._connections)

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve a websocket until either side closes it."""
        connection = Connection(self)
        self._connections.add(connection)
        try:
            return await connection.run(request)
        finally:
            self._connections.discard(connection)

    def _tell(self, event: Event) -> None:
        for session in self.sessions:
            session.tell(event)

    def begin(self, intents: int, shard: tuple[int, int]) -> Session | None:
        """Begin a session, or return None where identifies come too fast."""
        knobs = self.knobs
        allowed = self.pace.allow(
            time.monotonic(),
            shard_id=shard[0],
            concurrency=knobs.max_concurrency,
            interval_s=knobs.identify_interval_s,
            daily=knobs.identifies_a_day,
        )
        if not allowed:
            return None
        for dead in [one for one in self.sessions if one.send is None and one.shard == shard]:
            self._outlive(dead)
        session = Session(self.world, intents, shard)
        self._sessions[session.id] = session
        while len(self._sessions) > KEPT_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session

    def find(self, session_id: str) -> Session | None:
        """Return a session that is to be resumed."""
        expiry = self._expiries.pop(session_id, None)
        if expiry is not None:
            expiry.cancel()
        return self._sessions.get(session_id)

    def knows(self, session: Session) -> bool:
        """Return whether the session was not ended or forgotten meanwhile."""
        return session.id in self._sessions

    def keep(self, session: Session) -> None:
        """Keep a session that lost its connection for as long as it can be resumed."""
        window_s = self.knobs.gateway_resume_window_s
        loop = asyncio.get_running_loop()
        self._expiries[session.id] = loop.call_later(window_s, self.end, session)
        if any(one.shard == session.shard for one in self._younger(session)):
            self._outlive(session)

    def _younger(self, session: Session) -> list[Session]:
        return self.sessions[self.sessions.index(session) + 1 :]

    def _outlive(self, dead: Session) -> None:
        """Take a session whose bot has come back without it out of voice, if it is not resumed soon."""
        loop = asyncio.get_running_loop()
        if (earlier := self._silences.pop(dead.id, None)) is not None:
            earlier.cancel()
        self._silences[dead.id] = loop.call_later(self.knobs.dead_voice_s, self._hush, dead)

    def _hush(self, dead: Session) -> None:
        self._silences.pop(dead.id, None)
        if dead.send is None:
            self.world.voices.end_session(self.world.bot.id, dead.id)

    def end(self, session: Session) -> None:
        """Forget a session; where it was in voice, it leaves."""
        expiry = self._expiries.pop(session.id, None)
        if expiry is not None:
            expiry.cancel()
        self._sessions.pop(session.id, None)
        self.world.voices.end_session(self.world.bot.id, session.id)

    def refuses(self, intents: int) -> bool:
        """Return whether a session asks for a privileged intent that the application is not granted."""
        return bool(intents & PRIVILEGED & ~self.allowed_privileged)

    # --- what a test does to the connections ---

    async def close_all(self, code: int) -> None:
        """Close every websocket with a code, and return when they are closed."""
        await asyncio.gather(*(connection.shut(code) for connection in tuple(self._connections)))

    def abort_all(self) -> None:
        """Break every connection without a close frame, as a lost network does (1006)."""
        for connection in tuple(self._connections):
            connection.abort()

    def mute_all(self) -> None:
        """Let nothing more pass on the connections that there are, which stay open; new ones are good."""
        for connection in tuple(self._connections):
            connection.mute()

    def ask_to_reconnect(self) -> None:
        """Send op 7 to every connection."""
        for connection in tuple(self._connections):
            connection.send({"op": RECONNECT, "d": None, "s": None, "t": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send op 9 to every connection; unless resumable, the sessions are forgotten."""
        for connection in tuple(self._connections):
            connection.send({"op": INVALID_SESSION, "d": resumable, "s": None, "t": None})
        if not resumable:
            self.forget_sessions()

    def forget_sessions(self) -> None:
        """End every session, in voice too: a RESUME fails from now on."""
        for session in self.sessions:
            self.end(session)

    async def close(self) -> None:
        """Close all connections, as for a restart."""
        self._stop()
        for timer in (*self._expiries.values(), *self._silences.values()):
            timer.cancel()
        self._expiries.clear()
        self._silences.clear()
        self._sessions.clear()
        await self.close_all(GOING_AWAY)
