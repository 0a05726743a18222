"""Gateway sessions without I/O: what each may be told, in which order, and what a RESUME replays."""

import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from bot.emulators.discord.events import Event, Intent
from bot.emulators.discord.message_payload import without_content
from bot.emulators.discord.model import EmulatedUser, Json
from bot.emulators.discord.payloads import own_user_payload
from bot.emulators.discord.world import World

DISPATCH = 0
REPLAYED = 5_000  # dispatches kept for a RESUME; one that asks for older ones is refused
RESUME_URL = "wss://gateway-loopback.discord.gg"
SHARD_SHIFT = 22


class Session:
    """What a bot that has identified is told; it outlives the connections that carry it."""

    def __init__(self, world: World, intents: int, shard: tuple[int, int]) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.shard = shard
        self.sequence = 0
        self.send: Callable[[Json], None] | None = None
        """Where dispatches go; None while no connection carries the session."""
        self._world = world
        self._sent: deque[Json] = deque(maxlen=REPLAYED)

    @property
    def bot(self) -> EmulatedUser:
        """Whose session it is."""
        return self._world.bot

    def ready(self, flags: int) -> None:
        """Dispatch READY, and each of the shard's guilds."""
        guilds = [
            guild
            for guild in self._world.places.guilds.values()
            if self._mine(guild.id) and self.bot.id in guild.members
        ]
        self.dispatch(
            "READY",
            {
                "v": 10,
                "user": own_user_payload(self.bot),
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": self.id,
                "session_type": "normal",
                "resume_gateway_url": RESUME_URL,
                "shard": list(self.shard),
                "application": {"id": str(self.bot.id), "flags": flags},
                "private_channels": [],
                "relationships": [],
                "_trace": [],
            },
        )
        if self.intents & Intent.GUILDS:
            for guild in guilds:
                self.dispatch("GUILD_CREATE", self._world.guild_create(guild, self.intents))

    def tell(self, event: Event) -> None:
        """Dispatch what happened, as far as the session is to know it."""
        if event.to_user not in (None, self.bot.id) or not self._mine(event.guild_id):
            return
        if event.to_user is None and not self._sees(event):
            return
        if event.needs and not self.intents & event.needs:
            return
        data = dict(event.data)
        if event.message is not None and not self.intents & Intent.MESSAGE_CONTENT:
            data = without_content(data, event.message, self.bot.id)
        self.dispatch(event.name, data)

    def _sees(self, event: Event) -> bool:
        """Return whether the bot is where it happened, and may read there, where it is about a message."""
        places = self._world.places
        if event.guild_id is not None and self.bot.id not in places.guilds[event.guild_id].members:
            return False
        if not event.name.startswith(("MESSAGE_", "TYPING_")):
            return True
        channel = places.channels.get(int(event.data["channel_id"]))
        return channel is None or places.can(self.bot.id, channel)

    def _mine(self, guild_id: int | None) -> bool:
        """Return whether the shard serves the guild; shard 0 serves what is in none."""
        shard_id, count = self.shard
        return ((guild_id or 0) >> SHARD_SHIFT) % count == shard_id

    def dispatch(self, name: str, data: Json) -> None:
        """Give a dispatch its number, keep it for a RESUME, and send it where a connection is there."""
        self.sequence += 1
        message: dict[str, Any] = {"op": DISPATCH, "s": self.sequence, "t": name, "d": data}
        self._sent.append(message)
        if self.send is not None:
            self.send(message)

    def missed_since(self, sequence: int) -> list[Json] | None:
        """Return the dispatches after `sequence`; None where they are no longer kept, or never were sent."""
        missed = [message for message in self._sent if message["s"] > sequence]
        if sequence > self.sequence or len(missed) != self.sequence - sequence:
            return None
        return missed
