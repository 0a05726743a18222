"""REST routes with which a bot registers its application commands, globally or in one guild."""

from bot.emulators.discord.errors import RestError, missing_access
from bot.emulators.discord.limits import Rate
from bot.emulators.discord.model import Json
from bot.emulators.discord.rest import Answer, Call, Route

_GLOBAL = "/applications/{application_id}/commands"
_IN_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def _scope(call: Call) -> int | None:
    if call.id("application_id") != call.world.bot.id:
        raise RestError(403, 20012, "You are not authorized to perform this action on this application")
    if "guild_id" not in call.params:
        return None
    guild = call.world.places.guilds.get(call.id("guild_id"))
    if guild is None or call.world.bot.id not in guild.members:
        raise missing_access()
    return call.id("guild_id")


def _list(call: Call) -> Answer:
    return Answer(200, call.world.commands.listed(_scope(call)))


def _replace(call: Call) -> Answer:
    bodies = call.body
    if not isinstance(bodies, list):
        raise RestError(400, 50109, "The request body contains invalid JSON.")
    return Answer(200, call.world.commands.replace(_scope(call), bodies))


def _create(call: Call) -> Answer:
    scope = _scope(call)
    known = {command["id"] for command in call.world.commands.listed(scope)}
    command = call.world.commands.upsert(scope, call.json)
    return Answer(200 if command["id"] in known else 201, command)


def _get(call: Call) -> Answer:
    return Answer(200, call.world.commands.get(_scope(call), call.id("command_id")))


def _edit(call: Call) -> Answer:
    scope = _scope(call)
    before: Json = call.world.commands.get(scope, call.id("command_id"))
    return Answer(200, call.world.commands.upsert(scope, before | call.json))


def _delete(call: Call) -> Answer:
    call.world.commands.remove(_scope(call), call.id("command_id"))
    return Answer(204)


ROUTES = tuple(
    route
    for path in (_GLOBAL, _IN_GUILD)
    for route in (
        Route("GET", path, _list),
        Route("PUT", path, _replace, Rate(5, 20.0)),
        Route("POST", path, _create, Rate(5, 20.0)),
        Route("GET", path + "/{command_id}", _get),
        Route("PATCH", path + "/{command_id}", _edit, Rate(5, 20.0)),
        Route("DELETE", path + "/{command_id}", _delete, Rate(5, 20.0)),
    )
)
