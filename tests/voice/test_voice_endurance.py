"""Many times over: joins and leaves that leave nothing behind, and reconnects with their figures.

EARSHOT_LONG_TESTS=1 does all of it; without, what fits into a minute.
"""

import asyncio
import gc
import os
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from voice_call import Call, eventually, lost_and_back, tone
from voice_people import ann, call
from voice_room import ANN, BOT, CAT, Ear, Line, LiveKeys, Room, Talker
from voice_room import tone as packets_of_a_tone

from bot.emulators.person import Person
from bot.voice.dave import nonce_of
from bot.voice.events import Connected, Ended
from bot.voice.receive import MAX_FAILURES

__all__ = ["ann", "call"]

LONG = bool(os.environ.get("EARSHOT_LONG_TESTS"))
JOINS = 100 if LONG else 30
# Two messages each to the main gateway, which takes 120 a minute, and discord.py sends 110.
JOIN_EVERY_S = 1.2 if LONG else 0.0
ROUNDS = 12 if LONG else 4
NOTICED_S = 2.0  # of silence: the figure for 95 of 100 reconnects


def in_use() -> Counter[str]:
    """What this process holds, the emulated Discord's part included; not asyncio's own pool of threads."""
    gc.collect()
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
    return Counter(
        threads=len(threads),
        tasks=len(asyncio.all_tasks()),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
    )


async def test_joins_and_leaves_leave_no_thread_task_or_descriptor(call: Call, ann: Person) -> None:
    await ann.join(call.channel().id)
    await call.join()
    await call.voice.disconnect(force=True)
    await asyncio.sleep(1.0)  # what the first one of all makes and keeps
    before = in_use()
    for number in range(JOINS):
        await call.join()
        if number % 10 == 0:
            await call.secured_with(ann)
            said, heard = await call.hears(ann, tone(0.1))
            assert len(heard) == len(said.frames)
        await call.voice.disconnect(force=True)
        await asyncio.sleep(JOIN_EVERY_S)
    await eventually(lambda: in_use() <= before, f"no more is held than before: {before}")
    assert len(call.of(Connected)) == JOINS + 1
    assert call.of(Ended) == []


async def test_reconnects_are_noticed_for_a_moment_only_in_a_silent_room_too(
    call: Call, ann: Person, record_property: Callable[[str, object], None]
) -> None:
    await ann.join(call.channel().id)
    await call.join()
    await call.secured_with(ann)
    voice, took = call.emulator.voice, list[tuple[float, int]]()
    for _ in range(ROUNDS):
        for code in (1006, 4006, 4009, 4015, 1000):
            call.voice._connection._supervisor._retries.connected(float("-inf"))  # as if it had held for long
            break_it = partial(voice.close_socket, call.user_id, code)
            took.append((await lost_and_back(call, break_it), code))
    await call.secured_with(ann)
    said, heard = await call.hears(ann, tone(0.3))
    assert len(heard) == len(said.frames)
    took.sort()
    p50, p95 = took[len(took) // 2], took[-(-len(took) * 95 // 100) - 1]
    text = f"{len(took)} reconnects: p50 {p50[0]:.2f} s, p95 {p95[0]:.2f} s, worst {took[-1]}"
    record_property("reconnects", text)
    print(text)
    assert p95[0] <= NOTICED_S


@pytest.mark.skipif(not LONG, reason="a minute of nothing but encryption")
def test_a_nonce_beyond_24_bits_costs_new_keys_at_most() -> None:
    """The nonce's upper byte counts the sender's keys.

    davey lets nobody have more of them than 170 frames a second can use up, so the second one comes after 27
    hours of one epoch at the earliest. Whoever is faster is not understood until new keys are asked for.
    """
    room, ear = Room(), Ear(LiveKeys())
    for user_id in (ANN, BOT):
        room.join(user_id)
    room.show(BOT, ear.keys)
    ear.maps(ANN, 11)
    session = room.session(ANN)
    talker = Talker(Line(ear.keys), 11, session)
    for _ in range(2**24 - 10):
        session.encrypt_opus(b"any")
    ear.hear(talker.speak(packets_of_a_tone(440, MAX_FAILURES + 15)))
    assert (nonce_of(session.encrypt_opus(b"any")) or 0) > 2**24
    assert len(ear.heard(ANN)) == 9  # up to 2**24 - 1
    assert ear.pipeline.wants_recovery
    ear.pipeline.recovery_taken()
    room.join(CAT)  # any change of the group brings new keys
    ear.events += ear.pipeline.epoch_changed(ear.now)
    ear.wait(2.0)
    ear.hear(talker.speak(packets_of_a_tone(440, 20)))
    assert len([event for event in ear.heard(ANN) if not event.concealed]) == 29
    assert not ear.pipeline.wants_recovery
