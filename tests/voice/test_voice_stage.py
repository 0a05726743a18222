"""From a voice channel to a stage and back: there is no end-to-end encryption on a stage."""

from functools import partial

import pytest
from voice_call import Call, eventually, lost_and_back, tone
from voice_people import ann, call

from bot.emulators.person import Person
from bot.voice.events import Ended

__all__ = ["ann", "call"]


async def both_ways(call: Call, ann: Person, *, encrypted: bool) -> None:
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    before = len(call.voiced())
    packets = call.say(tone(0.3))
    await eventually(lambda: len(call.voiced()) == before + packets, "the answer arrived")
    assert all(entry.fields["encrypted"] is encrypted for entry in call.voiced()[before:])


@pytest.mark.parametrize("server_first", [False, True])
async def test_a_call_goes_to_a_stage_and_back(call: Call, ann: Person, server_first: bool) -> None:
    call.emulator.knobs.voice_server_first = server_first
    world = call.emulator.world
    voice_id, stage_id = call.channel().id, world.stage.id
    await ann.join(voice_id)
    await call.join()
    await call.secured_with(ann)
    for _ in range(2):
        await lost_and_back(call, partial(world.move, call.user_id, stage_id))
        await ann.join(stage_id)
        assert call.voice._connection.dave_protocol_version == 0
        await both_ways(call, ann, encrypted=False)
        await lost_and_back(call, partial(world.move, call.user_id, voice_id))
        await ann.join(voice_id)
        await call.secured_with(ann)
        await both_ways(call, ann, encrypted=True)
        session = call.voice._connection.dave_session
        assert session is not None
        assert session.channel_id == voice_id
    assert call.of(Ended) == []
    assert call.voice.participants == {ann.user.id}
