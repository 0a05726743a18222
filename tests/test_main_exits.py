"""The program as a process: what stops it from starting is one sentence and code 2; a signal is code 0."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from bot_process import ENDS_S, Bot, ended, ends_after, rigged_bot, said

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Fault, Stall, Where
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.emulators.tls import CertificateAuthority

PROC = Path("/proc/self/status")
ATTEMPTS = 5


def ends_well(pid: int) -> bool:
    """Say whether the process has a handler for SIGTERM by now; before that nobody could end it well."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.fixture
def bare(tmp_path: Path) -> Bot:
    """Give a program that can reach nobody."""
    secrets = {"DISCORD_TOKEN": "not.a.token", "GEMINI_API_KEY": "no-key"}
    nowhere = {"GOOGLE_GEMINI_BASE_URL": "https://127.0.0.1:9", "DISCORD_PROXY": "http://127.0.0.1:9"}
    return Bot(tmp_path, secrets | nowhere)


@pytest.fixture
def rigged(
    tmp_path: Path,
    ca: CertificateAuthority,
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
) -> Bot:
    """Give a program for which everything is right."""
    return rigged_bot(tmp_path, ca, discord_emulator, gemini_emulator)


@asynccontextmanager
async def server_that_says(answer: bytes = b"") -> AsyncIterator[int]:
    """Serve a port that answers each connection with this, or never says a word."""
    stay = asyncio.Event()
    if answer:
        stay.set()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await stay.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        stay.set()
        server.close()
        await server.wait_closed()


async def test_without_a_token(bare: Bot) -> None:
    del bare.environment["DISCORD_TOKEN"]
    assert (await bare.run()).refused().startswith("DISCORD_TOKEN is not set")


async def test_without_a_key(bare: Bot) -> None:
    del bare.environment["GEMINI_API_KEY"]
    assert (await bare.run()).refused().startswith("GEMINI_API_KEY is not set")


async def test_an_unreadable_env_file(bare: Bot) -> None:
    (bare.folder / ".env").mkdir()
    assert (await bare.run()).refused().startswith(".env can't be read")


async def test_a_model_that_there_is_not(bare: Bot) -> None:
    bare.environment["LIVE_MODEL"] = "gemini-0"
    assert (await bare.run()).refused().startswith("LIVE_MODEL can't be used")


