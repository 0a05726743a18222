"""The bot's main gateway as one voice connection sees it: what it is asked, and whether it can be asked.

Its session puts us into the channel. With the session goes our place: Discord closes the voice connection
with 4014, as for a kick, and says no word to the next session. discord.py tells voice clients nothing of
that, and makes a new guild object for each session; so what is needed of either is looked up when it is.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator

import discord
from discord.gateway import DiscordWebSocket

logger = logging.getLogger(__name__)

LOOK_S = 0.05  # between looks at a gateway that reconnects: it costs nothing, and people wait meanwhile
# A lost session is replaced within 5 to 10 s: discord.py waits 5 s before it identifies.
BACK_S = 60.0
ANSWER_S = 2.0  # a heartbeat is answered within 0.3 s round the world; a lost packet costs another second


class MainGateway:
    """The shard that serves the voice client's guild."""

    def __init__(self, voice_client: discord.VoiceClient) -> None:
        self._voice_client = voice_client
        self._client = voice_client.client
        self._guild_id = voice_client.guild.id

    @property
    def session(self) -> str | None:
        """The id of the session in use; None while there is none."""
        ws = self._websocket()
        return ws.session_id if ws is not None else None

    def _websocket(self) -> DiscordWebSocket | None:
        try:
            ws: DiscordWebSocket | None = self._client._get_websocket(self._guild_id)
        except KeyError:  # the shard is not there yet
            return None
        # discord.py's type denies that a client that was never connected has none.
        return ws if ws is not None and ws.open else None

    async def back(self) -> str:
        """Wait until there is a session and return its id; raise TimeoutError after a minute."""
        async with asyncio.timeout(BACK_S):
            while (session := self.session) is None:  # noqa: ASYNC110 - discord.py has no event for it
                await asyncio.sleep(LOOK_S)
        return session

    @contextlib.asynccontextmanager
    async def answering(self, within_s: float) -> AsyncIterator[None]:
        """Raise TimeoutError where what is asked in the block takes longer; see then whether it is alive."""
        try:
            async with asyncio.timeout(within_s):
                yield
        except TimeoutError:
            await self.revive()
            raise

    async def revive(self) -> None:
        """Break a connection that stands and doesn't answer, so that discord.py connects anew, and resumes.

        A NAT or firewall may have forgotten it, and all others, at once. discord.py would notice after 60 s.
        """
        ws = self._websocket()
        if ws is None or await self._answers(ws):
            return
        logger.warning("The main gateway does not answer: it is connected anew")
        end = ws.socket.get_extra_info("socket")
        if end is not None:
            with contextlib.suppress(OSError):  # it has broken meanwhile
                # Closing in good order would wait for the other end, for up to 30 s.
                end.shutdown(socket.SHUT_RDWR)

    async def _answers(self, ws: DiscordWebSocket) -> bool:
        """Send a heartbeat out of turn, and return whether anything came since."""
        keep_alive = ws._keep_alive
        if keep_alive is None:  # it is being connected, or closed
            return True
        asked = time.perf_counter()  # discord.py's clock for this
        try:
            await ws.send_heartbeat(keep_alive.beat())
        except (discord.ConnectionClosed, OSError):  # the end has come, and discord.py knows
            return True
        while keep_alive._last_recv < asked:
            if time.perf_counter() - asked > ANSWER_S:
                return False
            await asyncio.sleep(LOOK_S)
        return True

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
