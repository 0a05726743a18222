"""Application commands as a bot registers them, and how Discord resolves what a person typed to one."""

import re
from dataclasses import dataclass
from typing import Any

from bot.emulators.discord.errors import ActError, RestError, invalid_form, unknown
from bot.emulators.discord.model import Json
from bot.emulators.discord.snowflakes import Snowflakes

CHAT_INPUT, USER_COMMAND, MESSAGE_COMMAND = 1, 2, 3
SUB_COMMAND, SUB_COMMAND_GROUP = 1, 2
_LIMITS = {CHAT_INPUT: 100, USER_COMMAND: 15, MESSAGE_COMMAND: 15}  # commands of a type in one scope
_NAME = re.compile(r"[-_'\w]{1,32}")
_OPTIONS_LIMIT = 25
_CHOICES_LIMIT = 25


@dataclass(frozen=True)
class Target:
    """A registered command, and the way within it to a subcommand."""

    command: Json
    path: tuple[Json, ...]
    """The group and subcommand on the way, outermost first."""

    @property
    def options(self) -> list[Json]:
        """The options that a person can fill in."""
        holder = self.path[-1] if self.path else self.command
        return holder.get("options") or []


class Commands:
    """The registered commands, by scope: None is global, else a guild's id."""

    def __init__(self, application_id: int, snowflakes: Snowflakes) -> None:
        self._application_id = application_id
        self._snowflakes = snowflakes
        self._scopes: dict[int | None, dict[tuple[int, str], Json]] = {}

    def listed(self, scope: int | None) -> list[Json]:
        """Return the commands of a scope."""
        return list(self._scopes.get(scope, {}).values())

    def replace(self, scope: int | None, bodies: list[Json]) -> list[Json]:
        """Register exactly these; a command that keeps type and name keeps its id. May raise RestError."""
        problems: dict[str, tuple[str, str]] = {}
        for index, body in enumerate(bodies):
            problems |= _problems(body, str(index))
        if problems:
            raise invalid_form(problems)
        _check_counts(bodies)
        made = {_key(body): self._registered(scope, body) for body in bodies}
        if len(made) < len(bodies):
            raise invalid_form({"0.name": ("APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique.")})
        self._scopes[scope] = made
        return self.listed(scope)

    def upsert(self, scope: int | None, body: Json) -> Json:
        """Register one command, in place of one of the same type and name."""
        others = [command for command in self.listed(scope) if _key(command) != _key(body)]
        self.replace(scope, [*others, body])
        return self._scopes[scope][_key(body)]

    def get(self, scope: int | None, command_id: int) -> Json:
        """Return a command, or raise RestError."""
        for command in self.listed(scope):
            if command["id"] == str(command_id):
                return command
        raise unknown("application command", 10063)

    def remove(self, scope: int | None, command_id: int) -> None:
        """Unregister a command, or raise RestError."""
        command = self.get(scope, command_id)
        del self._scopes[scope][_key(command)]

    def _registered(self, scope: int | None, body: Json) -> Json:
        before = self._scopes.get(scope, {}).get(_key(body))
        permissions = body.get("default_member_permissions")
        command: Json = {
            "id": before["id"] if before else str(self._snowflakes.next()),
            "application_id": str(self._application_id),
            "version": str(self._snowflakes.next()),
            "type": _kind(body),
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description") or "",
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "nsfw": bool(body.get("nsfw")),
        }
        if body.get("options"):
            command["options"] = [_option(option) for option in body["options"]]
        if scope is not None:
            return command | {"guild_id": str(scope)}
        contexts = body.get("contexts")
        return command | {
            "contexts": contexts,
            "integration_types": body.get("integration_types") or [0],
            "dm_permission": body.get("dm_permission", True) if contexts is None else 1 in contexts,
        }

    def find(self, guild_id: int | None, name: str, kind: int = CHAT_INPUT) -> Target:
        """Resolve "group sub" as typed in a guild (or a direct channel); ActError where nothing matches.

        A guild's own command hides a global one of the same name.
        """
        words = (name,) if kind != CHAT_INPUT else tuple(name.removeprefix("/").split())
        for scope in (guild_id, None):
            command = self._scopes.get(scope, {}).get((kind, words[0])) if words else None
            if command is not None:
                return Target(command, _descend(command, words[1:]))
        raise ActError(f"no command {name!r} is registered here")


