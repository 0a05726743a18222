"""The stage of the demo: both emulators, and the bot as a process of its own, set up by environment alone."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.relay import LiveRelay
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority
from bot.errors import EarshotError, SetupError

GOOGLE = "https://generativelanguage.googleapis.com"
READY_S = 60.0  # a cold start on a slow machine
STOP_S = 10.0  # the bot promises 5
ROOT = Path(__file__).resolve().parent.parent.parent

# What the bot's process gets of this one's environment: it is set up by the demo alone.
INHERITED = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TEMP", "TMP")


class DemoError(EarshotError):
    """The demo can't go on."""


@dataclass
class Stage:
    """What the scene plays on."""

    discord: DiscordEmulator
    relay: LiveRelay
    process: asyncio.subprocess.Process
    metrics_url: str
    log: Path

    async def wait_for_bot(self) -> None:
        """Wait until the bot has registered its commands; raise DemoError if it ends before."""
        deadline = asyncio.get_running_loop().time() + READY_S
        while not any(command["name"] == "join" for command in self.discord.world.commands.listed(None)):
            if self.process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise DemoError(f"The bot did not start; its log ends with:\n{_tail(self.log)}")
            await asyncio.sleep(0.05)

    async def figures(self) -> dict[str, float]:
        """Return the bot's own measurements, such as {"mouth_to_live p50": 1.2}, in ms, and its counters."""
        async with aiohttp.ClientSession() as http, http.get(self.metrics_url) as answer:
            text = await answer.text()
        figures: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "earshot_latency_ms":
                    percent = round(float(sample.labels["quantile"]) * 100)
                    figures[f"{sample.labels['of']} p{percent}"] = sample.value
                elif sample.name == "earshot_events_total":
                    figures[sample.labels["of"]] = sample.value
        return figures

    async def stop_bot(self) -> int:
        """End the bot as a service manager would, and return its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


@contextlib.asynccontextmanager
async def stage(folder: Path, gemini: Literal["loopback", "real"]) -> AsyncIterator[Stage]:
    """Set up everything in `folder`, which keeps the bot's database, log and the throw-away CA."""
    key = os.environ.get("GEMINI_API_KEY", "")
    if gemini == "real" and not key:
        raise SetupError(
            "--gemini real needs GEMINI_API_KEY in the environment (aistudio.google.com makes one)."
        )
    ca = CertificateAuthority.create(folder)
    async with contextlib.AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordEmulator(ca))
        if gemini == "real":
            relay = LiveRelay(ca, GOOGLE)
        else:
            model = await stack.enter_async_context(GeminiEmulator(ca))
            relay = LiveRelay(ca, model.base_url, upstream_tls=ca.client_context())
            key = model.api_key
        await stack.enter_async_context(relay)
        port = _free_port()
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | {
            "DISCORD_TOKEN": discord.token,
            "GEMINI_API_KEY": key,
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
        result = Stage(discord, relay, process, f"http://127.0.0.1:{port}/metrics", log)
        try:
            await result.wait_for_bot()
            yield result
        finally:
            await result.stop_bot()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:])
