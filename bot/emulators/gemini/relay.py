"""A relay between the bot and a Gemini, loopback or real, which records what passes, with times.

It speaks TLS on loopback, so that a bot which is pointed at it by GOOGLE_GEMINI_BASE_URL needs nothing else.
Live messages, REST calls, refusals and close codes go on unchanged, so that neither end notices it. Only the
address to which a file is to be uploaded becomes the relay's: the bot need not trust what is behind that.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeAlias

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from bot.emulators.gemini.record import Read, Record, of_client, of_server
from bot.emulators.tls import CertificateAuthority

logger = logging.getLogger(__name__)

MAX_MESSAGE = 16 * 1024 * 1024  # the size that the bot's own client accepts
CLOSE_S = 1.0  # how long an end may take to answer a close frame
SHUTDOWN_S = 2.0  # longer than that
# They belong to one connection (RFC 9110, 7.6.1), or are set anew for the next.
_HOP_HEADERS = frozenset(
    {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "upgrade"}
)
_NOT_OURS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")  # aiohttp would add its own
_ABNORMAL = 1006
_UPLOAD = "X-Goog-Upload-URL"

_Socket: TypeAlias = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


@dataclass(frozen=True, slots=True)
class _End:
    """How one end closed its websocket; 1006 says that it broke."""

    code: int
    reason: str


class LiveRelay:
    """Relays to `upstream` (an https address); use as an async context manager."""

    def __init__(
        self,
        ca: CertificateAuthority,
        upstream: str,
        *,
        upstream_tls: ssl.SSLContext,
        by_proxy: bool = False,
    ) -> None:
        """Make a relay; with `by_proxy` it goes through the proxy that the environment names, if any."""
        self.record = Record()
        self.base_url = ""
        self._ca = ca
        self._upstream = upstream.rstrip("/")
        self._upstream_tls = upstream_tls
        self._by_proxy = by_proxy
        self._client: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._sessions = 0

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_MESSAGE)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._upstream_tls),
            trust_env=self._by_proxy,
            auto_decompress=False,
            skip_auto_headers=_NOT_OURS,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # No access log: the key may stand in the query.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
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

    def _url(self, request: web.Request) -> URL:
        return URL(self._upstream + request.raw_path, encoded=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self._client is None:
            raise RuntimeError("the relay is not started")
        live = request.headers.get("Upgrade", "").lower() == "websocket"
        relay = self._relay_live if live else self._relay_rest
        try:
            return await relay(request, self._client)
        except (aiohttp.ClientError, TimeoutError) as error:
            logger.warning("The relay can't reach Gemini: %s", type(error).__name__)
            return web.Response(status=502, text="The relay can't reach Gemini.")

    async def _relay_rest(self, request: web.Request, client: aiohttp.ClientSession) -> web.StreamResponse:
        async with client.request(
            request.method,
            self._url(request),
            headers=_end_to_end(request.headers),
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer:
            passed = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
            if (upload := passed.headers.get(_UPLOAD, "")).startswith(self._upstream):
                passed.headers[_UPLOAD] = self.base_url + upload.removeprefix(self._upstream)
            await passed.prepare(request)
            try:
                async for chunk in answer.content.iter_any():
                    await passed.write(chunk)
                await passed.write_eof()
            except aiohttp.ClientError:
                if request.transport is not None:  # it broke off in the middle: so does ours
                    request.transport.abort()
            return passed

    async def _relay_live(self, request: web.Request, client: aiohttp.ClientSession) -> web.StreamResponse:
        self._sessions += 1
        session = self._sessions
        headers = _end_to_end(request.headers)
        for name in [name for name in headers if name.lower().startswith("sec-websocket")]:
            del headers[name]
        try:
            up = await client.ws_connect(
                self._url(request),
                headers=headers,
                max_msg_size=MAX_MESSAGE,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, headers=_end_to_end(refused.headers or {}))
        # No compression: the real Gemini has none, and it would cost the bot's process time.
        down = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, timeout=CLOSE_S, compress=False)
        await down.prepare(request)
        forth = asyncio.create_task(self._pump(down, up, session, of_client), name="relay-to-model")
        back = asyncio.create_task(self._pump(up, down, session, of_server), name="relay-to-bot")
        end = _End(_ABNORMAL, "")
        try:
            end = await _first_end(forth, back)
        finally:
            # Each socket as aiohttp wants it: a client's closes beside its reader, a server's after it.
            await up.close(code=_sendable(end.code), message=end.reason.encode())
            for task in (forth, back):
                task.cancel()
            await asyncio.gather(forth, back, return_exceptions=True)
            await _close(down, request, end)
        return down

    async def _pump(self, source: _Socket, sink: _Socket, session: int, read: Read) -> _End | None:
        """Pass messages on until the source ends, and return how; None where the sink ended first."""
        while True:
            message = await source.receive()
            match message.type:
                case WSMsgType.TEXT | WSMsgType.BINARY:
                    self.record.passed += read(message.data, time.monotonic(), session)
                    try:
                        await _pass_on(sink, message.data)
                    except ConnectionError:
                        return None
                case WSMsgType.CLOSE:
                    return _End(message.data, message.extra or "")
                case _:
                    return _End(_ABNORMAL, "")


async def _pass_on(sink: _Socket, data: str | bytes) -> None:
    if isinstance(data, str):
        await sink.send_str(data)
    else:
        await sink.send_bytes(data)


async def _first_end(*pumps: asyncio.Task[_End | None]) -> _End:
    """Return how the first of the sockets ended that did."""
    for pump in asyncio.as_completed(pumps):
        if (end := await pump) is not None:
            return end
    return _End(_ABNORMAL, "")


async def _close(down: web.WebSocketResponse, request: web.Request, end: _End) -> None:
    if end.code == _ABNORMAL and request.transport is not None:
        request.transport.abort()
    else:
        await down.close(code=_sendable(end.code), message=end.reason.encode())


def _sendable(code: int) -> int:
    """Return the code as a close frame may carry it: none at all is 1000, and a break is "going away"."""
    return {0: 1000, _ABNORMAL: 1001}.get(code, code)


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Return the headers that go on to the next hop."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_HEADERS)
