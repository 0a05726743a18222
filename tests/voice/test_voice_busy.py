"""A machine that is busy: what came to the bot's socket in time is heard, however late the bot gets to it."""

import asyncio
import threading
import time

import pytest
from voice_call import PATIENCE_S, Call, eventually, tone
from voice_people import ann, call

from bot.audio.ratepath import rate_path
from bot.emulators.discord.voice.rtp import RtpHeader
from bot.emulators.person import Person
from bot.voice.inbox import BATCH
from bot.voice.jitter import WAIT_S

__all__ = ["ann", "call"]

SAMPLES = 960  # at 48 kHz, in 20 ms
STALL_S = 0.5  # much more than the jitter buffer waits for anything
MANY = 400  # datagrams of speech: more than the kernel keeps unless it is asked to keep more


@pytest.fixture
def plain(call: Call) -> None:
    """Have calls without end-to-end encryption, so that the voice server itself can say something."""
    call.emulator.knobs.dave.max_version = 0


class Talk:
    """Speech in a person's name, as it comes from the voice server."""

    def __init__(self, call: Call, person: Person) -> None:
        self._call = call
        self._ssrc = call.emulator.voice.keys_of(person.user.id).ssrc
        self._packets = rate_path("native").encoder().feed(tone(3.0).tobytes())

    def send(self, *numbers: int) -> None:
        """Send these frames of it."""
        for number in numbers:
            header = RtpHeader(40_000 + number, 50_000 + SAMPLES * number, self._ssrc)
            self._call.emulator.voice.inject_media(self._call.user_id, header, self._packets[number])


@pytest.mark.usefixtures("plain")
async def test_what_was_overtaken_and_waits_to_be_delivered_is_not_given_up(call: Call, ann: Person) -> None:
    """The loop was blocked: by the time it looks, what it waited for is there, behind much else."""
    await meet_plain(call, ann)
    talk = Talk(call, ann)
    talk.send(0, 1, 2)
    await eventually(lambda: len(call.heard(ann.user.id)) == 3, "she is heard")
    talk.send(4)
    for _ in range(4 * BATCH):
        call.emulator.voice.inject_datagram(call.user_id, bytes(20))
    talk.send(3, 5)
    time.sleep(STALL_S)  # noqa: ASYNC251 - the fault
    await eventually(lambda: len(call.heard(ann.user.id)) == 6, "all of it is heard")
    counters = call.voice.counters()
    assert (counters["missing"], counters["late"], counters["concealed"]) == (0, 0, 0)


@pytest.mark.usefixtures("plain")
async def test_what_was_overtaken_and_waits_in_the_socket_is_not_given_up(call: Call, ann: Person) -> None:
    """The reader's thread did not get to run."""
    await meet_plain(call, ann)
    talk, go_on = Talk(call, ann), threading.Event()
    talk.send(0, 1, 2)
    await eventually(lambda: len(call.heard(ann.user.id)) == 3, "she is heard")
    reader = call.voice._connection._reader

    def stall(_data: bytes) -> None:
        if threading.current_thread() is reader:
            go_on.wait(PATIENCE_S)

    reader.register(stall)
    try:
        talk.send(4)
        await asyncio.sleep(WAIT_S / 4)
        talk.send(3, 5)
        await eventually(lambda: len(call.heard(ann.user.id)) == 6, "all of it is heard", within_s=STALL_S)
    finally:
        go_on.set()
        reader.unregister(stall)
    counters = call.voice.counters()
    assert (counters["missing"], counters["late"], counters["concealed"]) == (0, 0, 0)


@pytest.mark.usefixtures("plain")
async def test_seconds_of_speech_wait_in_the_socket_while_nothing_reads_it(call: Call, ann: Person) -> None:
    await meet_plain(call, ann)
    before = call.voice.counters()["datagrams"]
    reader = call.voice._connection._reader
    assert reader.socket_lock.acquire(timeout=5)  # as if the process did not get to run
    try:
        for _ in range(MANY):
            call.emulator.voice.inject_datagram(call.user_id, bytes(160))
        await asyncio.sleep(0)
    finally:
        reader.socket_lock.release()
    await eventually(lambda: call.voice.counters()["datagrams"] >= before + MANY, "all of it has come")
    assert call.voice.counters()["datagrams_forgotten"] == 0


async def meet_plain(call: Call, person: Person) -> None:
    """Have both join a call that is not encrypted end to end, and the bot know who she is."""
    await person.join(call.channel().id)
    await call.join()
    _, heard = await call.hears(person, tone(0.1))
    assert heard
    call.events.clear()
