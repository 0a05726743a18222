"""The stage of the demo: both emulators, and the bot as a process of its own, set up by environment alone."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.demo.real import RealGemini
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.relay import LiveRelay
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority
from bot.errors import EarshotError
from bot.settings import load

READY_S = 60.0  # a cold start on a slow machine
STOP_S = 10.0  # the bot promises 5
ABORT_S = 2.0  # the same where the demo breaks off: it must end within 5 s itself
LOG_LINES = 12  # shown of the bot's log where it failed
ROOT = Path(__file__).resolve().parent.parent.parent

# What the bot's process gets of this one's environment: it is set up by the demo alone.
INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP")

T = TypeVar("T")


class DemoError(EarshotError):
    """The demo can't go on."""


@dataclass
class Stage:
    """What the scene plays on."""

    discord: DiscordEmulator
    relay: LiveRelay
    gemini: GeminiEmulator | None
    """The loopback Gemini; None where the real one answers."""
    process: asyncio.subprocess.Process
    metrics_url: str
    log: Path

    async def wait_for_bot(self) -> None:
        """Wait until the bot can be asked for something; raise DemoError if it ends before."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while not self._serves():
            if self.process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise DemoError(f"The bot did not start; its log ends with:\n{_tail(self.log)}")
            await asyncio.sleep(0.05)

    def _serves(self) -> bool:
        """Say whether the bot has registered its commands and has a session, in which it is told of them."""
        registered = any(command["name"] == "join" for command in self.discord.world.commands.listed(None))
        return registered and bool(self.discord.gateway.sessions)

    async def while_bot_runs(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work and return its result; raise DemoError as soon as the bot ends before it."""
        working = asyncio.create_task(work, name="demo-work")
        dying = asyncio.create_task(self.process.wait(), name="demo-watch")
        try:
            await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
            if dying.done():
                text = f"The bot ended in the middle, with exit code {dying.result()}; its log ends with:"
                raise DemoError(f"{text}\n{_tail(self.log)}")
            return working.result()
        finally:
            working.cancel()
            dying.cancel()
            await asyncio.gather(working, dying, return_exceptions=True)

    async def figures(self) -> dict[str, float]:
        """Return the bot's own measurements, and its counters.

        Such as {"mouth_to_live p50": 1.2}, in ms, of {"mouth_to_live samples": 600}.
        """
        async with aiohttp.ClientSession() as http, http.get(self.metrics_url) as answer:
            text = await answer.text()
        figures: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "earshot_latency_ms":
                    percent = round(float(sample.labels["quantile"]) * 100)
                    figures[f"{sample.labels['of']} p{percent}"] = sample.value
                elif sample.name == "earshot_latency_samples":
                    figures[f"{sample.labels['of']} samples"] = sample.value
                elif sample.name == "earshot_events_total":
                    figures[sample.labels["of"]] = sample.value
        return figures

    async def stop_bot(self, within_s: float = STOP_S) -> int:
        """End the bot as a service manager would, by force where it takes longer; return its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(within_s):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


@contextlib.asynccontextmanager
async def stage(folder: Path, gemini: Literal["loopback", "real"]) -> AsyncIterator[Stage]:
    """Set up everything in `folder`, which keeps the bot's database, log and the throw-away CA."""
    ca = CertificateAuthority.create(folder)
    async with contextlib.AsyncExitStack() as stack:
        relay, model, environment = await _gemini(stack, ca, gemini)
        discord = await stack.enter_async_context(DiscordEmulator(ca))
        port = _free_port()
        environment |= {name: os.environ[name] for name in INHERITED if name in os.environ} | {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_PROXY": discord.proxy_url,
            "SSL_CERT_FILE": str(ca.ca_file),
            "GOOGLE_GEMINI_BASE_URL": relay.base_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{(folder / 'demo.db').as_posix()}",
            "METRICS_PORT": str(port),
            "PYTHONPATH": str(ROOT),
        }
        log = folder / "bot.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=folder, env=environment, stdout=output, stderr=output
            )
        result = Stage(discord, relay, model, process, f"http://127.0.0.1:{port}/metrics", log)
        try:
            await result.wait_for_bot()
            yield result
        finally:
            await result.stop_bot(ABORT_S)


async def _gemini(
    stack: contextlib.AsyncExitStack, ca: CertificateAuthority, which: Literal["loopback", "real"]
) -> tuple[LiveRelay, GeminiEmulator | None, dict[str, str]]:
    """Start the relay to a Gemini, and return it, the Gemini, and what the bot is to know."""
    model = None
    if which == "real":
        real = load(RealGemini)
        relay = LiveRelay(ca, real.google_gemini_base_url, upstream_tls=real.tls(), by_proxy=True)
        environment = real.bot_environment()
    else:
        model = await stack.enter_async_context(GeminiEmulator(ca))
        relay = LiveRelay(ca, model.base_url, upstream_tls=ca.client_context())
        environment = {"GEMINI_API_KEY": model.api_key}
    await stack.enter_async_context(relay)
    return relay, model, environment


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
