"""The demo when something breaks it off: Ctrl+C, a bot that dies, a Gemini that is not set up."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.demo.real import RealGemini
from bot.demo.stage import stage
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority
from bot.errors import SetupError
from bot.settings import load

ROOT = Path(__file__).parents[2]
PATIENCE_S = 90.0  # a cold start on a busy machine
PROMPT_S = 8.0  # the process promises 5

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="finds the bot's process in /proc"
)


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "demo", "--out", str(folder / "out"), *arguments),
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def said(process: asyncio.subprocess.Process, words: str) -> None:
    """Read what it prints up to these words."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while words not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it ended without {words!r}"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def end_of(process: asyncio.subprocess.Process) -> tuple[str, float]:
    """Return the rest of what it prints, and in how many seconds it ended."""
    asked = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        rest, _ = await process.communicate()
    return rest.decode(), time.monotonic() - asked


@pytest.mark.parametrize("moment", ["starting", "begins to answer"])
async def test_ctrl_c_ends_the_bot_too(tmp_path: Path, moment: str) -> None:
    async with demo(tmp_path) as process:
        await said(process, moment)
        async with asyncio.timeout(PATIENCE_S):
            while not (bots := children(process.pid)):  # noqa: ASYNC110 - the kernel tells of it by nothing
                await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        rest, seconds = await end_of(process)
        assert process.returncode == 0, rest
        assert seconds < PROMPT_S
        assert "Traceback" not in rest
        assert not any(lives(bot) for bot in bots)
        assert names_in(tmp_path) == ["out"], "a temporary folder was left behind"


async def test_a_bot_that_dies_midway_is_said_at_once(tmp_path: Path) -> None:
    async with demo(tmp_path) as process:
        await said(process, "begins to answer")
        (bot,) = children(process.pid)
        os.kill(bot, signal.SIGKILL)
        rest, seconds = await end_of(process)
        assert process.returncode == 1
        assert "The bot ended in the middle, with exit code -9; its log ends with:" in rest
        assert "Ready as Earshot" in rest
        assert "Traceback" not in rest
        assert seconds < PROMPT_S
    assert (tmp_path / "out" / "bot.log").exists()


async def test_the_real_gemini_needs_a_key(tmp_path: Path) -> None:
    async with demo(tmp_path, "--gemini", "real") as process:
        rest, _ = await end_of(process)
        assert process.returncode == 2
        assert rest.splitlines()[-1].startswith("GEMINI_API_KEY is not set: ")
        assert "Traceback" not in rest


@pytest.fixture
def own_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing set in the environment, and its `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "SSL_CERT_FILE", "LIVE_MODEL", "LIVE_VOICE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / ".env"


def test_the_key_of_the_real_gemini_may_stand_in_env_file(own_env: Path) -> None:
    own_env.write_text("GEMINI_API_KEY=from-file\nLIVE_VOICE=Puck\n")
    assert load(RealGemini).bot_environment() == {"GEMINI_API_KEY": "from-file", "LIVE_VOICE": "Puck"}


def test_certificates_of_the_real_gemini_that_cannot_be_read(own_env: Path) -> None:
    own_env.write_text("GEMINI_API_KEY=k\nSSL_CERT_FILE=missing.pem\n")
    with pytest.raises(SetupError, match=r"SSL_CERT_FILE can't be used: .*missing\.pem"):
        load(RealGemini).tls()


async def start_with_real(folder: Path, env_file: Path, settings: str) -> tuple[int, str]:
    """Let the bot start with a `.env` like that; return its exit code, and what it logged."""
    await asyncio.to_thread(env_file.write_text, settings)
    async with stage(folder, "real") as ready:
        code = await ready.stop_bot()
    return code, await asyncio.to_thread(ready.log.read_text)


async def test_the_real_gemini_is_reached_over_tls_that_is_checked(
    own_env: Path, tmp_path: Path, ca: CertificateAuthority, gemini_emulator: GeminiEmulator
) -> None:
    """A stand-in takes its place; the bot's start asks it for its models, by way of the relay."""
    where = f"GEMINI_API_KEY={gemini_emulator.api_key}\nGOOGLE_GEMINI_BASE_URL={gemini_emulator.base_url}\n"
    code, log = await start_with_real(tmp_path / "trusted", own_env, f"{where}SSL_CERT_FILE={ca.ca_file}\n")
    assert code == 0
    assert "502" not in log
    # What everyone trusts does not vouch for a stand-in.
    _, log = await start_with_real(tmp_path / "untrusted", own_env, where)
    assert "502" in log
