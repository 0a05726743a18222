"""Messages of the end-to-end encryption that are stale, strange or come at a wrong time: the call goes on."""

import asyncio
from collections.abc import AsyncIterator

import davey
import pytest
from voice_call import Call, calling, eventually, tone

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.voice.mls import KeyPackage
from bot.emulators.discord.voice.wire import vec
from bot.emulators.person import Person
from bot.voice.events import Disconnected

COMMIT_OP = 28


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
    await person.join(call.channel().id)
    await call.join()
    await call.secured_with(person)


async def goes_on(call: Call, ann: Person) -> None:
    await call.secured_with(ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    assert call.of(Disconnected) == []


def proposal_to_add(call: Call, user_id: int) -> bytes:
    """Return op 27 with a proposal that is in order but for whom it adds; the server then forgets it."""
    room = call.emulator.voice.room(call.channel().id)
    assert room is not None
    package = davey.DaveSession(1, user_id, room.channel_id).get_serialized_key_package()
    signed = room.delivery.group.propose_add(user_id, KeyPackage.parse(package)).signed
    room.delivery.group.proposals.clear()
    return b"\x1b\x00" + vec(signed.message)


async def test_nobody_is_let_in_whom_the_gateway_did_not_announce(call: Call, ann: Person) -> None:
    await meet(call, ann)
    refused = call.voice.counters()["dave_messages_refused"]
    call.emulator.trace.clear()
    call.emulator.voice.inject(call.user_id, proposal_to_add(call, 901))
    await eventually(lambda: call.voice.counters()["dave_messages_refused"] > refused, "it is refused")
    assert call.told(COMMIT_OP) == []
    await goes_on(call, ann)


async def test_a_stale_proposal_changes_nothing(
    call: Call, ann: Person, discord_emulator: DiscordEmulator
) -> None:
    await meet(call, ann)
    stale = proposal_to_add(call, ann.user.id)
    ben = Person(discord_emulator, discord_emulator.world.add_user("ben"))
    await ben.join(call.channel().id)
    await ben.secured_with(ann.user.id, call.user_id)  # another epoch
    await asyncio.sleep(0.3)  # commits that came too late for it are on their way
    refused = call.voice.counters()["dave_messages_refused"]
    call.emulator.trace.clear()
    call.emulator.voice.inject(call.user_id, stale)
    await eventually(lambda: call.voice.counters()["dave_messages_refused"] > refused, "it is refused")
    assert call.told(COMMIT_OP) == []
    await goes_on(call, ann)
    await ben.leave()


async def test_another_external_sender_in_mid_call_changes_nothing(call: Call, ann: Person) -> None:
    await meet(call, ann)
    sent = [e for e in call.emulator.trace.of("voice.out") if e.fields["op"] == 25]
    call.emulator.voice.inject(call.user_id, b"\x19" + sent[-1].fields["data"])
    await asyncio.sleep(0.1)
    await goes_on(call, ann)
