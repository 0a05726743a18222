"""A Live server that does what a test tells it, message by message; and an ear for what a session tells."""

import asyncio
import base64
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from aiohttp import web

from bot.emulators.tls import CertificateAuthority
from bot.live.events import LiveEvent

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

Event = TypeVar("Event", bound=LiveEvent)


@dataclass(frozen=True)
class Plan:
    """How a connection begins: an HTTP status, or a close code in answer to the setup, or no answer."""

    status: int = 101
    setup: str = "complete"
    """complete, silent, not JSON, or other (a message that is not setupComplete)."""
    close: int | None = None
    reason: str = ""
    deaf: bool = False
    """Never reads from the socket again once the setup is complete."""


@dataclass
class Connection:
    """One websocket; what came over it, in order: pcm bytes, `start`, `end`, or (text, turn_complete)."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport
    setup: dict[str, Any]
    got: list[bytes | str | tuple[str, bool]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def handle(self) -> str | None:
        return (self.setup.get("sessionResumption") or {}).get("handle")

    @property
    def pcm(self) -> bytes:
        return b"".join(item for item in self.got if isinstance(item, bytes))

    async def send(self, **fields: Any) -> None:
        await self.ws.send_json(fields)

    async def answer(self, *chunks: bytes, complete: bool = True) -> None:
        for chunk in chunks:
            blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(chunk).decode()}
            await self.send(serverContent={"modelTurn": {"parts": [{"inlineData": blob}]}})
        if complete:
            await self.send(serverContent={"turnComplete": True})

    async def give_handle(self, handle: str) -> None:
        await self.send(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    async def close(self, code: int, reason: str = "") -> None:
        await self.ws.close(code=code, message=reason.encode())

    def abort(self) -> None:
        self.transport.abort()

    async def read(self) -> None:
        async for message in self.ws:
            self.got.extend(_items(message.json()))


class ScriptedGemini:
    """Serves the plans in order, then plain connections; use as an async context manager."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self.plans: deque[Plan] = deque()
        self.connections: list[Connection] = []
        self.upgrades: list[float] = []
        self.open_at_upgrade: list[int] = []
        self.models_status = 200
        self.models_delay_s = 0.0
        self.base_url = ""
        self._ca = ca
        self._open = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get(PATH, self._live)
        app.router.add_get("/v1beta/models", self._models)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ca.server_context())
        await site.start()
        self.base_url = f"https://localhost:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.release.set()
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.models_delay_s)
        if self.models_status == 200:
            return web.json_response({"models": [{"name": "models/gemini-3.8-live"}]})
        error = {"code": self.models_status, "message": "no", "status": "NO"}
        return web.json_response({"error": error}, status=self.models_status)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        self.upgrades.append(time.monotonic())
        self.open_at_upgrade.append(self._open)
        plan = self.plans.popleft() if self.plans else Plan()
        if plan.status != 101:
            return web.Response(status=plan.status)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self._open += 1
        try:
            await self._serve(request, ws, plan)
        finally:
            self._open -= 1
        return ws

    async def _serve(self, request: web.Request, ws: web.WebSocketResponse, plan: Plan) -> None:
        setup = (await ws.receive_json())["setup"]
        if plan.close is not None:
            await ws.close(code=plan.close, message=plan.reason.encode())
            return
        if plan.setup == "not JSON":
            await ws.send_str("{")
        elif plan.setup == "other":
            await ws.send_json({"serverContent": {}})
        elif plan.setup == "complete":
            await ws.send_json({"setupComplete": {}})
        assert isinstance(request.transport, asyncio.Transport)
        connection = Connection(ws, request.transport, setup)
        self.connections.append(connection)
        if plan.deaf:
            connection.transport.pause_reading()
            await connection.release.wait()
            connection.transport.abort()
        else:
            await connection.read()


def _items(message: dict[str, Any]) -> list[bytes | str | tuple[str, bool]]:
    if content := message.get("client_content"):
        text = content["turns"][0]["parts"][0]["text"]
        return [(text, bool(content.get("turnComplete", content.get("turn_complete"))))]
    realtime = message["realtime_input"]
    if audio := realtime.get("audio"):
        return [base64.urlsafe_b64decode(audio["data"])]
    return ["start" if "activityStart" in realtime or "activity_start" in realtime else "end"]


class Ear:
    """Collects the events of a session; one that raises is a listener with a bug."""

    def __init__(self, *, buggy: bool = False) -> None:
        self.events: list[LiveEvent] = []
        self._buggy = buggy

    def __call__(self, event: LiveEvent) -> None:
        self.events.append(event)
        if self._buggy:
            raise TypeError("a listener's bug")

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait for a condition; the bound is for a busy machine, and only a failing test reaches it."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)
