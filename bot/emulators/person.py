"""A person on the loopback Discord: joins voice, speaks, listens, posts, and uses the bot's commands.

In voice it is a client of its own (bot/emulators/client), with its own encryption, codec and RTP, that shares
nothing with the bot; so what both agree on is the protocol. In text it acts through the emulated Discord.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.audio.pcm import Pcm16
from bot.emulators.client.connection import Ticket, VoiceConnection, VoiceError
from bot.emulators.client.gate import read_wav, script
from bot.emulators.client.hearing import HeardFrame, Hearing
from bot.emulators.client.speech import Utterance, Voice
from bot.emulators.discord.events import Event
from bot.emulators.discord.handles import Interaction
from bot.emulators.discord.model import EmulatedUser, Json, Message, Upload
from bot.emulators.discord.server import DiscordEmulator

log = logging.getLogger(__name__)


class Person:
    """Someone with a client; use it on the emulator's event loop, and let it leave at the end."""

    def __init__(self, emulator: DiscordEmulator, user: EmulatedUser, *, mode: str | None = None) -> None:
        """Make a person of an account; `mode` is the transport mode to ask for, else the best offered."""
        self.user = user
        self.hearing = Hearing()
        """All that was heard, in every call."""
        self.connection: VoiceConnection | None = None
        self._emulator, self._mode = emulator, mode
        self._voice = Voice(user.id, self._send_audio)
        self._mouth = asyncio.Lock()  # a second utterance waits for the first
        self._state: Json = {}
        self._server: Json = {}
        self._unwatch: Callable[[], None] | None = None
        self._following: asyncio.Task[None] | None = None

    # --- voice ---

    async def join(self, channel_id: int, *, wait_s: float = 10.0) -> None:
        """Join a voice channel, leaving any other; raise VoiceError if the voice server lets nobody in.

        Where this person may not join (permissions, a full channel), the world's ActError says so.
        """
        await self._hang_up()
        world = self._emulator.world
        told = world.join_voice(self.user.id, channel_id)
        self._state, self._server = told.voice_state_update, told.voice_server_update
        self._unwatch = world.watch(self.user.id, self._told)
        await self._connect(wait_s)

    async def leave(self) -> None:
        """Leave voice; harmless where this person is in none."""
        await self._hang_up()
        self._emulator.world.leave_voice(self.user.id)

    async def _connect(self, wait_s: float = 10.0) -> None:
        ticket = Ticket(
            guild_id=int(self._server["guild_id"]),
            channel_id=int(self._state["channel_id"]),
            user_id=self.user.id,
            session_id=self._state["session_id"],
            token=self._server["token"],
            endpoint=self._server["endpoint"],
        )
        tls = self._emulator.ca.client_context()
        connection = VoiceConnection(ticket, self.hearing, port=self._emulator.port, tls=tls, mode=self._mode)
        await connection.connect(wait_s)
        self.connection = connection

    async def _hang_up(self) -> None:
        if self._unwatch:
            self._unwatch()
            self._unwatch = None
        if self._following:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None
        await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self.connection = self.connection, None
        if connection:
            await connection.close()

    def _told(self, event: Event) -> None:
        """Hear of a move or a change of region, as a client does from the main gateway."""
        if event.name == "VOICE_SERVER_UPDATE":
            self._server = event.data
            if self._following:
                self._following.cancel()
            self._following = asyncio.create_task(self._follow(), name=f"person-{self.user.id}-follow")
        elif int(event.data["user_id"]) == self.user.id:
            self._state = event.data

    async def _follow(self) -> None:
        try:
            await self._disconnect()
            await self._connect()
        except VoiceError as error:
            log.warning("Person %s could not follow to another voice server: %s", self.user.id, error)

    async def _connected(self) -> VoiceConnection:
        if self._following:
            await asyncio.wait({self._following})
        if self.connection is None:
            raise VoiceError(f"{self.user.name} is in no voice channel")
        return self.connection

    async def secured_with(self, *user_ids: int, wait_s: float = 5.0) -> None:
        """Return once all these are in one end-to-end encrypted group with this person; else TimeoutError."""
        needed = {self.user.id, *user_ids}
        async with asyncio.timeout(wait_s):
            connection = await self._connected()
            await connection.until(lambda: needed <= connection.dave.secured_with)

    # --- speaking and hearing ---

    async def speak(
        self, source: Path | Pcm16, *, rate_hz: int | None = None, gate: bool = True
    ) -> Utterance:
        """Say a 16-bit WAV, or mono samples at `rate_hz`, in real time; return what went out and when.

        With the gate, pauses of more than 200 ms are not sent. Five silence frames end each stretch.
        """
        if isinstance(source, Path):
            pcm, rate_hz = await asyncio.to_thread(read_wav, source)
        else:
            pcm = source
        if rate_hz is None:
            raise ValueError("samples need their rate_hz")
        plan = await asyncio.to_thread(script, pcm, rate_hz, gated=gate)
        async with self._mouth:
            await (await self._connected()).announce()
            return await self._voice.say(plan)

    def _send_audio(self, opus: bytes, sequence: int, timestamp: int) -> bool:
        return self.connection is not None and self.connection.media.send(opus, sequence, timestamp)

    def heard(self, user_id: int) -> list[HeardFrame]:
        """Return what was heard of someone, in the order in which it was said."""
        return self.hearing.frames(user_id)

    def recording(self, start: float, end: float, user_id: int | None = None) -> Pcm16:
        """Return what was heard between two times of `time.monotonic()`, 48 kHz mono, of everyone or one."""
        return self.hearing.recording(start, end, user_id)

    @property
    def undecryptable(self) -> int:
        """How many frames could not be opened, those included that still wait for a key."""
        failed = sum(count for what, count in self.hearing.counts.items() if what.startswith("undecryptable"))
        return failed + (self.connection.media.waiting if self.connection else 0)

    # --- text: what comes back from the bot is awaited, as `message = await person.run_command(...)` ---

    def run_command(self, channel_id: int, name: str, /, **options: Any) -> Interaction:
        """Run a slash command ("group sub" for a subcommand); await the result for the bot's message."""
        return self._emulator.world.run_command(self.user.id, channel_id, name, options)

    def run_on_message(self, message: Message, name: str) -> Interaction:
        """Use a right-click app on a message; await the result for the bot's message."""
        return self._emulator.world.run_on_message(self.user.id, message.id, name)

    def click(self, message: Message, custom_id: str) -> Interaction:
        """Press a button of a message; await the result for the bot's message."""
        return self._emulator.world.click(self.user.id, message.id, custom_id)

    def post(
        self,
        channel_id: int,
        content: str = "",
        files: Sequence[Path | Upload] = (),
        *,
        reply_to: Message | None = None,
        ping: bool = True,
    ) -> Message:
        """Write a message with files, and return it as everyone sees it."""
        uploads = [Upload(file.name, file.read_bytes()) if isinstance(file, Path) else file for file in files]
        target = None if reply_to is None else reply_to.id
        return self._emulator.world.post(
            self.user.id, channel_id, content, uploads, reply_to=target, ping=ping
        )
