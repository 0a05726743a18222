"""One person's connection to a voice server: the websocket of the voice gateway v8, and what hangs on it."""

import asyncio
import contextlib
import json
import logging
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.emulators.client.dave import DaveClient, Reply
from bot.emulators.client.hearing import Hearing
from bot.emulators.client.media import Media
from bot.emulators.client.rtp import MODES

log = logging.getLogger(__name__)

_VOICE = 1  # the speaking flag of a microphone


class VoiceError(Exception):
    """The voice server did not let this person in, or let this person go."""


@dataclass(frozen=True)
class Ticket:
    """What VOICE_STATE_UPDATE and VOICE_SERVER_UPDATE give."""

    guild_id: int
    channel_id: int
    user_id: int
    session_id: str
    token: str
    endpoint: str


class VoiceConnection:
    """Connects once, hears and sends until either side closes it."""

    def __init__(
        self, ticket: Ticket, hearing: Hearing, *, port: int, tls: ssl.SSLContext, mode: str | None
    ) -> None:
        self.ticket = ticket
        self.dave = DaveClient(ticket.user_id, ticket.channel_id)
        self.media = Media(self.dave, hearing)
        self.mode = mode
        """The transport mode: the one asked for, if any; then the one in use."""
        self.close_code: int | None = None
        """Why the server closed the websocket, once it has."""
        self._closed = self._described = False
        self._failure = ""
        self._changed = asyncio.Condition()
        self._port, self._tls = port, tls
        self._http: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._sequence = -1  # the newest of the gateway, for heartbeats
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, wait_s: float = 10.0) -> None:
        """Return once media can be sent; raise VoiceError if the server refuses or is silent."""
        connector = aiohttp.TCPConnector(ssl=self._tls, resolver=_Loopback(self._port))
        self._http = aiohttp.ClientSession(connector=connector)
        try:
            async with asyncio.timeout(wait_s):
                host = self.ticket.endpoint.partition(":")[0]
                self._ws = await self._http.ws_connect(f"wss://{host}/?v=8", compress=15)
                self._start(self._read(self._ws), "reader")
                await self.until(lambda: self._described)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise VoiceError(f"no voice connection: {error or 'no answer in time'}") from error
        finally:
            if not self._described:
                await self.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds, looked at after each message; raise VoiceError at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or condition())
        if not condition():
            raise VoiceError(self._failure or f"the voice connection was closed with code {self.close_code}")

    async def wait_closed(self) -> None:
        """Return when the connection has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed)

    async def close(self) -> None:
        """End every task and socket; harmless when they have ended."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.media.close()
        if self._ws:
            await self._ws.close()
        if self._http:
            await self._http.close()

    async def announce(self) -> None:
        """Say which SSRC is about to speak: the server forwards nothing before."""
        await self._send(5, {"speaking": _VOICE, "delay": 0, "ssrc": self.media.ssrc})

    async def _send(self, op: int, data: dict[str, Any] | bytes) -> None:
        if self._ws is None or self._ws.closed:
            return
        with contextlib.suppress(aiohttp.ClientConnectionResetError):  # the reader sees the end too
            if isinstance(data, bytes):
                await self._ws.send_bytes(bytes([op]) + data)
            else:
                await self._ws.send_str(json.dumps({"op": op, "d": data}))

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"person-{self.ticket.user_id}-{name}"))

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._json(json.loads(message.data))
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await self._binary(message.data)
                self.media.replay()
                await self._notify()
        except Exception as error:
            self._failure = str(error)
            log.exception("The voice connection of person %s broke.", self.ticket.user_id)
        finally:
            self._closed, self.close_code = True, ws.close_code
            self.media.close()
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _binary(self, data: bytes) -> None:
        self._sequence = int.from_bytes(data[:2], "big")
        await self._reply(self.dave.binary(data[2], data[3:]))

    async def _json(self, message: dict[str, Any]) -> None:
        op, data = message["op"], message["d"]
        self._sequence = message.get("seq", self._sequence)
        replies = self.dave.json(op, data)  # first: media must not flow by the old state
        if op == 8:
            self._start(self._heartbeat(data["heartbeat_interval"] / 1000), "heartbeat")
            await self._identify()
        elif op == 2:
            await self._select(data)
        elif op == 4:
            self.media.key(data["mode"], bytes(data["secret_key"]))
            self._start(self.media.keep_alive(), "keepalive")
            await self.announce()
            self._described = True
        elif op == 5:
            self.media.users[data["ssrc"]] = int(data["user_id"])
        elif op == 13:
            self.media.forget(int(data["user_id"]))
        await self._reply(replies)

    async def _reply(self, replies: list[Reply]) -> None:
        for op, data in replies:
            await self._send(op, data)

    async def _identify(self) -> None:
        ticket = self.ticket
        identity = {"server_id": str(ticket.guild_id), "user_id": str(ticket.user_id)}
        secret = {"session_id": ticket.session_id, "token": ticket.token}
        await self._send(0, {**identity, **secret, "max_dave_protocol_version": 1})

    async def _select(self, ready: dict[str, Any]) -> None:
        address, port = await self.media.discover(ready["ip"], ready["port"], ready["ssrc"])
        if self.mode is None:
            self.mode = next(mode for mode in MODES if mode in ready["modes"])
        data = {"address": address, "port": port, "mode": self.mode}
        await self._send(1, {"protocol": "udp", "data": data})

    async def _heartbeat(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await self._send(3, {"t": int(time.time() * 1000), "seq_ack": self._sequence})


class _Loopback(AbstractResolver):
    """Finds every host at the emulator's one port."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        found = {"hostname": host, "host": "127.0.0.1", "port": self._port}
        return [cast(ResolveResult, {**found, "family": 2, "proto": 0, "flags": 0})]

    async def close(self) -> None:
        """Hold nothing."""
