"""A bot in a voice channel of the loopback Discord, for the tests of the voice client: nothing is fake."""

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import discord
import numpy as np

from bot.audio.pcm import LIVE_OUT_HZ, Pcm16
from bot.audio.ratepath import rate_path
from bot.emulators.client.speech import Utterance
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.person import Person
from bot.voice.client import EarshotVoiceClient
from bot.voice.clock import SendClock
from bot.voice.events import Connected, Disconnected, Ended, Heard, VoiceEvent

PATIENCE_S = 10.0  # generous: the machine is shared, and only a hang should fail

Event = TypeVar("Event")


def tone(seconds: float, hz: float = 440.0, rate_hz: int = LIVE_OUT_HZ) -> Pcm16:
    at = np.arange(int(rate_hz * seconds)) / rate_hz
    return (8000 * np.sin(2 * np.pi * hz * at)).astype(np.int16)


async def eventually(condition: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
    """Wait until the condition holds; fail, saying what did not come true, if it doesn't in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.005)


class Call:
    """The bot's side of a call, with all that it was told."""

    def __init__(self, emulator: DiscordEmulator, client: discord.Client, clock: SendClock) -> None:
        self.emulator = emulator
        self.client = client
        self.clock = clock
        self.events: list[VoiceEvent] = []
        self.deaf_to: set[int] = set()
        self.failing = False
        self.consent_broken = False
        self._voice: EarshotVoiceClient | None = None

    @property
    def voice(self) -> EarshotVoiceClient:
        assert self._voice is not None, "join first"
        return self._voice

    @property
    def user_id(self) -> int:
        return self.emulator.world.bot.id

    def channel(self, index: int = 0) -> discord.VoiceChannel:
        found = self.client.get_channel(self.emulator.world.voice_channels[index].id)
        assert isinstance(found, discord.VoiceChannel)
        return found

    async def join(
        self, channel: discord.VoiceChannel | discord.StageChannel | None = None, *, timeout_s: float = 8.0
    ) -> None:
        factory = functools.partial(
            EarshotVoiceClient,
            clock=self.clock,
            path=rate_path("native"),
            consented=self.consented,
            on_event=self.note,
        )
        self._voice = await (channel or self.channel()).connect(cls=factory, timeout=timeout_s)

    def consented(self, user_id: int) -> bool:
        if self.consent_broken:
            raise ValueError("a bug where consents are kept")
        return user_id not in self.deaf_to

    def note(self, event: VoiceEvent) -> None:
        self.events.append(event)
        if self.failing:
            raise ValueError("a bug in the conversation")

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def heard(self, user_id: int) -> list[Heard]:
        return [event for event in self.of(Heard) if event.user_id == user_id]

    async def secured_with(self, person: Person) -> None:
        """Wait until the two can understand each other."""
        await person.secured_with(self.user_id)
        session = self.voice._connection.dave_session
        await eventually(lambda: session is not None and session.ready, "the bot is in the group")

    async def reconnected(self, times: int = 1) -> None:
        await eventually(lambda: len(self.of(Connected)) > times, f"{times} reconnects")

    async def ended(self) -> str:
        await eventually(lambda: bool(self.of(Ended)), "the call ended")
        return self.of(Ended)[0].reason

    def say(self, pcm: Pcm16) -> int:
        """Give an answer to the playout, all at once, as a fast model does; return its packets."""
        encoder = rate_path("native").encoder()
        packets = encoder.feed(pcm.tobytes()) + encoder.flush()
        self.voice.playout.push(packets, time.monotonic())
        self.voice.playout.finish()
        return len(packets)

    def sent(self) -> list[TraceEntry]:
        """The bot's media datagrams, as they reached the voice server."""
        entries = self.emulator.trace.of("udp.in")
        return [e for e in entries if e.fields.get("user_id") == self.user_id and "payload" in e.fields]

    def voiced(self) -> list[TraceEntry]:
        return [entry for entry in self.sent() if not entry.fields["silence"]]

    def told(self, op: int) -> list[TraceEntry]:
        """What the bot said to the voice gateway under an opcode; of a RESUME the trace knows no user."""
        entries = self.emulator.trace.of("voice.in")
        return [e for e in entries if e.fields["user_id"] in (self.user_id, None) and e.fields["op"] == op]

    async def hears(self, person: Person, pcm: Pcm16 | Path) -> tuple[Utterance, list[Heard]]:
        """Let the person speak, and return what was said and what was heard of it."""
        before = len(self.heard(person.user.id))
        rate_hz = None if isinstance(pcm, Path) else LIVE_OUT_HZ
        said = await person.speak(pcm, rate_hz=rate_hz)
        await asyncio.sleep(0.1)
        return said, self.heard(person.user.id)[before:]


@asynccontextmanager
async def calling(
    emulator: DiscordEmulator, client_type: type[discord.Client] = discord.Client
) -> AsyncIterator[Call]:
    """Log the bot in; at the end let it leave, and see that it left nothing behind."""
    client = client_type(
        intents=discord.Intents.default(), proxy=emulator.proxy_url, guild_ready_timeout=0.05
    )
    clock = SendClock()
    clock.start()
    await client.login(emulator.token)
    running = asyncio.create_task(client.connect(), name="test-client")
    try:
        await asyncio.wait_for(client.wait_until_ready(), PATIENCE_S)
        before = Resources()
        call = Call(emulator, client, clock)
        yield call
        for voice in list(client.voice_clients):
            await voice.disconnect(force=True)
        await before.check()
    finally:
        await client.close()
        await asyncio.gather(running, return_exceptions=True)
        clock.close()


class Resources:
    """What a call may use while it lasts: the voice threads and tasks, and the process's UDP sockets."""

    def __init__(self) -> None:
        self.before = self._now()

    def _now(self) -> tuple[set[str], set[str], int]:
        threads = {thread.name for thread in threading.enumerate() if "voice" in thread.name}
        tasks = {task.get_name() for task in asyncio.all_tasks() if "voice-" in task.get_name().lower()}
        return threads, tasks, len(udp_sockets())

    async def check(self) -> None:
        await eventually(lambda: self._now() == self.before, f"nothing left over: {self.before}")


def udp_sockets() -> set[str]:
    """The inodes of this process's UDP sockets."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    all_udp = {row.split()[9] for row in rows}
    inodes = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = str(fd.readlink())
        except OSError:  # it was closed since
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    return inodes & all_udp


async def lost_and_back(call: Call, break_it: Callable[[], object]) -> float:
    """Break the connection; return how many seconds it took until media could flow again."""
    downs, ups = len(call.of(Disconnected)), len(call.of(Connected))
    began = time.monotonic()
    break_it()
    await eventually(lambda: len(call.of(Disconnected)) > downs, "the loss is noticed")
    await eventually(lambda: len(call.of(Connected)) > ups, "the connection is back")
    return time.monotonic() - began