def _key(command: Json) -> tuple[int, str]:
    return _kind(command), command["name"]


def _kind(command: Json) -> int:
    return int(command.get("type") or CHAT_INPUT)


def _option(option: Json) -> Json:
    """Return an option as Discord gives it back: nulls and empty lists left out."""
    kept = {key: value for key, value in option.items() if value is not None and value != []}
    if "options" in kept:
        kept["options"] = [_option(inner) for inner in kept["options"]]
    return kept


def _descend(command: Json, words: tuple[str, ...]) -> tuple[Json, ...]:
    path: list[Json] = []
    options: list[Json] = command.get("options") or []
    for word in words:
        found = [option for option in options if option["name"] == word and _nests(option)]
        if not found:
            raise ActError(f"/{command['name']} has no subcommand {word!r}")
        path.append(found[0])
        options = found[0].get("options") or []
    if any(_nests(option) for option in options):
        raise ActError(f"/{command['name']} needs one of its subcommands")
    return tuple(path)


def _nests(option: Json) -> bool:
    return option["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP)


def _check_counts(bodies: list[Json]) -> None:
    for kind, limit in _LIMITS.items():
        if sum(_kind(body) == kind for body in bodies) > limit:
            text = f"Maximum number of application commands reached ({limit})"
            raise RestError(400, 30032, text)


def _problems(body: Json, path: str) -> dict[str, tuple[str, str]]:
    problems: dict[str, tuple[str, str]] = {}
    name = str(body.get("name") or "")
    description = str(body.get("description") or "")
    if _kind(body) == CHAT_INPUT:
        problems |= _chat_input_problems(name, description, path)
    elif not 1 <= len(name) <= 32:
        problems[f"{path}.name"] = _length(32)
    elif description:
        text = "Context menu commands cannot have description"
        problems[f"{path}.description"] = ("APPLICATION_COMMAND_DESCRIPTION_INVALID", text)
    return problems | _option_problems(body.get("options") or [], path)


def _chat_input_problems(name: str, description: str, path: str) -> dict[str, tuple[str, str]]:
    problems: dict[str, tuple[str, str]] = {}
    if not _NAME.fullmatch(name) or name != name.lower():
        text = "Command name is invalid"
        problems[f"{path}.name"] = ("APPLICATION_COMMAND_INVALID_NAME", text)
    if not 1 <= len(description) <= 100:
        problems[f"{path}.description"] = _length(100)
    return problems


def _option_problems(options: list[Json], path: str) -> dict[str, tuple[str, str]]:
    problems: dict[str, tuple[str, str]] = {}
    if len(options) > _OPTIONS_LIMIT:
        problems[f"{path}.options"] = _length(_OPTIONS_LIMIT)
    demands = [bool(option.get("required")) for option in options]
    if demands != sorted(demands, reverse=True):
        text = "Required options must be placed before non-required options"
        problems[f"{path}.options"] = ("APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", text)
    for index, option in enumerate(options):
        inner = f"{path}.options.{index}"
        problems |= _chat_input_problems(
            str(option.get("name") or ""), str(option.get("description") or ""), inner
        )
        if len(option.get("choices") or []) > _CHOICES_LIMIT:
            problems[f"{inner}.choices"] = _length(_CHOICES_LIMIT)
        problems |= _option_problems(option.get("options") or [], inner)
    return problems


def _length(limit: Any) -> tuple[str, str]:
    return ("BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {limit} in length.")
