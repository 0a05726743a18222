"""A guild's settings as a file that people keep, change, and bring to another guild: JSON, and no secrets."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from bot.storage.guilds import GuildChanges, GuildSettings
from bot.storage.settings_rules import OWN, Choices, SettingError, checked, names

FILE_NAME = "settings.json"
FORMAT = "earshot guild settings"
VERSION = 1  # to be raised when the meaning of a setting changes
MAX_BYTES = 64 * 1024  # ten times what the longest settings need

_ROLES = ("join_roles", "config_roles")
TOO_LARGE = f"That file is larger than {MAX_BYTES // 1024} KiB: import one that Export has given."
_FOREIGN = "That file holds no settings of mine: import one that Export has given."


def exported(settings: GuildSettings, roles: Mapping[int, str]) -> bytes:
    """Return the settings as a file; `roles` are the guild's, by id."""
    values = asdict(settings)
    for name in _ROLES:
        # Deleted ones are left out, unless nobody would then be left: without a role, everybody may join.
        there = [role for role in values[name] if role in roles] or values[name]
        values[name] = [{"id": str(role), "name": roles.get(role, "a deleted role")} for role in there]
    file = {"format": FORMAT, "version": VERSION, "settings": {name: values[name] for name in names()}}
    return json.dumps(file, indent=2, ensure_ascii=False).encode() + b"\n"


def imported(data: bytes, choices: Choices, roles: Mapping[int, str]) -> GuildChanges:
    """Return what a file sets, null for the operator's setting; `roles` are the guild's, by id.

    Raises SettingError, one sentence, where anything in it is wrong.
    """
    changes: dict[str, Any] = {}
    for name, value in _settings_in(data).items():
        if name in _ROLES and value is not None:
            value = _role_ids(name, value, roles)
        changes[name] = checked(name, value, choices)
    if not changes:
        raise SettingError("That file sets nothing: import one that Export has given.")
    if changes.get("persona") == OWN and not changes.get("instruction"):
        raise SettingError(f"In that file the persona is “{OWN}”, but its instruction is missing: add it.")
    return cast(GuildChanges, changes)


def _settings_in(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise SettingError(TOO_LARGE)
    try:
        file = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingError(
            "That file is no text in UTF-8: import the JSON file that Export has given."
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingError(f"That file is broken JSON ({where}): correct it, or export it again.") from None
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets in brackets
        raise SettingError(_FOREIGN) from None
    if (
        not isinstance(file, dict)
        or file.get("format") != FORMAT
        or not isinstance(file.get("settings"), dict)
    ):
        raise SettingError(_FOREIGN)
    version = file.get("version")
    if type(version) is not int or version < 1:
        raise SettingError("That file does not say which version it is of: export the settings again.")
    if version > VERSION:
        raise SettingError(
            f"That file is of version {version}, and I know versions up to {VERSION}: it comes from a newer "
            "Earshot, so update this one."
        )
    settings = file.get("settings")
    if not isinstance(settings, dict):
        raise SettingError(_FOREIGN)
    return settings


def _role_ids(name: str, value: object, roles: Mapping[int, str]) -> tuple[int, ...]:
    """Return the ids of roles in this guild: the very ones, or, of another guild's file, their namesakes."""
    if not isinstance(value, list):
        raise SettingError(f"{name} in that file is no list of roles: export the settings again.")
    return tuple(_role_id(name, each, roles) for each in value)


def _role_id(name: str, entry: object, roles: Mapping[int, str]) -> int:
    role_id = entry.get("id") if isinstance(entry, dict) else None
    called = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(role_id, str) or not isinstance(called, str):
        raise SettingError(f"{name} in that file is no list of roles: export the settings again.")
    if role_id.isascii() and role_id.isdigit() and len(role_id) <= 20 and int(role_id) in roles:
        return int(role_id)
    namesakes = [each for each, its_name in roles.items() if its_name == called]
    if len(namesakes) != 1:
        # Left out, the role's absence would let in everybody.
        shown = "".join(c if c.isprintable() and c not in "`*_~|<>@[]\\" else "-" for c in called)[:100]
        raise SettingError(
            f"{name} in that file names the role “{shown}”, of which this server has "
            f"{len(namesakes) or 'none'}: make one of that name, or take it out of the file."
        )
    return namesakes[0]