async def test_a_locked_database(bare: Bot) -> None:
    with closing(sqlite3.connect(bare.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in (await bare.run()).refused()


async def test_a_newer_database(bare: Bot) -> None:
    assert (await bare.run("migrate")).code == 0
    with closing(sqlite3.connect(bare.database)) as other:
        other.execute("UPDATE alembic_version SET version_num = '0999'")
        other.commit()
    assert "newer Earshot" in (await bare.run()).refused()


async def test_a_database_in_a_folder_that_is_not_there(bare: Bot) -> None:
    bare.environment["DATABASE_URL"] = "sqlite+aiosqlite:///nowhere/earshot.db"
    assert "its folder must exist" in (await bare.run()).refused()


async def test_gemini_out_of_reach(bare: Bot) -> None:
    assert (await bare.run()).refused().startswith("Gemini can't be reached at 127.0.0.1:9")


async def test_a_refused_key(rigged: Bot) -> None:
    rigged.environment["GEMINI_API_KEY"] = "no-key"
    assert (await rigged.run()).refused().startswith("Gemini refused GEMINI_API_KEY")


async def test_discord_out_of_reach(rigged: Bot) -> None:
    rigged.environment["DISCORD_PROXY"] = "http://127.0.0.1:9"
    assert (await rigged.run()).refused().startswith("Discord can't be reached")


async def test_a_proxy_that_refuses(rigged: Bot) -> None:
    async with server_that_says(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as port:
        rigged.environment["DISCORD_PROXY"] = f"http://ada:hidden@127.0.0.1:{port}"
        result = await rigged.run()
    assert "the proxy answered 407 Proxy Authentication Required" in result.refused()
    assert "hidden" not in result.out + result.err


async def test_a_refused_token(rigged: Bot) -> None:
    rigged.environment["DISCORD_TOKEN"] = "not.a.token"
    assert (await rigged.run()).refused().startswith("Discord refused DISCORD_TOKEN")


@pytest.mark.parametrize(
    ("code", "sentence"), [(4013, "the bot's intents"), (4014, "the bot's intents"), (4004, "DISCORD_TOKEN")]
)
async def test_refused_by_the_gateway(
    rigged: Bot, discord_emulator: DiscordEmulator, code: int, sentence: str
) -> None:
    process = await rigged.start()
    await said(process, "connected to Gateway")
    ending = asyncio.create_task(ended(process))
    while not ending.done():
        # aiohttp forgets a close code whose answer finds the connection gone already; Discord insists, too.
        await discord_emulator.gateway.close_all(code)
        await asyncio.wait({ending}, timeout=0.5)
    assert f"Discord refused {sentence}" in ending.result().refused()


async def test_an_unknown_command_is_explained(bare: Bot) -> None:
    result = await bare.run("dance")
    assert result.code == 2
    assert "invalid choice" in result.err


async def test_a_signal_while_the_first_modules_load(bare: Bot) -> None:
    # The working directory comes first on the path of `python -m`: this is found in the library's place.
    (bare.folder / "argparse.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    result = await bare.run()
    assert (result.code, result.out, result.err) == (-signal.SIGINT, "", "")


@pytest.mark.skipif(not PROC.exists(), reason="looks into /proc")
@pytest.mark.parametrize(("number", "after_s"), [(signal.SIGINT, 0.0), (signal.SIGTERM, 0.7)])
async def test_a_signal_while_loading(bare: Bot, number: signal.Signals, after_s: float) -> None:
    process = await bare.start()
    while not ends_well(process.pid):  # noqa: ASYNC110 - another process's state has no event
        await asyncio.sleep(0.001)
    await asyncio.sleep(after_s)
    await ends_after(process, number)


async def test_a_signal_while_the_database_is_waited_for(bare: Bot) -> None:
    with closing(sqlite3.connect(bare.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(ATTEMPTS):
            process = await bare.start()
            await said(process, "GEMINI_PAID")
            await asyncio.sleep(0.3)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            sent = time.monotonic()
            result = await ended(process)
            assert time.monotonic() - sent < ENDS_S
            if "is locked by another program" not in result.err:
                break
            # The database is waited for for 2 s: on a busy machine the signal comes after that.
    assert (result.code, result.err) == (0, "")
    assert "Traceback" not in result.out


async def test_a_signal_while_gemini_is_waited_for(bare: Bot) -> None:
    async with server_that_says() as port:
        bare.environment["GOOGLE_GEMINI_BASE_URL"] = f"https://127.0.0.1:{port}"
        process = await bare.start()
        await said(process, "GEMINI_PAID")
        await asyncio.sleep(0.5)
        await ends_after(process, signal.SIGINT)


async def test_a_signal_while_logging_in(rigged: Bot) -> None:
    async with server_that_says() as port:
        rigged.environment["DISCORD_PROXY"] = f"http://127.0.0.1:{port}"
        process = await rigged.start()
        await said(process, "logging in")
        await asyncio.sleep(0.5)
        await ends_after(process, signal.SIGTERM)


async def test_a_signal_when_ready(rigged: Bot) -> None:
    process = await rigged.start()
    await said(process, "Invite Earshot to a server: https://discord.com/oauth2/authorize?")
    await ends_after(process, signal.SIGINT)


async def test_a_signal_in_a_call(
    rigged: Bot, discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator
) -> None:
    world = discord_emulator.world
    ada = Person(discord_emulator, world.add_user("Ada"))
    process = await rigged.start()
    await said(process, "connected to Gateway")
    await ada.join(world.voice_channels[0].id)
    try:
        await world.run_command(ada.user.id, world.text.id, "join").response()
        assert world.bot.id in world.guild.voice_states
        assert gemini_emulator.sessions[-1].open
        await ends_after(process, signal.SIGTERM)
        assert world.bot.id not in world.guild.voice_states, "it left the channel"
        assert not gemini_emulator.sessions[-1].open
    finally:
        await ada.leave()


async def test_a_signal_while_joining(
    rigged: Bot, discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator
) -> None:
    gemini_emulator.knobs.faults.append(Fault(Where.UPGRADE, Stall(), times=99))
    world = discord_emulator.world
    ada = world.add_user("Ada")
    world.join_voice(ada.id, world.voice_channels[0].id)
    process = await rigged.start()
    await said(process, "connected to Gateway")
    await world.run_command(ada.id, world.text.id, "join").acknowledged()
    await asyncio.sleep(0.3)
    await ends_after(process, signal.SIGTERM)
    assert world.bot.id not in world.guild.voice_states
