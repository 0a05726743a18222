"""The voice gateway's messages, JSON and DAVE's binary ones, through our websocket's own handling.

Each episode is a connection: what a real server would say to a bot that joins an encrypted call, with
messages left out, sent twice, changed, and put in between. Then the server says everything properly, and
whatever came before, the bot must end up in the group and hear Ann.
"""

import asyncio
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, cast

import aiohttp
import davey
import discord
from fuzz_datagrams import GUEST, SSRCS
from fuzz_engine import Broken, Target
from fuzz_inputs import encoded, mangled, odd, rubbish, warped
from voice_room import ANN, BEN, BOT, Line, LiveKeys, Room, Talker, _Client, tone

from bot.audio.ratepath import rate_path
from bot.emulators.discord.voice.errors import RefusedError
from bot.emulators.discord.voice.messages import Op, Outgoing
from bot.voice import gateway
from bot.voice.client import EarshotVoiceClient
from bot.voice.clock import SendClock
from bot.voice.commits import REMEMBERED
from bot.voice.events import Heard, VoiceEvent
from bot.voice.gateway import NoCommonModeError, VoiceGateway
from bot.voice.transport import MODES

CHANNEL = 7_000
MOST_THREADS = 3  # that one connection may have: the reader's, the heartbeat's, and one that is ending
CHANGES = 0.03  # of the members, where nothing else is to be told: one costs as much as 50 messages
PEOPLE = (ANN, BEN, GUEST)
# What ends a connection without anything being wrong with the program; the supervisor makes a new one.
ENDS = (discord.ConnectionClosed, NoCommonModeError, OSError, aiohttp.ClientError)


def message(op: int, data: Any) -> dict[str, Any]:
    """Return a JSON message of the gateway."""
    return {"op": op, "d": data, "seq": 7}


class Wire:
    """The other end of the websocket."""

    def __init__(self) -> None:
        self.coming: deque[aiohttp.WSMessage] = deque()
        self.said: list[dict[str, Any] | bytes] = []

    async def receive(self) -> aiohttp.WSMessage:
        """Give the next message."""
        return self.coming.popleft()

    async def send_str(self, text: str) -> None:
        """Take JSON."""
        self.said.append(json.loads(text))

    async def send_bytes(self, data: bytes) -> None:
        """Take a DAVE message."""
        self.said.append(data)

    async def close(self, *, code: int) -> None:
        """Be closed."""


