"""The whole program in this process: what it gives Discord at start, and what a guild's settings become."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loopback import eventually
from pydantic import SecretStr

from bot import app
from bot.emulators.discord.events import PRIVILEGED, Intent
from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.errors import SetupError
from bot.guild_calls import live_setup
from bot.settings import Settings
from bot.storage.guilds import GuildSettings

READY_S = 30.0
README = Path(__file__).parent.parent / "README.md"
SLASH = 1  # the type of a command that is typed; the others are in right-click menus


@pytest.fixture
def settings(
    discord_emulator: DiscordEmulator,
    gemini_emulator: GeminiEmulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    monkeypatch.chdir(tmp_path)  # no .env there
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    discord_emulator.knobs.identify_interval_s = 0.0  # these tests start the bot more than once
    return Settings(
        discord_token=SecretStr(discord_emulator.token),
        gemini_api_key=SecretStr(gemini_emulator.api_key),
        discord_proxy=discord_emulator.proxy_url,
        database_url=f"sqlite+aiosqlite:///{tmp_path / 'earshot.db'}",
    )


@asynccontextmanager
async def running(settings: Settings, emulator: DiscordEmulator) -> AsyncIterator[None]:
    """Run the bot until it is on the gateway, and end it."""
    serving = asyncio.create_task(app.serve(settings), name="bot")
    try:
        async with asyncio.timeout(READY_S):
            while not emulator.gateway.connected and not serving.done():  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
        yield
    finally:
        serving.cancel()
        await asyncio.wait({serving})
    assert serving.cancelled(), serving.exception()


def asked_intents(emulator: DiscordEmulator) -> list[int]:
    """Return the intents of each IDENTIFY (op 2)."""
    entries = emulator.trace.of("gateway.in")
    return [entry.fields["data"]["intents"] for entry in entries if entry.fields["op"] == 2]


def sent_commands(emulator: DiscordEmulator) -> int:
    entries = emulator.trace.of("rest")
    return sum(entry.fields["method"] == "PUT" and "commands" in entry.fields["path"] for entry in entries)


async def test_commands_are_sent_when_discord_lacks_them(
    settings: Settings, discord_emulator: DiscordEmulator
) -> None:
    for expected in (1, 1):
        async with running(settings, discord_emulator):
            assert sent_commands(discord_emulator) == expected
    discord_emulator.world.commands.replace(None, [])  # by somebody else with the token
    async with running(settings, discord_emulator):
        assert sent_commands(discord_emulator) == 2
    commands = discord_emulator.world.commands.listed(None)
    names = {command["name"] for command in commands if command.get("type", SLASH) == SLASH}
    assert names == set(
        re.findall("^\\| `/([a-z-]+)", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    assert "join" in names


async def test_refused_commands_do_not_keep_the_bot_away(
    settings: Settings, discord_emulator: DiscordEmulator
) -> None:
    body = {"code": 30034, "message": "Max number of daily application command creates has been reached"}
    discord_emulator.knobs.rest_faults.append(RestFault("PUT", "/commands$", 400, body))
    async with running(settings, discord_emulator):
        assert discord_emulator.world.commands.listed(None) == []
    async with running(settings, discord_emulator):  # nothing was remembered: tried again
        assert discord_emulator.world.commands.listed(None)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_rate_limit_on_the_commands_does_not_keep_the_bot_away(
    settings: Settings, discord_emulator: DiscordEmulator, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr("bot.discord_client.SYNC_S", 0.5)
    body = {"message": "You are being rate limited.", "retry_after": 3600.0, "global": False}
    headers = {"Retry-After": "3600", "Via": "1.1 google"}
    discord_emulator.knobs.rest_faults.append(RestFault(method, "/commands$", 429, body, headers))
    async with running(settings, discord_emulator):
        assert discord_emulator.gateway.connected
        assert discord_emulator.world.commands.listed(None) == []


async def test_commands_that_take_long_do_not_keep_the_bot_away(
    settings: Settings, discord_emulator: DiscordEmulator
) -> None:
    body = {"message": "You are being rate limited.", "retry_after": 5.0, "global": False}
    headers = {"Retry-After": "5", "Via": "1.1 google"}
    discord_emulator.knobs.rest_faults.append(RestFault("GET", "/commands$", 429, body, headers))
    async with running(settings, discord_emulator):
        assert discord_emulator.world.commands.listed(None) == [], "it did not wait for them"
        await eventually(lambda: bool(discord_emulator.world.commands.listed(None)))


async def test_no_privileged_intent_is_asked_for(
    settings: Settings, discord_emulator: DiscordEmulator
) -> None:
    async with running(settings, discord_emulator):
        await eventually(lambda: bool(asked_intents(discord_emulator)))
    asked = asked_intents(discord_emulator)
    assert all(intents & PRIVILEGED == 0 for intents in asked)
    wanted = Intent.GUILDS | Intent.GUILD_VOICE_STATES | Intent.GUILD_MESSAGES | Intent.DIRECT_MESSAGES
    assert set(asked) == {wanted}, "what it has no use for, it does not ask for"


async def test_no_thread_or_task_stays(settings: Settings, discord_emulator: DiscordEmulator) -> None:
    def threads() -> set[str]:
        return {thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}

    before, tasks = threads(), asyncio.all_tasks()
    async with running(settings, discord_emulator):
        assert threads() > before
    assert threads() == before
    # discord.py leaves a task that waits 2 s for more guilds.
    async with asyncio.timeout(READY_S):
        while asyncio.all_tasks() - tasks:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.05)


async def test_a_cancellation_in_the_moment_of_connecting_is_not_forgotten(
    settings: Settings, discord_emulator: DiscordEmulator
) -> None:
    def greetings() -> int:
        return len(discord_emulator.trace.of("gateway.out"))

    for steps in range(3):
        before = greetings()
        serving = asyncio.create_task(app.serve(settings), name="bot")
        async with asyncio.timeout(READY_S):
            while greetings() == before:  # noqa: ASYNC110 - each turn of the loop counts
                await asyncio.sleep(0)
        for _ in range(steps):
            await asyncio.sleep(0)
        serving.cancel()
        done, _ = await asyncio.wait({serving}, timeout=READY_S)
        assert done, f"{steps} steps after the greeting it went on"
        assert serving.cancelled(), serving.exception()


def test_what_a_guild_set_is_what_the_model_is_asked_for() -> None:
    guild = GuildSettings(model="gemini-3.8-live", voice="Puck", turns="discord", language="de-DE")
    setup = live_setup(guild)
    assert (setup.model, setup.voice, setup.turns, setup.language) == (
        "gemini-3.8-live",
        "Puck",
        "marks",
        "de-DE",
    )
    assert live_setup(GuildSettings("gemini-3.8-live", "Kore", "model")).turns == "model"


@pytest.mark.parametrize(("name", "value"), [("live_voice", "Bogus"), ("live_model", "gemini-0")])
async def test_what_google_has_not_is_refused_by_the_settings_name(
    settings: Settings, name: str, value: str
) -> None:
    with pytest.raises(SetupError, match=f"^{name.upper()} can't be used: There is no .*{value}"):
        await app.serve(settings.model_copy(update={name: value}))
