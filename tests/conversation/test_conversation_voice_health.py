"""What people read of the voice connection's troubles: a sentence when one lasts, and one when it is over."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from call_scene import Scene, running_scene
from loopback import eventually

from bot.conversation import voice_health
from bot.conversation.voice_health import LOST, WELL, VoiceHealth
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.voice.events import Connected, Deaf, Disconnected, Ended, Undeafened
from bot.voice.watchdog import HOPELESS, REJOIN

TELL_S = 0.2
LASTING_S, SHORT_S = 2 * TELL_S, TELL_S / 4


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """People wonder sooner."""
    monkeypatch.setattr(voice_health, "TELL_S", TELL_S)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def health(told: list[str]) -> VoiceHealth:
    made = VoiceHealth(told.append)
    made.take(Connected())
    return made


async def outage(health: VoiceHealth, lasts_s: float) -> None:
    health.take(Disconnected("the voice server crashed"))
    await asyncio.sleep(lasts_s)
    health.take(Connected())


async def test_a_short_outage_is_not_told(health: VoiceHealth, told: list[str]) -> None:
    for _ in range(10):
        await outage(health, SHORT_S)
    await asyncio.sleep(LASTING_S)
    assert told == []


async def test_a_long_one_is_told_once_and_so_is_its_end(health: VoiceHealth, told: list[str]) -> None:
    await outage(health, LASTING_S)
    assert (told, health.state) == ([LOST], "connected")
    await asyncio.sleep(LASTING_S)
    assert told == [LOST, WELL]


async def test_a_connection_that_comes_and_goes_is_one_trouble(health: VoiceHealth, told: list[str]) -> None:
    for _ in range(5):
        await outage(health, LASTING_S)
        await asyncio.sleep(SHORT_S)
    assert told == [LOST]
    await asyncio.sleep(LASTING_S)
    assert told == [LOST, WELL]


async def test_a_call_that_ends_tells_no_more_of_its_connection(health: VoiceHealth, told: list[str]) -> None:
    health.take(Disconnected("the voice server crashed"))
    health.take(Ended("It is over."))
    await asyncio.sleep(LASTING_S)
    assert (told, health.state) == ([], "ended")


async def test_deafness_is_told_when_only_people_can_help(health: VoiceHealth, told: list[str]) -> None:
    health.take(Deaf((1,), REJOIN))
    assert told == []
    for user_id in (1, 2):
        health.take(Deaf((user_id,), HOPELESS, hopeless=True))
    assert (told, health.state) == ([HOPELESS], HOPELESS)
    await outage(health, SHORT_S)
    assert health.state == HOPELESS, "a new connection alone mends nothing"
    health.take(Undeafened())
    assert (told, health.state) == ([HOPELESS, WELL], "connected")


# -- as a call tells it


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    async with running_scene(discord_emulator, gemini_emulator) as made:
        yield made


def posted(scene: Scene) -> list[str]:
    return [message.content for message in scene.world.messages(scene.world.text.id)]


async def test_an_outage_is_told_in_the_text_channel(scene: Scene) -> None:
    call = await scene.join()
    voice, mine = scene.there.voice, scene.world.bot.id
    voice.block_udp(mine, blocked=True)
    voice.close_socket(mine, 4006)
    await eventually(lambda: posted(scene) == [LOST])
    assert call.status().voice.startswith("reconnecting")
    voice.block_udp(mine, blocked=False)
    await eventually(lambda: posted(scene) == [LOST, WELL])
    assert call.status().voice == "connected"


async def test_deafness_is_told_in_the_text_channel_and_so_is_its_end(scene: Scene) -> None:
    call = await scene.join()
    call._voice_event(Deaf((1,), HOPELESS, hopeless=True))
    await eventually(lambda: posted(scene) == [HOPELESS])
    assert call.status().voice == HOPELESS
    call._voice_event(Undeafened())
    await eventually(lambda: posted(scene) == [HOPELESS, WELL])
    assert call.status().voice == "connected"


@pytest.mark.parametrize("mended", [True, False])
async def test_an_outage_of_one_that_was_of_no_use_ends_with_what_is_so(
    health: VoiceHealth, told: list[str], mended: bool
) -> None:
    health.take(Deaf((), HOPELESS, hopeless=True))
    await outage(health, LASTING_S)
    if mended:
        health.take(Undeafened())
    await asyncio.sleep(LASTING_S)
    assert told == [HOPELESS, LOST, WELL if mended else HOPELESS]
