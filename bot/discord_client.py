"""The client of Discord: intents, commands and what is said when it is ready."""

import asyncio
import hashlib
import json
import logging
import random
from collections.abc import Sequence

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError, SetupError, reason_of
from bot.storage.commands import CommandSyncStore

logger = logging.getLogger(__name__)

# What an invited bot may do: talk, show its answers and captions, and show where it listens.
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    add_reactions=True,
    read_message_history=True,
    connect=True,
    speak=True,
    use_voice_activation=True,
    change_nickname=True,
    set_voice_channel_status=True,
)

REIDENTIFY_S = (1.0, 5.0)  # https://docs.discord.com/developers/events/gateway#resuming, invalid session
LOGIN_S = 10.0  # discord.py itself would wait for 5 minutes
SYNC_S = (
    10.0  # discord.py would wait out any rate limit, of hours too; the commands that are there do meanwhile
)
# Whoever sees the bot come finds its commands, unless that takes long: people in a call may wait for it.
SYNC_FIRST_S = 2.0

_REFUSED_LOGIN = (
    "Discord refused DISCORD_TOKEN: copy the bot's token anew from "
    "https://discord.com/developers/applications."
)
_REFUSED_INTENTS = (
    "Discord refused the bot's intents, though none is privileged: check the page Bot of the application at "
    "https://discord.com/developers/applications."
)
_NO_CONTENT = (
    "%s: replies to an answer without a ping are not read, nor replies to the answer of a command without a "
    "mention. All else works. Message Content Intent is on the page Bot of the application at "
    "https://discord.com/developers/applications"
)
# Close codes of the gateway after which discord.py does not connect again.
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
_FATAL_CLOSES = {4004: _REFUSED_LOGIN, 4013: _REFUSED_INTENTS, 4014: _REFUSED_INTENTS}


