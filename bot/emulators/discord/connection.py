"""One websocket of the main gateway: its greeting, its heartbeats, and what its client asks for."""

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from bot.emulators.discord.compression import Compressor, compressor_for
from bot.emulators.discord.events import ALL_INTENTS
from bot.emulators.discord.gateway_requests import member_chunks, update_voice_state
from bot.emulators.discord.model import Json
from bot.emulators.discord.sessions import Session

if TYPE_CHECKING:
    from bot.emulators.discord.gateway import Gateway

HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME, REQUEST_MEMBERS = 1, 2, 3, 4, 6, 8
INVALID_SESSION, HELLO, HEARTBEAT_ACK = 9, 10, 11

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED = 4001, 4002, 4003, 4004
ALREADY_AUTHENTICATED, RATE_LIMITED, TIMED_OUT, INVALID_SHARD = 4005, 4008, 4009, 4010
INVALID_INTENTS, DISALLOWED_INTENTS = 4013, 4014

SENDS_A_MINUTE = 120  # messages a client may send in 60 s
MESSAGE_LIMIT = 4096  # bytes of a client's message
OUTBOX = 20_000  # messages waiting to be sent; a client that reads so slowly is cut off
CLEAN = {1000, 1001}  # codes with which a client ends its session for good
MISSED_BEATS = 1.5  # heartbeat intervals without a heartbeat after which a client is dropped
# As over a real network. discord.py notes in another thread when it has sent a heartbeat: an answer that is
# there before, it takes for that to the one before, and warns that it is 41 s behind.
ACK_S = 0.02
CLOSE_TIMEOUT_S = 1.0  # how long a client may take to answer a closing frame


