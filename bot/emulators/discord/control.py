"""A plain HTTP API on loopback, with which other programs let people act in the emulated Discord.

- `GET /control/world` lists ids.
- `POST /control/voice/join` with {"channel_id", and "user_id" or "name"} gives what the gateway would:
  {"voice_state_update", "voice_server_update"}, and the port where every endpoint is served: "tls_port".
- `POST /control/voice/leave` with {"user_id"} or {"name"}.
- `POST /control/command` with {"channel_id", "command", and "user_id" or "name"; "options" by name, if any}
  runs a slash command ("group sub" for a subcommand) and gives what the person sees in the end: {"state":
  "answered", "modal" or "failed"; "text"; "message" or "modal", as Discord's API has them}. A "state" of
  "deferred" says that the bot was still thinking after 30 s.

What can't be done is answered with 400 and {"error"}.
"""

import contextlib
import json
from typing import Any

from aiohttp import web

from bot.emulators.discord.errors import ActError
from bot.emulators.discord.handles import Interaction, State
from bot.emulators.discord.model import EmulatedUser, Json
from bot.emulators.discord.world import World

COMMAND_S = 30.0  # how long a bot may think about a command until it is answered that it does
_REFUSED = (ActError, AttributeError, KeyError, TypeError, ValueError)  # not what a body may hold


class Control:
    """Serves the control API."""

    def __init__(self, world: World, tls_port: int) -> None:
        self._world = world
        self._tls_port = tls_port

    def application(self) -> web.Application:
        """Return what serves the API."""
        application = web.Application()
        application.router.add_get("/control/world", self._show)
        application.router.add_post("/control/voice/join", self._join)
        application.router.add_post("/control/voice/leave", self._leave)
        application.router.add_post("/control/command", self._command)
        return application

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(world_payload(self._world))

    async def _join(self, request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            user = self._user(body, create=True)
            told = self._world.join_voice(user.id, int(body["channel_id"]))
        except _REFUSED as error:
            return _refused(error)
        return web.json_response(
            {
                "user_id": str(user.id),
                "voice_state_update": told.voice_state_update,
                "voice_server_update": told.voice_server_update,
                "tls_port": self._tls_port,
            }
        )

    async def _leave(self, request: web.Request) -> web.Response:
        try:
            self._world.leave_voice(self._user(await _body(request), create=False).id)
        except _REFUSED as error:
            return _refused(error)
        return web.json_response({})

    async def _command(self, request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            user = self._user(body, create=False)
            where, name = int(body["channel_id"]), str(body["command"])
            interaction = self._world.run_command(user.id, where, name, dict(body.get("options") or {}))
        except _REFUSED as error:
            return _refused(error)
        with contextlib.suppress(TimeoutError):
            await interaction.wait_for(lambda it: it.state not in (State.PENDING, State.DEFERRED), COMMAND_S)
        return web.json_response(self._seen(interaction))

    def _seen(self, interaction: Interaction) -> Json:
        answer = interaction.answer
        return {
            "state": interaction.state.name.lower(),
            "text": "" if answer is None else answer.text,
            "message": None if answer is None else self._world.posts.payload(answer),
            "modal": interaction.modal,
        }

    def _user(self, body: Json, *, create: bool) -> EmulatedUser:
        if "user_id" in body:
            return self._world.places.user(int(body["user_id"]))
        name = str(body["name"])
        for user in self._world.places.users.values():
            if user.name == name and not user.bot:
                return user
        if not create:
            raise ActError(f"there is no user {name!r}")
        return self._world.add_user(name)


def world_payload(world: World) -> Json:
    """Return the ids of everything, as strings."""
    return {
        "bot": {"id": str(world.bot.id), "name": world.bot.name},
        "guilds": [
            {
                "id": str(guild.id),
                "name": guild.name,
                "channels": [
                    {"id": str(channel.id), "name": channel.name, "type": int(channel.type)}
                    for channel in guild.channels.values()
                ],
                "members": [
                    {"id": str(member.user.id), "name": member.user.name, "bot": member.user.bot}
                    for member in guild.members.values()
                ],
            }
            for guild in world.places.guilds.values()
        ],
    }


async def _body(request: web.Request) -> Json:
    body: Any = json.loads(await request.text() or "{}")
    if not isinstance(body, dict):
        raise ActError("the body must be a JSON object")
    return body


def _refused(error: Exception) -> web.Response:
    text = f"missing {error}" if isinstance(error, KeyError) else str(error)
    return web.json_response({"error": text}, status=400)
