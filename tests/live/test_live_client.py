"""The client's defaults and the check of the key, over TLS."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from scripted_gemini import Ear, ScriptedGemini, until

from bot.emulators.tls import CertificateAuthority
from bot.errors import SetupError
from bot.live.client import make_client, verify
from bot.live.errors import LiveError
from bot.live.events import AnswerAudio
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.settings import Settings, load

PROMPT_S = 4.5  # the ways that end with exit code 2 have 5 s

SETUP = LiveSetup(model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.")


@pytest.fixture
async def gemini(ca: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini(ca) as server:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.base_url)
        yield server


async def check() -> None:
    client = make_client("a-key")
    try:
        async with asyncio.timeout(PROMPT_S):
            await verify(client)
    finally:
        await client.aio.aclose()


async def test_a_good_key_passes(gemini: ScriptedGemini) -> None:
    await check()


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_key_is_one_sentence(gemini: ScriptedGemini, status: int) -> None:
    gemini.models_status = status
    with pytest.raises(SetupError, match="refused GEMINI_API_KEY"):
        await check()


async def test_a_wrong_address_is_one_sentence(gemini: ScriptedGemini) -> None:
    gemini.models_status = 404
    with pytest.raises(SetupError, match="GOOGLE_GEMINI_BASE_URL"):
        await check()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_gemini_does_not_keep_the_bot_from_starting(gemini: ScriptedGemini, status: int) -> None:
    gemini.models_status = status
    await check()


async def test_a_gemini_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "https://localhost:1")
    with pytest.raises(SetupError, match="can't be reached at localhost:1"):
        await check()


async def test_a_gemini_that_never_answers_is_one_sentence(
    gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.live.client.VERIFY_TIMEOUT_MS", 300)
    gemini.models_delay_s = 30.0
    with pytest.raises(SetupError, match="can't be reached"):
        await check()


async def test_a_certificate_that_is_not_trusted_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedGemini(CertificateAuthority.create(tmp_path)) as stranger:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stranger.base_url)
        with pytest.raises(SetupError, match="SSL_CERT_FILE"):
            await check()
        client = make_client("a-key")
        session = LiveSession(client, SETUP, Ear(), name="1")
        with pytest.raises(LiveError, match="certificate"):
            await session.start()
        await session.close()
        await client.aio.aclose()


async def test_a_burst_of_an_answer_is_larger_than_the_libraries_limit(gemini: ScriptedGemini) -> None:
    client, ear = make_client("a-key"), Ear()
    session = LiveSession(client, SETUP, ear, name="1")
    await session.start()
    burst = bytes(3_000_000)
    await gemini.connections[0].answer(burst)
    await until(lambda: ear.of(AnswerAudio))
    assert ear.of(AnswerAudio)[0].pcm == burst
    await session.close()
    await client.aio.aclose()


async def test_a_wordless_goodbye_is_not_waited_for(gemini: ScriptedGemini) -> None:
    client = make_client("a-key")
    session = LiveSession(client, SETUP, Ear(), name="1")
    await session.start()
    gemini.connections[0].transport.pause_reading()
    began = time.monotonic()
    await session.close()
    assert time.monotonic() - began < 2.0
    gemini.connections[0].abort()
    await client.aio.aclose()


# With what each is chosen, and what google-genai would then send: key, project and location.
VERTEX: dict[str, tuple[dict[str, str], tuple[str | None, str | None, str | None]]] = {
    "a key": ({"GOOGLE_API_KEY": "vertex-key"}, ("vertex-key", None, None)),
    "a project": ({"GOOGLE_CLOUD_PROJECT": "a-project"}, (None, "a-project", "global")),
    "a project somewhere": (
        {"GOOGLE_CLOUD_PROJECT": "a-project", "GOOGLE_CLOUD_LOCATION": "europe-west1"},
        (None, "a-project", "europe-west1"),
    ),
}


@pytest.mark.parametrize("chosen", VERTEX)
def test_vertex_is_reached_with_what_is_its_own(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    environment, (key, project, location) = VERTEX[chosen]
    for name in ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name, raising=False)
    # That of the settings, which want it all the same, may stand in the environment, too.
    for name, value in (environment | {"GEMINI_API_KEY": "a-key"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    client = make_client("a-key")
    assert client.vertexai is True
    requests = client._api_client
    assert (requests.api_key, requests.project, requests.location) == (key, project, location)
    assert (requests._http_options.headers or {}).get("x-goog-api-key") == key


def test_vertex_is_not_chosen_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "false")
    assert make_client("a-key").vertexai is False


def test_vertex_is_not_chosen_by_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", os.environ["SSL_CERT_FILE"])  # as it was, after the test
    monkeypatch.delenv("GOOGLE_GEMINI_BASE_URL", raising=False)
    Path(".env").write_text(
        "DISCORD_TOKEN=a.bot.token\nGEMINI_API_KEY=a-key\nGOOGLE_GENAI_USE_VERTEXAI=true\n"
    )
    load(Settings).export()
    assert make_client("a-key").vertexai is False
