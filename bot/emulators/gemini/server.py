"""The loopback Gemini: TLS on 127.0.0.1, the Live websocket, and the REST paths that the bot uses."""

import asyncio
import itertools
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from aiohttp import web

from bot.emulators.gemini import rest
from bot.emulators.gemini.connection import MAX_MESSAGE, Connection
from bot.emulators.gemini.context import Handles
from bot.emulators.gemini.faults import Abort, Late, Stall, Status, Where, strike
from bot.emulators.gemini.knobs import Knobs
from bot.emulators.gemini.models import catalogue
from bot.emulators.gemini.rest_files import StoredFile
from bot.emulators.gemini.rest_log import RequestEntry
from bot.emulators.gemini.rest_service import RestService
from bot.emulators.gemini.session import GOING_AWAY, LiveCore
from bot.emulators.tls import CertificateAuthority

LIVE_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
_SESSIONS_KEPT = 1000  # with what they heard; the oldest go first
_SHUTDOWN_S = 3.0  # longer than the closing handshake of a websocket


class GeminiEmulator:
    """A Gemini that the real SDK talks to; use as an async context manager, or `start` and `close`."""

    def __init__(self, ca: CertificateAuthority) -> None:
        self.knobs = Knobs()
        self.api_key = f"loopback-{secrets.token_hex(16)}"
        """The only key that it accepts."""
        self.base_url = ""
        """https://localhost:PORT, once started."""
        self.sessions: list[Connection] = []
        """Every Live session, in the order in which they connected."""
        self._ca = ca
        self._known = catalogue()
        self._handles = Handles()
        self._names = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self._stopping = asyncio.Event()
        self._rest: RestService | None = None
        # One thread: espeak-ng speaks one text at a time, and a turn is thought about after its pictures.
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gemini-mind")

    @property
    def files(self) -> list[StoredFile]:
        """What the Files API holds now, the oldest first."""
        return self._rest.files if self._rest is not None else []

    @property
    def requests(self) -> list[RequestEntry]:
        """What was asked of models by REST, the oldest first."""
        return list(self._rest.generator.requests) if self._rest is not None else []

    @property
    def youtube(self) -> dict[str, Path | bytes | None]:
        """The videos of YouTube, by their ids: add what a link is to lead to; None is a private one."""
        return self.knobs.rest.youtube

    def expire(self, name: str) -> None:
        """Let a file of the Files API expire now, by its name files/ID."""
        if self._rest is not None:
            self._rest.store.expire(name)

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._rest = RestService(
            known=self._known, knobs=self.knobs.rest, api_key=self.api_key, stopping=self._stopping
        )
        app = web.Application(client_max_size=MAX_MESSAGE)
        app.router.add_get(LIVE_PATH, self._live)
        app.router.add_get("/v1beta/models", self._models)
        app.router.add_get("/v1beta/models/{model}", self._model)
        self._rest.add_routes(app.router)
        app.router.add_route("*", "/{path:.*}", self._unknown)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ca.server_context())
        await site.start()
        self.base_url = f"https://localhost:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Close every session with 1001, and the port."""
        self._stopping.set()
        for session in self.sessions:
            if session.open:
                session.close(GOING_AWAY, "The server stops.")
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._rest is not None:
            await self._rest.close()
        self._executor.shutdown(wait=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _live(self, request: web.Request) -> web.StreamResponse:
        key = rest.given_key(request)
        if key != self.api_key:
            status, name = (401, "UNAUTHENTICATED") if key else (403, "PERMISSION_DENIED")
            return rest.error(status, name, "API key not valid. Please pass a valid API key.")
        if not web.WebSocketResponse().can_prepare(request):
            return rest.error(400, "INVALID_ARGUMENT", "This path speaks websocket only.")
        for effect in strike(self.knobs.faults, Where.UPGRADE):
            match effect:
                case Status():
                    return web.Response(status=effect.code, headers=dict(effect.headers))
                case Late():
                    await asyncio.sleep(effect.seconds)
                case Stall():
                    await self._stopping.wait()
                    return rest.error(503, "UNAVAILABLE", "The server stops.")
                case Abort() if request.transport is not None:
                    request.transport.abort()
        return await self._open().serve(request)

    def _open(self) -> Connection:
        core = LiveCore(f"s{next(self._names)}", known=self._known, handles=self._handles, knobs=self.knobs)
        connection = Connection(core, self.knobs, self._executor)
        self.sessions.append(connection)
        del self.sessions[:-_SESSIONS_KEPT]
        return connection

    async def _models(self, request: web.Request) -> web.Response:
        return rest.key_error(request, self.api_key) or rest.list_models(self._known, request.query)

    async def _model(self, request: web.Request) -> web.Response:
        refused = rest.key_error(request, self.api_key)
        return refused or rest.get_model(self._known, request.match_info["model"])

    async def _unknown(self, request: web.Request) -> web.Response:
        message = f"{request.method} {request.path} is not found."
        return rest.key_error(request, self.api_key) or rest.error(404, "NOT_FOUND", message)