class Connection:
    """Serves one websocket."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._ws = web.WebSocketResponse(autoping=True, timeout=CLOSE_TIMEOUT_S)
        self._request: web.Request | None = None
        self._muted = False
        self._compress: Compressor | None = None
        self._outbox: asyncio.Queue[Json] = asyncio.Queue(OUTBOX)
        self._session: Session | None = None
        self._received: deque[float] = deque(maxlen=SENDS_A_MINUTE + 1)
        self._beat_at = time.monotonic()
        self._goodbye: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The code to close with, once the server wants to."""
        self._over = asyncio.Event()

    async def run(self, request: web.Request) -> web.StreamResponse:
        """Greet and serve the client until the websocket ends."""
        try:
            return await self._run(request)
        finally:
            self._over.set()

    async def _run(self, request: web.Request) -> web.StreamResponse:
        try:
            self._compress = compressor_for(request.query.get("compress"))
        except ValueError as error:
            return web.Response(status=400, text=str(error))
        if self._gateway.knobs.gateway_down:
            self._gateway.trace.add("gateway.refused")
            return web.Response(status=503, text="upstream connect error")
        self._request = request
        await self._ws.prepare(request)
        reader = asyncio.create_task(self._receive_all(), name="emulated gateway's reader")
        sender = asyncio.create_task(self._send_all(), name="emulated gateway's sender")
        try:
            interval = int(self._gateway.knobs.gateway_heartbeat_ms)
            self.send({"op": HELLO, "d": {"heartbeat_interval": interval}, "s": None, "t": None})
            await asyncio.wait((reader, self._goodbye), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end(reader, sender)
        return self._ws

    async def _end(self, *tasks: asyncio.Task[None]) -> None:
        """End what serves the client; then close the websocket, if the server wants to.

        With the reader gone, closing waits for the client's closing frame. Beside a reader, aiohttp would end
        TCP at once, and a client that was just sending would see 1006 in place of the code.
        """
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self._release()
        if self._goodbye.done():
            await self._ws.close(code=self._goodbye.result())
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _release(self) -> None:
        """Untie the session; where the client closed cleanly, it is over."""
        session = self._session
        code = self._goodbye.result() if self._goodbye.done() else self._ws.close_code
        self._gateway.trace.add("gateway.closed", code=code)
        if session is None or session.send != self.send:
            return
        session.send = None
        if code in CLEAN and not self._goodbye.done():
            self._gateway.end(session)
        elif self._gateway.knows(session):
            self._gateway.keep(session)

    def send(self, message: Json) -> None:
        """Put a message in the outbox."""
        try:
            self._outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.abort()

    async def _send_all(self) -> None:
        while True:
            message = await self._outbox.get()
            if self._muted:
                continue
            text = json.dumps(message, separators=(",", ":"))
            fields = {"op": message["op"], "event": message["t"], "sequence": message["s"]}
            self._gateway.trace.add("gateway.out", **fields, data=message["d"])
            try:
                await self._send_text(text)
            except ConnectionError:  # the receiving side sees the end, too
                return

    async def _send_text(self, text: str) -> None:
        if self._compress is None:
            await self._ws.send_str(text)
        else:
            await self._ws.send_bytes(self._compress(text.encode()))

    async def shut(self, code: int) -> None:
        """Close the websocket with a code, and return when it is closed."""
        self._say_goodbye(code)
        await self._over.wait()

    def _say_goodbye(self, code: int) -> None:
        if not self._goodbye.done():
            self._goodbye.set_result(code)

    def mute(self) -> None:
        """Let nothing more pass either way, and no end be told of it, as a network does that forgot this."""
        self._muted = True

    def abort(self) -> None:
        """Break the connection without a close frame."""
        if self._request is not None and self._request.transport is not None:
            self._request.transport.abort()

    async def _receive_all(self) -> None:
        while True:
            patience = self._beat_at + self._patience_s() - time.monotonic()
            try:
                message = await self._ws.receive(timeout=max(0.001, patience))
            except TimeoutError:
                self._say_goodbye(TIMED_OUT)
                return
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            code = None if self._muted else await self._take(message.data)
            if code is not None:
                self._say_goodbye(code)
                return

    def _patience_s(self) -> float:
        return self._gateway.knobs.gateway_heartbeat_ms / 1000.0 * MISSED_BEATS

    async def _take(self, raw: str | bytes) -> int | None:
        """Serve one message; returns the code to close with where it is refused."""
        now = time.monotonic()
        self._received.append(now)
        if len(self._received) > SENDS_A_MINUTE and now - self._received[0] < 60.0:
            return RATE_LIMITED
        try:
            message = json.loads(raw)
            op, data = int(message["op"]), message.get("d")
        except (ValueError, KeyError, TypeError):
            return DECODE_ERROR
        if len(raw) > MESSAGE_LIMIT:
            return DECODE_ERROR
        if op != HEARTBEAT and not isinstance(data, dict):
            return DECODE_ERROR
        shown = {**data, "token": "..."} if isinstance(data, dict) and "token" in data else data
        self._gateway.trace.add("gateway.in", op=op, data=shown)
        return self._serve(op, data)

    def _serve(self, op: int, data: Any) -> int | None:
        if op == HEARTBEAT:
            self._beat_at = time.monotonic()
            ack = {"op": HEARTBEAT_ACK, "d": None, "s": None, "t": None}
            asyncio.get_running_loop().call_later(ACK_S, self.send, ack)
            return None
        if op == IDENTIFY:
            return self._identify(data)
        if op == RESUME:
            return self._resume(data)
        if self._session is None:
            return NOT_AUTHENTICATED
        return self._serve_session(op, data, self._session)

    def _serve_session(self, op: int, data: Any, session: Session) -> int | None:
        world = self._gateway.world
        if op in (VOICE_STATE, REQUEST_MEMBERS):
            try:
                asked_in = int(data["guild_id"])
            except (KeyError, TypeError, ValueError):
                return DECODE_ERROR
            guild = world.places.guilds.get(asked_in)
            if guild is None:
                return None
            if op == VOICE_STATE:
                update_voice_state(world, session.id, guild, data)
            else:
                for chunk in member_chunks(guild, session.intents, data):
                    session.dispatch("GUILD_MEMBERS_CHUNK", chunk)
        elif op == PRESENCE:
            self._gateway.presence = data
        else:
            return UNKNOWN_OPCODE
        return None

    def _identify(self, data: Json) -> int | None:
        if self._session is not None:
            return ALREADY_AUTHENTICATED
        if data.get("token") != self._gateway.token:
            return AUTHENTICATION_FAILED
        intents = data.get("intents")
        if not isinstance(intents, int) or not 0 <= intents <= ALL_INTENTS:
            return INVALID_INTENTS
        if self._gateway.refuses(intents):
            return DISALLOWED_INTENTS
        shard_id, count = data.get("shard") or (0, 1)
        if not 0 <= shard_id < count:
            return INVALID_SHARD
        self._gateway.presence = data.get("presence") or self._gateway.presence
        session = self._gateway.begin(intents, (shard_id, count))
        if session is None:
            self.send({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        self._session = session
        session.send = self.send
        session.ready(self._gateway.application_flags)
        return None

    def _resume(self, data: Json) -> int | None:
        if self._session is not None:
            return ALREADY_AUTHENTICATED
        if data.get("token") != self._gateway.token:
            return AUTHENTICATION_FAILED
        session = self._gateway.find(str(data.get("session_id")))
        sequence = data.get("seq")
        missed = session.missed_since(sequence) if session and isinstance(sequence, int) else None
        if session is None or missed is None:
            if session is not None:
                self._gateway.end(session)
            self.send({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        self._session = session
        for message in missed:
            self.send(message)
        session.send = self.send
        session.dispatch("RESUMED", {"_trace": []})
        return None
