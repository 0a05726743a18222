"""The program as a process of its own, with nothing in its environment but what a test put there."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority

ROOT = Path(__file__).parent.parent
STARTS_S = 60.0  # a cold interpreter that loads large libraries, on a machine that does other things too
ENDS_S = 5.0  # what is promised from the signal on


@dataclass
class Ended:
    code: int
    out: str
    err: str

    def refused(self) -> str:
        """Return the sentence with which the program refused to start, held to be the only one."""
        assert self.code == 2, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert "Traceback" not in self.out + self.err, self
        return lines[0]


@dataclass
class Bot:
    """How the program is started: nothing but what is here is in its environment."""

    folder: Path
    environment: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *(arguments or ("run",))),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *arguments: str) -> Ended:
        return await ended(await self.start(*arguments))

    @property
    def database(self) -> Path:
        return self.folder / "earshot.db"


async def ended(process: asyncio.subprocess.Process, within_s: float = STARTS_S) -> Ended:
    try:
        async with asyncio.timeout(within_s):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def ends_after(process: asyncio.subprocess.Process, number: signal.Signals) -> Ended:
    """Send a signal and hold that the process ends in time with code 0, without a traceback."""
    process.send_signal(number)
    sent = time.monotonic()
    result = await ended(process)
    assert time.monotonic() - sent < ENDS_S, result
    assert (result.code, result.err) == (0, ""), result
    assert "Traceback" not in result.out, result
    return result


async def said(process: asyncio.subprocess.Process, text: str) -> None:
    """Wait until the program has said this."""
    assert process.stdout is not None
    async with asyncio.timeout(STARTS_S):
        while text not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it ended without saying {text!r}"


def rigged_bot(
    folder: Path, ca: CertificateAuthority, discord: DiscordEmulator, gemini: GeminiEmulator
) -> Bot:
    """Return the program, led to both emulators by its environment alone."""
    return Bot(
        folder,
        {
            "DISCORD_TOKEN": discord.token,
            "GEMINI_API_KEY": gemini.api_key,
            "DISCORD_PROXY": discord.proxy_url,
            "GOOGLE_GEMINI_BASE_URL": gemini.base_url,
            "SSL_CERT_FILE": str(ca.ca_file),
        },
    )
