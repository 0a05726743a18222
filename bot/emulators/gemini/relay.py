"""A relay between the bot and a Gemini, loopback or real, which records what passes, with times.

It speaks TLS on loopback, so that a bot which is pointed at it by GOOGLE_GEMINI_BASE_URL needs nothing else.
Live messages and REST calls go on unchanged; the record is what a recording of a call is made from.
"""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
from aiohttp import web

from bot.emulators.tls import CertificateAuthority

MAX_MESSAGE = 16 * 1024 * 1024  # the size that the bot's own client accepts
_HOP_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
    }
)


@dataclass(frozen=True, slots=True)
class Passed:
    """One thing that passed.

    `kind` is heard (audio), activity_start, activity_end or told (text) towards the model; and said (audio),
    heard_text, said_text (transcripts), interrupted or ended from it.
    """

    at: float
    session: int
    kind: str
    pcm: bytes = b""
    text: str = ""


@dataclass
class Record:
    """What passed, in order."""

    passed: list[Passed] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Passed]:
        """Return what passed of these kinds."""
        return [entry for entry in self.passed if entry.kind in kinds]


class LiveRelay:
    """Relays to `upstream` (an https address); use as an async context manager."""

    def __init__(
        self, ca: CertificateAuthority, upstream: str, *, upstream_tls: ssl.SSLContext | None = None
    ) -> None:
        self.record = Record()
        self.base_url = ""
        self._ca = ca
        self._upstream = upstream.rstrip("/")
        self._upstream_tls: ssl.SSLContext | bool = True if upstream_tls is None else upstream_tls
        self._client: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._sessions = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_MESSAGE)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._client = aiohttp.ClientSession(trust_env=True, auto_decompress=True)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ca.server_context())
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"https://localhost:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay_live(request)
        return await self._relay_rest(request)

    async def _relay_rest(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        async with self._client.request(
            request.method,
            self._upstream + request.path_qs,
            headers=_end_to_end(request.headers),
            data=await request.read(),
            ssl=self._upstream_tls,
        ) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, headers=_end_to_end(answer.headers))

    async def _relay_live(self, request: web.Request) -> web.StreamResponse:
        assert self._client is not None
        self._sessions += 1
        session = self._sessions
        headers = {
            name: value
            for name, value in _end_to_end(request.headers).items()
            if not name.lower().startswith("sec-websocket")
        }
        try:
            upstream = await self._client.ws_connect(
                self._upstream + request.path_qs,
                headers=headers,
                max_msg_size=MAX_MESSAGE,
                ssl=self._upstream_tls,
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        down = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
        await down.prepare(request)
        forth = asyncio.create_task(self._pump(down, upstream, session, _of_client), name="relay-to-model")
        back = asyncio.create_task(self._pump(upstream, down, session, _of_server), name="relay-to-bot")
        try:
            await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            code = upstream.close_code or down.close_code or 1000
            sendable = code if code not in (1005, 1006, 1015) else 1011
            for task in (forth, back):
                task.cancel()
            await asyncio.gather(forth, back, return_exceptions=True)
            await upstream.close(code=sendable)
            await down.close(code=sendable)
        return down

    async def _pump(
        self,
        source: "web.WebSocketResponse | aiohttp.ClientWebSocketResponse",
        sink: "web.WebSocketResponse | aiohttp.ClientWebSocketResponse",
        session: int,
        read: Any,
    ) -> None:
        async for message in source:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                break
            self.record.passed += read(message.data, time.monotonic(), session)
            if message.type is aiohttp.WSMsgType.TEXT:
                await sink.send_str(message.data)
            else:
                await sink.send_bytes(message.data)


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that go on to the next hop."""
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_HEADERS}


def _of_client(data: str | bytes, at: float, session: int) -> list[Passed]:
    """Return what one message of the bot holds."""
    message = json.loads(data)
    realtime = _get(message, "realtimeInput", "realtime_input")
    content = _get(message, "clientContent", "client_content")
    passed = []
    if audio := _get(realtime, "audio", "audio"):
        passed.append(Passed(at, session, "heard", pcm=_pcm(audio)))
    for kind, camel in (("activity_start", "activityStart"), ("activity_end", "activityEnd")):
        if camel in realtime or kind in realtime:
            passed.append(Passed(at, session, kind))
    passed += [
        Passed(at, session, "told", text=str(part["text"]))
        for turn in content.get("turns", [])
        for part in turn.get("parts", [])
        if "text" in part
    ]
    return passed


def _of_server(data: str | bytes, at: float, session: int) -> list[Passed]:
    """Return what one message of the model holds."""
    content = _get(json.loads(data), "serverContent", "server_content")
    passed = [
        Passed(at, session, "said", pcm=_pcm(part["inlineData"]))
        for part in content.get("modelTurn", {}).get("parts", [])
        if "inlineData" in part
    ]
    for kind, key in (("heard_text", "inputTranscription"), ("said_text", "outputTranscription")):
        if text := content.get(key, {}).get("text"):
            passed.append(Passed(at, session, kind, text=text))
    for kind, key in (("interrupted", "interrupted"), ("ended", "turnComplete")):
        if content.get(key):
            passed.append(Passed(at, session, kind))
    return passed


def _get(message: dict[str, Any], camel: str, snake: str) -> dict[str, Any]:
    """Return a member that the SDK writes in either casing, {} where it is absent."""
    found = message.get(camel) or message.get(snake)
    return found if isinstance(found, dict) else {}


def _pcm(blob: dict[str, Any]) -> bytes:
    """Return the bytes of an inline blob; the SDK's base64 is URL-safe, the server's is not."""
    return base64.urlsafe_b64decode(str(blob.get("data", "")).replace("+", "-").replace("/", "_"))