class VoiceMessages(Target):
    """A connection of the bot, and the server's side of the call."""

    name = "voice gateway"
    batch = 60

    def __init__(self, dice: Random, *, key: bytes | None = None) -> None:
        super().__init__(dice)
        gateway.DISCOVERY_WAIT_S = 0.001  # nobody answers here
        self.key = key or dice.randbytes(32)
        self.events: list[VoiceEvent] = []
        self._counts: Counter[str] = Counter()
        self._runner = asyncio.Runner()
        self._threads = threading.active_count()
        self._clock = SendClock()
        self._client, self.voice = self._runner.run(self._made())
        self.room = Room()
        self._episodes = 0

    async def _made(self) -> tuple[discord.Client, EarshotVoiceClient]:
        client = discord.Client(intents=discord.Intents(guilds=True, voice_states=True))
        await client._async_setup_hook()
        state = client._connection
        user: Any = {"id": str(BOT), "username": "earshot", "discriminator": "0", "avatar": None}
        state.user = discord.ClientUser(state=state, data=user)
        channel = {
            "id": str(CHANNEL), "type": 2, "name": "voice", "position": 0, "permission_overwrites": [],
            "bitrate": 64_000, "user_limit": 0,
        }  # fmt: skip
        guild: Any = {"id": "1", "name": "guild", "channels": [channel], "members": [], "roles": []}
        state._add_guild(discord.Guild(data=guild, state=state))
        found = cast(discord.VoiceChannel, client.get_channel(CHANNEL))
        voice = EarshotVoiceClient(
            client,
            found,
            clock=self._clock,
            path=rate_path("native"),
            consented=lambda _: True,
            on_event=self.events.append,
        )
        return client, voice

    def run(self, count: int) -> None:
        """Play an episode with so many messages, and a proper one after it."""
        self._runner.run(self._episode(count))

    # -- an episode

    async def _episode(self, count: int) -> None:
        self._episodes += 1
        await self._connect()
        given = 0
        try:
            while given < count:
                given += 1
                await self._give(self._next())
                self._answer()
        except ENDS as error:
            self._counts[f"ended by {type(error).__name__}"] += 1
        self._check_bounds()
        await self._recover()

    async def _connect(self) -> None:
        connection = self.voice._connection
        await connection.stop_recovering()
        if connection.ws is not discord.utils.MISSING:
            await cast(VoiceGateway, connection.ws).shut()
        self.wire = Wire()
        self.ws = VoiceGateway(cast(Any, self.wire), asyncio.get_running_loop())
        self.ws._connection = connection
        self.ws._max_heartbeat_timeout = 60.0
        self.ws.thread_id = threading.get_ident()
        connection.ws = self.ws
        self.room = Room()
        for user_id in (ANN, BEN):
            self.room.join(user_id)
        self._line: deque[Any] = deque(self._greeting())
        self._newcomer = False
        self._told: list[Any] = [message(6, {"t": 1})]

    def _greeting(self) -> list[Any]:
        """Return what the server says before anything of the group."""
        description = {
            "mode": self.dice.choice(MODES), "secret_key": list(self.key), "dave_protocol_version": 1,
            "audio_codec": "opus", "media_session_id": "f00d",
        }  # fmt: skip
        return [
            message(8, {"v": 8, "heartbeat_interval": 41_250.0}),
            message(2, {"ssrc": 77, "ip": "127.0.0.1", "port": 9, "modes": list(MODES), "experiments": []}),
            message(4, description),
            message(11, {"user_ids": [str(user) for user in (ANN, BEN)]}),
            *(message(5, {"user_id": str(user), "ssrc": SSRCS[user], "speaking": 1}) for user in (ANN, BEN)),
        ]

    def _next(self) -> Any:
        """Return the next message: a dict, or bytes of a binary one."""
        if not self._line and (not self._newcomer or self.dice.random() < CHANGES):
            self._happen()
        if self._line:
            proper = self._line.popleft()
            self._told.append(proper)
        else:
            proper = self.dice.choice(self._told)
        match self.dice.randrange(10):
            case 0:
                return self._inserted()
            case 1:
                self._line.appendleft(proper)
                return self._changed(proper)
            case 2 | 3:
                return self._changed(proper)
            case 4 if self._line:
                self._line.appendleft(proper)
                return self._line[self.dice.randrange(len(self._line))]
        return proper

    def _changed(self, proper: Any) -> Any:
        if isinstance(proper, bytes):
            return proper[:3] + mangled(proper[3:], self.dice)
        return warped(proper, self.dice)

    def _inserted(self) -> Any:
        """Return what no server would say now."""
        transition = {"transition_id": self.dice.choice((0, 1, 2, 65_535)), "protocol_version": 1}
        choices: list[Any] = [
            b"\0\1" + bytes([self.dice.randrange(20, 40)]) + rubbish(self.dice, 400),
            rubbish(self.dice, 8),
            message(5, {"user_id": str(odd(self.dice)), "ssrc": odd(self.dice), "speaking": 1}),
            message(11, {"user_ids": [odd(self.dice), str(ANN)]}),
            message(13, {"user_id": str(self.dice.choice(PEOPLE))}),
            message(8, {"heartbeat_interval": odd(self.dice)}),
            message(21, {**transition, "protocol_version": self.dice.choice((0, 1, 2))}),
            message(22, transition),
            message(24, {"epoch": self.dice.choice((1, 2, 0)), "protocol_version": self.dice.choice((0, 1))}),
            message(self.dice.randrange(40), odd(self.dice)),
            odd(self.dice),
        ]
        return warped(made, self.dice) if isinstance(made := self.dice.choice(choices), dict) else made

    def _happen(self) -> None:
        """Let something happen in the call that the server tells of."""
        if not self._newcomer:
            self._newcomer = True
            self._join_bot()
        elif GUEST in self.room.clients:
            self._line.append(message(13, {"user_id": str(GUEST)}))
            self._change(self.room.leave, GUEST)
        else:
            self._line.append(message(11, {"user_ids": [str(GUEST)]}))
            self._change(self.room.join, GUEST)
        self._collect()

    def _change(self, what: Callable[[int], object], user_id: int) -> None:
        try:
            what(user_id)
        except RefusedError:
            self._deliver([])

    def _join_bot(self) -> None:
        # In the room stands a client of ours that only keeps the mail: the real one is behind the wire.
        self.room.clients[BOT] = _Client(davey.DaveSession(1, BOT, CHANNEL), 1, paused=True)
        self._deliver(self.room.service.joined(BOT, 1, 0.0))
        said_before, self.wire.said = self.wire.said, []
        for said in said_before:  # the key package came with op 4, before the service knew us
            if isinstance(said, bytes) and said[0] == Op.KEY_PACKAGE:
                self._serve(said)
        self._collect()

    def _answer(self) -> None:
        """Give the server what the bot said."""
        if not self._newcomer:
            return
        said, self.wire.said = self.wire.said, []
        for each in said:
            self._serve(each)
        self._collect()

    def _serve(self, said: dict[str, Any] | bytes) -> None:
        service, out = self.room.service, list[Outgoing]()
        try:
            if isinstance(said, bytes):
                if said[0] == Op.KEY_PACKAGE:
                    out = service.key_package(BOT, said[1:])
                else:
                    out = service.commit_welcome(BOT, said[1:], 0.0)
            elif said["op"] == Op.TRANSITION_READY:
                out = service.transition_ready(BOT, said["d"]["transition_id"])
            elif said["op"] == Op.INVALID_COMMIT_WELCOME:
                out = service.invalid(BOT)
        except RefusedError:
            self._counts["refused by the server"] += 1
        self._deliver(out)

    def _deliver(self, out: list[Outgoing]) -> None:
        """Let the others handle their messages; a commit of theirs may be too late."""
        while True:
            try:
                self.room._deliver(out)
            except RefusedError:
                out = []
            else:
                return

    def _collect(self) -> None:
        """Take what the service has for the bot into the line."""
        inbox = self.room.clients[BOT].inbox if BOT in self.room.clients else deque[Outgoing]()
        while inbox:
            each = inbox.popleft()
            if isinstance(each.data, bytes):
                self._line.append(b"\0\x07" + bytes([each.op]) + each.data)
            else:
                self._line.append(message(each.op, each.data))

    async def _give(self, said: Any) -> None:
        if isinstance(said, bytes):
            self.last, kind = said, aiohttp.WSMsgType.BINARY
            self.wire.coming.append(aiohttp.WSMessage(kind, said, None))
        else:
            self.last = encoded(said, self.dice)
            text = self.last.decode("utf-8", "replace")
            self.wire.coming.append(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))
        self._counts["binary" if isinstance(said, bytes) else "JSON"] += 1
        await self.ws.poll_event()

    # -- what must hold

    async def _recover(self) -> None:
        """Say everything properly on a new connection; raise Broken unless Ann is heard after it."""
        await self._connect()
        self._line.clear()
        self.voice._connection.ssrc = 77  # as READY would say
        self.voice._pipeline.reset()
        for said in self._greeting():
            if said["op"] != 2:  # its discovery takes its time, and needs a server
                await self._proper(said)
        self._join_bot()
        for _ in range(40):
            while self._line:
                await self._proper(self._line.popleft())
            self._answer()
            if not self._line:
                break
        session = self.voice._connection.dave_session
        if session is None or not session.ready:
            raise Broken("not in the group after a proper handshake")
        keys = LiveKeys(mode=self.voice._connection.mode, secret_key=self.key)
        ann = Talker(Line(keys), SSRCS[ANN], self.room.session(ANN))
        self.events.clear()
        for packet in tone(440, 3):
            self.voice._heard(ann.say(packet), asyncio.get_running_loop().time())
        if sum(isinstance(event, Heard) and event.user_id == ANN for event in self.events) != 3:
            raise Broken("Ann is not heard after a proper handshake")
        self._counts["recovered"] += 1

    async def _proper(self, said: Any) -> None:
        if isinstance(said, bytes):
            self.wire.coming.append(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, said, None))
        else:
            self.wire.coming.append(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, json.dumps(said), None))
        await self.ws.poll_event()

    def _check_bounds(self) -> None:
        for name, size in self.sizes().items():
            bound = {"threads": MOST_THREADS, "commits": REMEMBERED, "transitions": 1_000}.get(name, 10_000)
            if size > bound:
                raise Broken(f"{size} {name}")

    def sizes(self) -> Mapping[str, int]:
        """Return what a hostile server could make grow."""
        connection, pipeline = self.voice._connection, self.voice._pipeline
        return {
            "threads": threading.active_count() - self._threads,
            "people": len(pipeline._present),
            "announced": len(self.voice._announced),
            "SSRCs": len(pipeline._users),
            "commits": len(connection.own_commits._made),
            "transitions": len(connection.dave_pending_transitions),
        }

    def tally(self) -> Mapping[str, int]:
        """Return what became of the messages."""
        return self._counts | {"refused by davey": self.voice._connection.refused_messages}

    def close(self) -> None:
        """Leave the call."""

        async def leave() -> None:
            await self.voice.disconnect(force=True)
            await self._client.close()

        self._runner.run(leave())
        self._runner.close()
        gateway.DISCOVERY_WAIT_S = 0.5
