"""A guild with the bot's calls in it, on loopback, without the rest of the bot."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import discord
import numpy as np
from google import genai
from loopback import eventually

from bot.audio.opus import OpusError
from bot.audio.pcm import FRAME_MS, LIVE_IN_HZ
from bot.audio.ratepath import RatePath, SpeechDecoder, SpeechEncoder, rate_path
from bot.conversation.call import Call
from bot.conversation.calls import Calls
from bot.conversation.options import CallOptions
from bot.conversation.toolbox import Tool
from bot.emulators.discord.model import EmulatedUser
from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.gemini.faults import Fault, Where
from bot.emulators.gemini.log import Turn
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.person import Person
from bot.live.client import make_client
from bot.live.setup import LiveSetup
from bot.voice.clock import SendClock
from bot.voice.events import Heard, Hushed

FRAME = LIVE_IN_HZ * FRAME_MS // 1000
NOISE = np.random.default_rng(1).integers(-8000, 8000, FRAME, np.int16)


class MutePath:
    """The native path, with an encoder that fails."""

    name = "mute"

    def decoder(self) -> SpeechDecoder:
        return rate_path("native").decoder()

    def encoder(self) -> SpeechEncoder:
        return MuteEncoder()


class MuteEncoder:
    def feed(self, pcm: bytes) -> list[bytes]:
        raise OpusError(-1)

    def flush(self) -> list[bytes]:
        return []

    def reset(self) -> None:
        pass


class Scene:
    """The calls of a bot that is logged in, and who consented."""

    def __init__(
        self, there: DiscordEmulator, gemini: GeminiEmulator, client: discord.Client, live: genai.Client
    ) -> None:
        self.there, self.gemini, self.client = there, gemini, client
        self.world = there.world
        self.deaf_to: set[int] = set()
        self.people: list[Person] = []
        """Who joined with clients of their own."""
        self.path: RatePath = rate_path("native")
        self.turns: Any = "marks"
        self.options = CallOptions()
        self.clock = SendClock()
        self.live = live
        self.calls = self.more_calls()

    def more_calls(self, tools_of: Callable[[Call], Sequence[Tool]] = lambda _call: ()) -> Calls:
        return Calls(
            live_client=self.live,
            setup_of=lambda _guild_id: self.setup(),
            clock=self.clock,
            path=self.path,
            consented=lambda _guild_id, user_id: user_id not in self.deaf_to,
            options_of=lambda _guild_id: self.options,
            tools_of=tools_of,
        )

    def setup(self) -> LiveSetup:
        """Return what the guild's calls are made with now."""
        return LiveSetup(
            model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.", turns=self.turns
        )

    @property
    def guild_id(self) -> int:
        return self.world.guild.id

    @property
    def lounge(self) -> discord.VoiceChannel:
        found = self.client.get_channel(self.world.voice_channels[0].id)
        assert isinstance(found, discord.VoiceChannel)
        return found

    @property
    def text(self) -> discord.TextChannel:
        found = self.client.get_channel(self.world.text.id)
        assert isinstance(found, discord.TextChannel)
        return found

    async def join(self) -> Call:
        return await self.calls.join(self.lounge, self.text)

    def joining(self) -> "asyncio.Task[Call]":
        return asyncio.create_task(self.join(), name="test-join")

    def opening(self) -> Call:
        """Return the call that is being opened."""
        opening = self.calls._seats[self.guild_id].opening
        assert opening is not None
        return opening.call

    def bot_is_in(self) -> bool:
        return self.world.bot.id in self.world.guild.voice_states

    def fault(self, where: Where, what: Any, times: int = 99) -> None:
        self.gemini.knobs.faults.append(Fault(where, what, times=times))

    async def told(self) -> str:
        """Wait for what is said in the text channel."""
        await eventually(lambda: bool(self.world.messages(self.world.text.id)))
        return self.world.messages(self.world.text.id)[-1].content

    def heard(self) -> bytes:
        return b"".join(session.log.pcm() for session in self.gemini.sessions)

    def model_turns(self) -> list[Turn]:
        return [turn for session in self.gemini.sessions for turn in session.log.turns]

    def notes(self) -> list[str]:
        """Return the texts that the model was given."""
        return [note.text for s in self.gemini.sessions for note in s.log.notes if note.kind == "text"]

    async def person(self, name: str) -> EmulatedUser:
        """Return somebody whom the bot knows by name, as it sees them in a voice channel."""
        user = self.world.add_user(name)
        self.world.join_voice(user.id, self.world.voice_channels[1].id)
        await eventually(lambda: self.lounge.guild.get_member(user.id) is not None)
        return user


@contextlib.asynccontextmanager
async def running_scene(there: DiscordEmulator, gemini: GeminiEmulator) -> AsyncIterator[Scene]:
    """Run a bot's calls between the two; nothing of them may be left behind."""
    live = make_client(gemini.api_key)
    intents = discord.Intents(guilds=True, voice_states=True)
    client = discord.Client(intents=intents, proxy=there.proxy_url, guild_ready_timeout=0.05)
    await client.login(there.token)
    running = asyncio.create_task(client.connect(), name="test-client")
    made = Scene(there, gemini, client, live)
    made.clock.start()
    try:
        await eventually(client.is_ready)
        yield made
        await made.calls.close()
        await eventually(lambda: not left_over())
    finally:
        await client.close()
        await asyncio.gather(running, return_exceptions=True)
        made.clock.close()
        await live.aio.aclose()


def left_over() -> set[str]:
    names = {task.get_name() for task in asyncio.all_tasks()}
    return {name for name in names if name.startswith(("call-", "live-", "voice-"))}


def speak(call: Call, user_id: int, frames: Sequence[bytes] | int, *, ago_s: float = 0.0) -> None:
    """Let the call hear somebody, as its voice client tells it."""
    pcm = [NOISE.tobytes()] * frames if isinstance(frames, int) else frames
    now = time.monotonic() - ago_s
    for index, frame in enumerate(pcm):
        call._voice_event(Heard(user_id, np.frombuffer(frame, np.int16), now + index * FRAME_MS / 1000))
    call._voice_event(Hushed(user_id, now + len(pcm) * FRAME_MS / 1000))


def marked(mark: int, frames: int) -> list[bytes]:
    """Frames that tell whose they are."""
    return [bytes([mark]) * 2 * FRAME] * frames
