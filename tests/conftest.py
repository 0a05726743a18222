"""The loopback world of the tests: one throw-away CA, trusted before anything makes a TLS context."""

import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.emulators.tls import CertificateAuthority

if TYPE_CHECKING:
    from tool_scene import Scene

    from bot.emulators.discord.server import DiscordEmulator
    from bot.emulators.gemini.server import GeminiEmulator

# Before numpy and aiohttp are imported: BLAS threads would fight the media threads for the cores, and
# aiohttp makes its default TLS context, with the CAs of SSL_CERT_FILE, at import.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
OPENAPI = Path(__file__).parents[2] / "shared" / "facts" / "discord-openapi.json"
_FOLDER = tempfile.TemporaryDirectory(prefix="earshot-ca-")
_CA = CertificateAuthority.create(Path(_FOLDER.name))
os.environ["SSL_CERT_FILE"] = str(_CA.ca_file)


@pytest.fixture(scope="session")
def ca() -> CertificateAuthority:
    return _CA


@pytest.fixture
def openapi() -> Path:
    if not OPENAPI.exists():
        pytest.skip("Discord's OpenAPI is not there: REST calls are not checked against it")
    return OPENAPI


@pytest.fixture
async def discord_emulator(ca: CertificateAuthority) -> AsyncIterator["DiscordEmulator"]:
    """Every REST call and answer must fit Discord's published OpenAPI, where that file is."""
    from bot.emulators.discord.server import DiscordEmulator

    async with DiscordEmulator(ca, openapi=OPENAPI if OPENAPI.exists() else None) as emulator:
        yield emulator
    assert emulator.openapi_violations == []


@pytest.fixture
async def gemini_emulator(ca: CertificateAuthority) -> AsyncIterator["GeminiEmulator"]:
    from bot.emulators.gemini.server import GeminiEmulator

    async with GeminiEmulator(ca) as emulator:
        yield emulator


@pytest.fixture
async def scene(
    discord_emulator: "DiscordEmulator", gemini_emulator: "GeminiEmulator", tmp_path: Path
) -> AsyncIterator["Scene"]:
    """Ada and Ben in a call of the whole bot; areas with another scene define their own."""
    from tool_scene import tool_scene

    async with tool_scene(discord_emulator, gemini_emulator, tmp_path, ("Ada", "Ben")) as made:
        yield made


@pytest.fixture
def restore_logging() -> Iterator[None]:
    """Leave logging as it was before a test set it up."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], _ = before
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)
    for name in ("bot", "cogs", "alembic"):
        logging.getLogger(name).setLevel(logging.NOTSET)
