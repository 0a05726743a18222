"""The main gateway's word on a call: where we are, and which voice server to use.

What is told may be anything; what is kept must be usable, and told as a whole or not at all.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any

import discord
from fuzz_engine import Broken
from fuzz_gateway import CHANNEL, VoiceMessages
from fuzz_inputs import encoded, warped

from bot.voice.connection import VoiceConnection

# What discord.py logs and survives when a handler of ours raises it: a message that is not as documented.
NOT_AS_DOCUMENTED = (ValueError, KeyError, TypeError, AttributeError)


class CallWord(VoiceMessages):
    """VOICE_STATE_UPDATE of ourselves and VOICE_SERVER_UPDATE, on a connection that is not made."""

    name = "main gateway"
    batch = 500

    def __init__(self, dice: Random) -> None:
        super().__init__(dice)
        self.token = "t"
        """Begins each token."""
        self._refused: Counter[str] = Counter()

    def run(self, count: int) -> None:
        """Tell so much."""
        self._runner.run(self._tell_all(count))

    async def _tell_all(self, count: int) -> None:
        connection = self.voice._connection
        for _ in range(count):
            if self.dice.random() < 0.5:
                data: Any = {
                    "guild_id": "1", "channel_id": self.dice.choice((str(CHANNEL), "7001", None)),
                    "user_id": "100", "session_id": f"{self.dice.randrange(99)}", "deaf": False,
                }  # fmt: skip
                told: Callable[[Any], Awaitable[None]] = connection.voice_state_update
            else:
                endpoint = self.dice.choice(("a.discord.media:443", "wss://b.discord.media", None, ""))
                data = {
                    "token": f"{self.token}{self.dice.randrange(99)}",
                    "guild_id": "1",
                    "endpoint": endpoint,
                }
                told = connection.voice_server_update
            if self.dice.random() < 0.6:
                data = warped(data, self.dice)
            self.last = encoded(data, self.dice)
            before = _kept(connection)
            try:
                await told(data)
            except NOT_AS_DOCUMENTED as error:
                self._refused[type(error).__name__] += 1
                if _kept(connection) != before:
                    raise Broken(
                        f"half of a message was kept: {before} became {_kept(connection)}"
                    ) from error
            _check(connection)

    def tally(self) -> Mapping[str, int]:
        """Return how many were refused, and why."""
        return self._refused


def _kept(connection: VoiceConnection) -> tuple[object, ...]:
    return (
        connection.removed, connection.granted, connection._placed, connection.session_id, connection.token,
        connection.endpoint, connection.server_id, connection.channel_id,
    )  # fmt: skip


def _check(connection: VoiceConnection) -> None:
    """Raise Broken where something is kept that can't be connected with."""
    for name in ("session_id", "token", "endpoint"):
        value = getattr(connection, name)
        if value is not None and not isinstance(value, str):
            raise Broken(f"the {name} is {value!r:.100}")
    if not 0 <= connection.channel_id < 1 << 64:
        raise Broken(f"the channel is {connection.channel_id:.3g}")
    if not isinstance(connection.voice_client.channel, discord.VoiceChannel):
        raise Broken("the channel is none")
