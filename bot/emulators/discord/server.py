"""The emulated Discord as one object: REST, gateway, CDN and voice on one TLS port; proxy; control API."""

import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.emulators.discord import rest_channels, rest_commands, rest_guilds, rest_interactions
from bot.emulators.discord.control import Control
from bot.emulators.discord.front import Front
from bot.emulators.discord.gateway import Gateway
from bot.emulators.discord.knobs import Knobs
from bot.emulators.discord.openapi import OpenApi
from bot.emulators.discord.proxy import ConnectProxy
from bot.emulators.discord.rest import Rest
from bot.emulators.discord.trace import Trace
from bot.emulators.discord.voice.server import VoiceServer
from bot.emulators.discord.world import World
from bot.emulators.tls import CertificateAuthority

HOST = "127.0.0.1"
ROUTES = rest_guilds.ROUTES + rest_commands.ROUTES + rest_channels.ROUTES + rest_interactions.ROUTES
SHUTDOWN_S = 1.0  # how long open requests may take to end when the emulator closes


class DiscordEmulator:
    """A Discord on loopback for one bot. Use it as an async context manager, or start and close it."""

    def __init__(
        self,
        ca: CertificateAuthority,
        *,
        message_content_intent: bool = False,
        openapi: Path | None = None,
    ) -> None:
        self.ca = ca
        self.knobs = Knobs()
        self.trace = Trace()
        self.token = _token()
        self.voice = VoiceServer(trace=self.trace, knobs=self.knobs)
        self.world = World(self.voice, self.knobs)
        self.voice.may_speak = self.world.voices.may_speak
        self.gateway = Gateway(
            self.world,
            self.token,
            trace=self.trace,
            knobs=self.knobs,
            message_content_intent=message_content_intent,
        )
        self._openapi = OpenApi(openapi) if openapi is not None else None
        self._rest = Rest(self.world, self.gateway, self.knobs, self.token, ROUTES)
        self._runners: list[web.AppRunner] = []
        self._proxy: ConnectProxy | None = None
        self.port = 0
        """The TLS port that serves every host of Discord."""
        self.control_url = ""
        """Where the control API is; plain HTTP."""

    @property
    def proxy_url(self) -> str:
        """What to give to the bot as its proxy."""
        if self._proxy is None:
            raise RuntimeError("the emulator is not started")
        return self._proxy.url

    @property
    def proxy(self) -> ConnectProxy:
        """The proxy itself, which remembers what it refused."""
        if self._proxy is None:
            raise RuntimeError("the emulator is not started")
        return self._proxy

    @property
    def openapi_violations(self) -> list[str]:
        """What broke Discord's OpenAPI so far; empty where none was given."""
        return [] if self._openapi is None else self._openapi.violations

    @property
    def openapi_checked(self) -> int:
        """How many REST calls were checked against the OpenAPI."""
        return 0 if self._openapi is None else self._openapi.checked

    async def start(self) -> None:
        """Open all ports; what was opened is closed again where one fails."""
        try:
            await self.voice.start()
            front = Front(
                self.world,
                self._rest,
                self.gateway,
                self.voice,
                trace=self.trace,
                openapi=self._openapi,
            )
            self.port = await self._serve(front.application(), tls=True)
            control_port = await self._serve(Control(self.world, self.port).application(), tls=False)
            self.control_url = f"http://{HOST}:{control_port}"
            self._proxy = ConnectProxy(self.port)
            await self._proxy.start()
        except BaseException:  # a cancellation too: half an emulator must not stay open
            await self.close()
            raise

    async def _serve(self, application: web.Application, *, tls: bool) -> int:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_S)
        self._runners.append(runner)
        await runner.setup()
        context = self.ca.server_context() if tls else None
        site = web.TCPSite(runner, HOST, 0, ssl_context=context)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Close everything; connected bots see that the server goes away."""
        self.world.interactions.close()
        await self.gateway.close()
        await self.voice.close()
        if self._proxy is not None:
            await self._proxy.close()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _token() -> str:
    """Return a bot token: three parts between dots, as Discord's look."""
    return ".".join((secrets.token_urlsafe(18), secrets.token_urlsafe(4), secrets.token_urlsafe(28)))