class DiscordClient(commands.AutoShardedBot):
    """The bot on Discord; `serve` runs it until it is closed."""

    def __init__(
        self,
        *,
        proxy: str | None,
        tree: type[app_commands.CommandTree[discord.Client]],
        cogs: Sequence[commands.Cog],
        menus: Sequence[app_commands.ContextMenu],
        views: Sequence[discord.ui.View],
        sync_store: CommandSyncStore,
    ) -> None:
        """Make a client; `menus` are right-click apps, the buttons of `views` must work after a restart."""
        # discord.py keeps this object, and asks the gateway for what stands in it then: there is no other way
        # to choose an intent by what the login told of the application.
        self._wanted = discord.Intents(guilds=True, voice_states=True, guild_messages=True, dm_messages=True)
        super().__init__(
            command_prefix=(),  # every command is an application command; a mention is a question
            help_command=None,
            tree_cls=tree,
            intents=self._wanted,
            max_messages=None,  # people's messages are of no use after the moment: none is kept
            allowed_mentions=discord.AllowedMentions.none(),
            proxy=proxy,
        )
        self._cogs_to_add = cogs
        self._menus_to_add = menus
        self._views_to_add = views
        self._sync_store = sync_store
        self._invited = False
        self._gateway_task: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Add commands and persistent views, as discord.py asks for between login and gateway."""
        for cog in self._cogs_to_add:
            await self.add_cog(cog)
        for menu in self._menus_to_add:
            self.tree.add_command(menu, override=True)  # a client that begins afresh has them
        for view in self._views_to_add:
            self.add_view(view)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait as Discord asks after a session that can't be resumed; discord.py always waits for 5 s."""
        if not initial:
            await asyncio.sleep(random.uniform(*REIDENTIFY_S))  # noqa: S311 - spread, not a secret

    async def on_ready(self) -> None:
        """Print the invite link, once; discord.py says ready after every lost session."""
        if self._invited:
            return
        self._invited = True
        logger.info("Ready as %s in %s", self.user, _counted(len(self.guilds), "server"))
        link = discord.utils.oauth_url(
            self._application_id(), permissions=PERMISSIONS, scopes=("bot", "applications.commands")
        )
        print(f"Invite Earshot to a server: {link}", flush=True)

    async def serve(self, token: str) -> None:
        """Log in and serve until closed. Raises SetupError where Discord does not let this bot in."""
        try:
            await self._serve(token, message_content=True)
        except discord.LoginFailure:
            raise SetupError(_REFUSED_LOGIN) from None
        except discord.PrivilegedIntentsRequired:
            raise SetupError(_REFUSED_INTENTS) from None
        except discord.ConnectionClosed as error:
            sentence = _FATAL_CLOSES.get(error.code)
            raise SetupError(
                sentence or f"Discord closed the connection for good (code {error.code})."
            ) from error
        except (discord.HTTPException, discord.GatewayNotFound) as error:
            raise SetupError(f"Discord does not let the bot in ({error}): try again later.") from error
        except (OSError, aiohttp.ClientError) as error:
            raise SetupError(
                f"Discord can't be reached ({_told(error, LOGIN_S)}): check the network, and DISCORD_PROXY "
                "and SSL_CERT_FILE where they are set."
            ) from error

    async def _serve(self, token: str, *, message_content: bool) -> None:
        """Log in and serve, with Message Content where the application has it and Discord lets it."""
        async with asyncio.timeout(LOGIN_S):
            await self.login(token)
        granted = self._has_message_content()
        self._wanted.message_content = granted and message_content
        if not granted:
            logger.info(_NO_CONTENT, "The application has no Message Content Intent")
        try:
            await self._serve_gateway()
        except discord.PrivilegedIntentsRequired:
            if not self._wanted.message_content:
                raise
            logger.warning(_NO_CONTENT, "Discord refused the Message Content Intent")
            await self._begin_afresh()
            await self._serve(token, message_content=False)

    def _has_message_content(self) -> bool:
        """Say whether the application may read messages that do not mention it; known since login."""
        assert self.application is not None, "known since login"
        flags = self.application.flags
        return flags.gateway_message_content or flags.gateway_message_content_limited

    async def _begin_afresh(self) -> None:
        """Become as new: discord.py closes a client whose intents are refused."""
        self.clear()
        self.http.connector = discord.utils.MISSING  # it is closed, too
        await self.__aenter__()  # makes what is tied to a connection anew, as discord.py's own `start` does

    async def _serve_gateway(self) -> None:
        """Give Discord the commands, and serve the gateway.

        That is a task which `close` ends, not the cancellation of whoever waits for it: discord.py connects
        with asyncio.wait_for, which in Python 3.11 forgets a cancellation that comes in the moment of
        success; and the gateway is needed to leave calls, after the cancellation.
        """
        syncing = asyncio.create_task(self._give_commands(), name="discord-commands")
        try:
            await asyncio.wait({syncing}, timeout=SYNC_FIRST_S)
            self._gateway_task = asyncio.create_task(self.connect(), name="discord-gateway")
            await asyncio.wait({self._gateway_task})
        finally:
            syncing.cancel()
            await asyncio.wait({syncing})
        self._gateway_task.result()

    async def close(self) -> None:
        """Leave Discord; safe to call in any state, more than once."""
        task = self._gateway_task
        # discord.py closes itself, from within the task, where Discord closed the gateway for good.
        if task is None or task is asyncio.current_task():
            await super().close()
            return
        task.cancel()
        await super().close()
        # Who waited for it was told how it ended, or has been cancelled and does not care.
        await asyncio.gather(task, return_exceptions=True)

    def healthy(self) -> bool:
        """Say whether every shard is connected to Discord."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def _give_commands(self) -> None:
        """Give Discord the commands; go on with those that it has, whatever happens."""
        try:
            await self._sync_commands()
        except Exception:  # the task's outermost edge: whoever waited for it does so no longer
            logger.exception("The commands could not be given to Discord")

    async def _sync_commands(self) -> None:
        """Give Discord the commands when they are not what it has; go on with the old ones if that fails."""
        application_id = self._application_id()
        local = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        digest = hashlib.sha256(json.dumps(local, sort_keys=True).encode()).hexdigest()
        try:
            async with asyncio.timeout(SYNC_S):
                # What we remember is not enough: somebody else with this token may have replaced them.
                remote = {(command.type.value, command.name) for command in await self.tree.fetch_commands()}
                same_names = remote == {(command["type"], command["name"]) for command in local}
                if same_names and await self._sync_store.digest(application_id) == digest:
                    return
                await self.tree.sync()
                await self._sync_store.remember(application_id, digest)
        except (discord.DiscordException, aiohttp.ClientError, OSError, EarshotError) as error:
            logger.warning("The commands could not be given to Discord: %s", _told(error, SYNC_S))
        else:
            logger.info("Gave Discord %s", _counted(len(local), "command"))

    def _application_id(self) -> int:
        assert self.application_id is not None, "known since login"
        return self.application_id


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _told(error: Exception, within_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {within_s:.0f} s"
    return reason_of(error)
