"""What a call held is let go of when it ends, not when Python's garbage collector comes by."""

import gc
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest
from call_scene import Scene, running_scene
from loopback import eventually

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.client import LiveSocket
from bot.voice.gateway import VoiceGateway


@pytest.fixture
async def scene(
    discord_emulator: DiscordEmulator, gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    async with running_scene(discord_emulator, gemini_emulator) as made:
        yield made


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Python's garbage collector does not run."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def sockets() -> list[weakref.ref[object]]:
    """Return the bot's own websockets of calls that there are, used or not."""
    # By type: a weak proxy of one says that it is one.
    return [weakref.ref(each) for each in gc.get_objects() if type(each) in (LiveSocket, VoiceGateway)]


@pytest.mark.usefixtures("no_collector")
async def test_a_call_that_ended_keeps_no_socket(scene: Scene) -> None:
    await scene.join()
    held = sockets()
    assert len(held) == 2
    await scene.calls.leave(scene.guild_id)
    await eventually(lambda: not any(each() for each in held))
