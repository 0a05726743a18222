"""A small HTTP server on the loopback address: /metrics and /healthz."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.errors import SetupError
from bot.web.metrics import CallFigures, exposition

HOST = "127.0.0.1"  # it has no password, so nothing but this machine may ask it
SHUTDOWN_S = 0.2  # the process has 5 s to end; a scrape that hangs is not waited for longer


class MetricsServer:
    """Serves the process's health and its calls' figures until closed."""

    def __init__(
        self, port: int, *, calls: Callable[[], Sequence[CallFigures]], healthy: Callable[[], bool]
    ) -> None:
        self._port = port
        self._calls = calls
        self._healthy = healthy
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to serve. Raises SetupError when the port can't be had."""
        app = web.Application()
        app.add_routes([web.get("/metrics", self._metrics), web.get("/healthz", self._health)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except OSError as error:
            await self.close()
            raise SetupError(
                f"METRICS_PORT {self._port} can't be opened ({error.strerror}): choose another one or 0."
            ) from error

    async def close(self) -> None:
        """Stop serving."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = exposition(self._calls, tasks=len(asyncio.all_tasks()))
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, _request: web.Request) -> web.Response:
        if self._healthy():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="not connected to Discord\n")
