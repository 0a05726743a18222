"""The bot's main gateway as one voice connection sees it: what it is asked, and whether it can be asked.

Its session puts us into the channel. With the session goes our place: Discord closes the voice connection
with 4014, as for a kick, and says no word to the next session. discord.py tells voice clients nothing of
that, and makes a new guild object for each session; so what is needed of either is looked up when it is.
"""

import asyncio
import logging

import discord

logger = logging.getLogger(__name__)

LOOK_S = 0.05  # between looks at a gateway that reconnects: it costs nothing, and people wait meanwhile
# A lost session is replaced within 5 to 10 s: discord.py waits 5 s before it identifies.
BACK_S = 60.0


class MainGateway:
    """The shard that serves the voice client's guild."""

    def __init__(self, voice_client: discord.VoiceClient) -> None:
        self._voice_client = voice_client
        self._client = voice_client.client
        self._guild_id = voice_client.guild.id

    @property
    def session(self) -> str | None:
        """The id of the session in use; None while there is none."""
        try:
            ws = self._client._get_websocket(self._guild_id)
        except KeyError:  # the shard is not there yet
            return None
        # discord.py's type denies that a client that was never connected has none.
        return ws.session_id if ws is not None and ws.open else None

    async def back(self) -> str:
        """Wait until there is a session and return its id; raise TimeoutError after a minute."""
        async with asyncio.timeout(BACK_S):
            while (session := self.session) is None:  # noqa: ASYNC110 - discord.py has no event for it
                await asyncio.sleep(LOOK_S)
        return session

    async def stays(self, session: str | None, seconds: float) -> bool:
        """Return whether the session is in use, without a break, for that long; wait for what is broken."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while loop.time() - since < seconds:
            current = self.session
            if current is None:
                current = await self.back()
                since = loop.time()
            if current != session:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def channel(self, channel_id: int) -> discord.VoiceChannel | discord.StageChannel | None:
        """Return a channel as the session of now knows it."""
        guild = self._client.get_guild(self._guild_id)
        channel = guild.get_channel(channel_id) if guild is not None else None
        return channel if isinstance(channel, (discord.VoiceChannel, discord.StageChannel)) else None

    def lost_sight_of(self, channel_id: int) -> bool:
        """Whether Discord says that the channel is gone, or that the bot is not in the server any more."""
        guild = self._client.get_guild(self._guild_id)
        if guild is None:
            return True
        # A guild that is unavailable, as all are at the begin of a session, has no channels yet.
        return not guild.unavailable and self.channel(channel_id) is None

    async def tell(self, channel: discord.abc.Snowflake | None, *, self_deaf: bool, self_mute: bool) -> None:
        """Ask to be in a channel, or in none; raise ConnectionError where nothing can be asked now."""
        if self.session is None:
            raise ConnectionError("the main gateway is not connected")
        try:
            await self._voice_client.guild.change_voice_state(
                channel=channel, self_deaf=self_deaf, self_mute=self_mute
            )
        except (discord.ConnectionClosed, RuntimeError) as error:
            raise ConnectionError("the main gateway is not connected") from error
