"""One voice websocket, gateway version 8: what a client may say when, and how it is told that it may not."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.messages import Close, Op
from bot.emulators.discord.voice.outbox import QUEUE, Goodbye, Queue
from bot.emulators.discord.voice.session import VoiceSession
from bot.emulators.discord.voice.sessions import Sessions
from bot.emulators.discord.voice.transport import MODES

_log = logging.getLogger(__name__)

VERSION = 8
_CLOSE_TIMEOUT_S = 1.0  # how long a client may take to answer a closing frame
_SEND_TIMEOUT_S = 10.0  # how long a client may leave its socket unread
_LARGEST_MESSAGE = 1 << 20
_PATIENCE = 1.5  # heartbeat intervals without a heartbeat until the session times out


class Stage(IntEnum):
    """How far a conversation has come."""

    GREETED = 0
    """HELLO was sent."""
    IDENTIFIED = 1
    """READY was sent."""
    TALKING = 2
    """The transport is agreed, and the client is in the room."""


class BrokenRule(Exception):  # noqa: N818 -- no error of ours: it ends the conversation with a code
    """The client did what closes its websocket."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Conversation:
    """Speaks with one client until its websocket ends."""

    def __init__(self, sessions: Sessions, address: tuple[str, int], trace: Trace, knobs: Knobs) -> None:
        self._sessions = sessions
        self._address = address  # of the UDP port
        self._trace = trace
        self._knobs = knobs
        self._stage = Stage.GREETED
        self._session: VoiceSession | None = None
        self._queue: Queue = asyncio.Queue(QUEUE)
        self._heartbeat_at = time.monotonic()
        self._muted = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._json: dict[int, tuple[Stage, Callable[[Any], None]]] = {
            Op.HEARTBEAT: (Stage.GREETED, self._heartbeat),
            Op.IDENTIFY: (Stage.GREETED, self._identify),
            Op.RESUME: (Stage.GREETED, self._resume),
            Op.SELECT_PROTOCOL: (Stage.IDENTIFIED, self._select_protocol),
            Op.SPEAKING: (Stage.IDENTIFIED, self._speaking),
            Op.CLIENT_CONNECT: (Stage.IDENTIFIED, lambda data: None),  # video, which nobody sends here
            Op.TRANSITION_READY: (Stage.TALKING, self._transition_ready),
            Op.INVALID_COMMIT_WELCOME: (Stage.TALKING, self._invalid),
        }

    async def run(self, request: web.Request) -> web.WebSocketResponse:
        """Serve the request to its end."""
        ws = web.WebSocketResponse(timeout=_CLOSE_TIMEOUT_S, max_msg_size=_LARGEST_MESSAGE)
        await ws.prepare(request)
        self._reply(Op.HELLO, {"v": VERSION, "heartbeat_interval": self._knobs.voice_heartbeat_ms})
        reader = asyncio.create_task(self._read(ws), name="emulated voice websocket's reader")
        writer = asyncio.create_task(self._write(ws), name="emulated voice websocket's writer")
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            goodbye = await self._stop(reader, writer)
            self._leave(ws.close_code if goodbye is None else goodbye)
        # With the reader gone, closing waits for the client's closing frame, so the client sees our code.
        if goodbye == Close.CUT and request.transport is not None:
            request.transport.abort()
        elif goodbye is not None:
            await ws.close(code=goodbye)
        return ws

    async def _stop(self, reader: asyncio.Task[None], writer: asyncio.Task[int]) -> int | None:
        """End both tasks; return the code to close with, if the server wants to."""
        reader.cancel()
        writer.cancel()
        results = await asyncio.gather(reader, writer, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                _log.error("A voice websocket's task failed", exc_info=result)
        return results[1] if isinstance(results[1], int) else None

    def _leave(self, code: int | None) -> None:
        if (session := self._session) is not None:
            session.outbox.detach(self._queue)
            if not session.outbox.attached and session.lost_at is None:
                self._sessions.lost(session, code or Close.CUT)

    async def _read(self, ws: web.WebSocketResponse) -> None:
        async for message in ws:
            self._receive(message)

    async def _write(self, ws: web.WebSocketResponse) -> int:
        """Send what is queued until there is a reason to close, and return its code."""
        try:
            while not isinstance(frame := await self._queue.get(), Goodbye):
                await self._flowing.wait()
                if self._muted:
                    continue
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await (ws.send_bytes(frame) if isinstance(frame, bytes) else ws.send_str(frame))
        except (ConnectionError, TimeoutError):
            return Close.CUT
        return frame.code

    def hang_up(self, code: int) -> None:
        """Close this websocket, whatever session it serves."""
        if self._session is not None and self._session.outbox.uses(self._queue):
            self._sessions.hang_up(self._session, code)
        else:
            with contextlib.suppress(asyncio.QueueFull):
                self._queue.put_nowait(Goodbye(code))

    def mute(self, user_id: int) -> None:
        """Send that user nothing more here, if this is theirs."""
        self._muted = self._muted or self._user_id == user_id

    def hold(self, user_id: int, *, held: bool) -> None:
        """Keep from that user what is to be sent here, if this is theirs; or send it all."""
        if self._user_id == user_id:
            (self._flowing.clear if held else self._flowing.set)()

    def check_heartbeat(self, now: float) -> None:
        """Time the client out if it has been silent for too long."""
        if (now - self._heartbeat_at) * 1000.0 > _PATIENCE * self._knobs.voice_heartbeat_ms:
            self._heartbeat_at = now
            self._trace.add("voice.refused", user_id=self._user_id, reason="no heartbeat")
            self.hang_up(Close.SESSION_TIMEOUT)

    @property
    def _user_id(self) -> int | None:
        return self._session.user_id if self._session else None

    def _receive(self, message: WSMessage) -> None:
        try:
            if message.type is WSMsgType.TEXT:
                self._receive_json(message.data)
            elif message.type is WSMsgType.BINARY:
                self._receive_binary(message.data)
        except RefusedError as error:
            self._trace.add("voice.refused", user_id=self._user_id, reason=str(error))
        except BrokenRule as error:
            self._trace.add("voice.refused", user_id=self._user_id, reason=str(error), code=int(error.code))
            self.hang_up(error.code)

    def _receive_json(self, text: str) -> None:
        try:
            message = json.loads(text)
            op, data = message["op"], message.get("d")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BrokenRule(Close.UNDECODABLE, "a text that is no gateway message") from error
        self._trace.add("voice.in", user_id=self._user_id, op=op, data=data)
        if not isinstance(op, int) or op not in self._json:
            raise BrokenRule(Close.UNKNOWN_OPCODE, f"the opcode {op}")
        stage, handle = self._json[op]
        self._require(stage)
        try:
            handle(data)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenRule(Close.UNDECODABLE, f"opcode {op}: {error!r}") from error

    def _receive_binary(self, data: bytes) -> None:
        op, body = data[:1], data[1:]
        self._trace.add("voice.in", user_id=self._user_id, op=op[0] if op else None, data=body)
        session = self._require(Stage.TALKING)
        room = self._sessions.room_of(session) if session else None
        if session is None or room is None:
            return
        if op == bytes((Op.KEY_PACKAGE,)):
            room.deliver(room.delivery.key_package(session.user_id, body))
        elif op == bytes((Op.COMMIT_WELCOME,)):
            room.deliver(room.delivery.commit_welcome(session.user_id, body, time.monotonic()))
        else:
            raise BrokenRule(Close.UNKNOWN_OPCODE, f"the binary opcode {op.hex()}")

    def _require(self, stage: Stage) -> VoiceSession | None:
        if self._stage < stage:
            raise BrokenRule(Close.NOT_AUTHENTICATED, "a message that comes too early")
        return self._session

    def _reply(self, op: Op, data: dict[str, Any]) -> None:
        """Send what belongs to the websocket rather than to the session."""
        self._trace.add("voice.out", user_id=self._user_id, op=int(op), data=data)
        with contextlib.suppress(asyncio.QueueFull):  # the session's outbox cuts a client that does not read
            self._queue.put_nowait(json.dumps({"op": int(op), "d": data}))

    def _heartbeat(self, data: dict[str, Any]) -> None:
        self._heartbeat_at = time.monotonic()
        if not self._knobs.voice_mute_acks:
            self._reply(Op.HEARTBEAT_ACK, {"t": data["t"]})

    def _identify(self, data: dict[str, Any]) -> None:
        if self._stage is not Stage.GREETED:
            raise BrokenRule(Close.ALREADY_AUTHENTICATED, "a second IDENTIFY")
        version = max(0, int(data.get("max_dave_protocol_version", 0)))
        self._check_permit(data, version)
        session = self._session = self._sessions.open(data["token"], version)
        session.outbox.attach(self._queue)
        self._stage = Stage.IDENTIFIED
        host, port = self._address
        session.send(Op.READY, {"ssrc": session.ssrc, "ip": host, "port": port, "modes": self._modes()})

    def _check_permit(self, data: dict[str, Any], version: int) -> None:
        permit = self._sessions.permit_of(data["token"])
        claimed = (int(data["server_id"]), int(data["user_id"]))
        if permit is None or claimed != (permit.guild_id, permit.user_id):
            raise BrokenRule(Close.AUTHENTICATION_FAILED, "a token that does not permit this")
        if data["session_id"] != permit.session_id:
            raise BrokenRule(Close.INVALID_SESSION, "the session id of another voice state")
        if self._knobs.dave.required and permit.e2ee and version == 0:
            raise BrokenRule(Close.ENCRYPTION_REQUIRED, "a client without end-to-end encryption")

    def _modes(self) -> list[str]:
        return [self._knobs.voice_mode] if self._knobs.voice_mode else list(MODES)

    def _resume(self, data: dict[str, Any]) -> None:
        if self._stage is not Stage.GREETED:
            raise BrokenRule(Close.ALREADY_AUTHENTICATED, "a RESUME after IDENTIFY")
        seq_ack = int(data.get("seq_ack", -1))
        try:
            session = self._sessions.resumable(data["token"], data["session_id"])
            session.outbox.check_resumable(seq_ack)
        except RefusedError as error:
            raise BrokenRule(Close.INVALID_SESSION, str(error)) from error
        session.outbox.attach(self._queue)
        session.lost_at = None
        self._session, self._stage = session, Stage.TALKING
        session.send(Op.RESUMED, {})
        session.outbox.replay(seq_ack)

    def _select_protocol(self, data: dict[str, Any]) -> None:
        if data["protocol"] != "udp":
            raise BrokenRule(Close.UNKNOWN_PROTOCOL, f"the protocol {data['protocol']}")
        mode = data["data"]["mode"]
        if mode not in self._modes():
            raise BrokenRule(Close.UNKNOWN_MODE, f"the mode {mode}")
        if session := self._session:
            self._sessions.enter(session, mode)
            self._stage = Stage.TALKING

    def _speaking(self, data: dict[str, Any]) -> None:
        if (session := self._session) and int(data["ssrc"]) == session.ssrc:
            session.spoke = True

    def _transition_ready(self, data: dict[str, Any]) -> None:
        if (session := self._session) and (room := self._sessions.room_of(session)):
            room.deliver(room.delivery.transition_ready(session.user_id, int(data["transition_id"])))

    def _invalid(self, data: dict[str, Any]) -> None:
        if (session := self._session) and (room := self._sessions.room_of(session)):
            room.deliver(room.delivery.invalid(session.user_id))
