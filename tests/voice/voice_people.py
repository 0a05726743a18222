"""What most tests of a call begin with: the bot, Ann, and the two in a channel, who understand each other.

A test module imports the fixtures `call` and `ann` and names them in `__all__`.
"""

from collections.abc import AsyncIterator

import pytest
from voice_call import Call, calling, eventually, tone

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.person import Person


@pytest.fixture
async def call(discord_emulator: DiscordEmulator) -> AsyncIterator[Call]:
    async with calling(discord_emulator) as call:
        yield call


@pytest.fixture
async def ann(discord_emulator: DiscordEmulator) -> AsyncIterator[Person]:
    person = Person(discord_emulator, discord_emulator.world.add_user("ann"))
    yield person
    await person.leave()


async def meet(call: Call, person: Person) -> None:
    """Have both join, and wait until they can understand each other."""
    await person.join(call.channel().id)
    await call.join()
    await call.secured_with(person)


async def hears_all(call: Call, person: Person) -> None:
    """See that the bot hears all that the person says."""
    await call.secured_with(person)
    said, heard = await call.hears(person, tone(0.3))
    assert len(heard) == len(said.frames)


async def both_ways(call: Call, person: Person) -> None:
    """See that each hears the other."""
    await hears_all(call, person)
    before = len([frame for frame in person.heard(call.user_id) if not frame.silence])
    packets = call.say(tone(0.3))
    await eventually(
        lambda: len([f for f in person.heard(call.user_id) if not f.silence]) >= before + packets,
        "the person hears the bot",
    )
