"""What each setting of a guild may be: one set of rules, for what people choose and for imported files."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from bot.errors import EarshotError
from bot.storage.guilds import ConsentPolicy, FloorKind, Mode, Turns

INSTRUCTION_LENGTH = 4_000  # characters; Discord takes no more in a field
RETENTION_DAYS = range(366)  # a year at most: nobody reads older ones, and data that is not there can't leak
IDLE_MINUTES = range(1, 241)  # idle time is billed
MOST_ROLES = 25  # what a select holds
OWN = "own"  # the persona that is the guild's own instruction

# Language, then perhaps script and region: what Gemini knows of BCP 47 (https://www.rfc-editor.org/info/bcp47).
_TAG = re.compile(r"([A-Za-z]{2,3})(?:-([A-Za-z]{4}))?(?:-([A-Za-z]{2}|\d{3}))?")


class SettingError(EarshotError):
    """A value that a setting can't have; the message says what it can have."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from in this version of the program."""

    models: Sequence[str]
    voices: Sequence[str]
    personas: Sequence[str]
    retired: Mapping[str, str] = field(default_factory=dict)
    """Models that are shut down, and what took their place."""


def checked(name: str, value: object, choices: Choices) -> Any:
    """Return the value as it is stored; None, for every setting, is the operator's. Raises SettingError."""
    rule = _RULES.get(name)
    if rule is None:
        known = ", ".join(_RULES)
        raise SettingError(f"There is no setting named {_shown(name)}: there are {known}.")
    return None if value is None else rule(name, value, choices)


def names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(_RULES)


def _one_of(known: Callable[[Choices], Sequence[str]]) -> Callable[[str, object, Choices], str]:
    def rule(name: str, value: object, choices: Choices) -> str:
        allowed = known(choices)
        if value not in allowed:
            raise SettingError(f"{name} can't be {_shown(value)}: choose {_listed(allowed)}.")
        return str(value)

    return rule


def _model(name: str, value: object, choices: Choices) -> str:
    successor = choices.retired.get(value) if isinstance(value, str) else None
    return _one_of(lambda known: known.models)(name, successor or value, choices)


def _language(name: str, value: object, _choices: Choices) -> str:
    found = _TAG.fullmatch(value.strip().replace("_", "-")) if isinstance(value, str) else None
    if found is None:
        raise SettingError(
            f"{name} can't be {_shown(value)}: write a language tag such as de, pt-BR or zh-Hant-TW."
        )
    language, script, region = found.groups()
    parts = (language.lower(), (script or "").title(), (region or "").upper())
    return "-".join(part for part in parts if part)


def _instruction(name: str, value: object, _choices: Choices) -> str:
    if not isinstance(value, str):
        raise SettingError(f"{name} can't be {_shown(value)}: it is a text.")
    text = "".join(c for c in value.replace("\r\n", "\n") if _readable(c)).strip()
    if not text:
        raise SettingError(f"{name} is empty: write who I am and how I speak, or choose a ready persona.")
    if len(text) > INSTRUCTION_LENGTH:
        raise SettingError(
            f"{name} has {len(text):,} characters, and {INSTRUCTION_LENGTH:,} fit: make it shorter."
        )
    return text


def _readable(character: str) -> bool:
    """Say whether a character is text: neither a control code nor half of a surrogate pair."""
    return character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")


def _switch(name: str, value: object, _choices: Choices) -> bool:
    if not isinstance(value, bool):
        raise SettingError(f"{name} can't be {_shown(value)}: it is true or false.")
    return value


def _number(allowed: range) -> Callable[[str, object, Choices], int]:
    def rule(name: str, value: object, _choices: Choices) -> int:
        # True is an int in Python, and no number to people.
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise SettingError(
                f"{name} can't be {_shown(value)}: it is a whole number from {allowed[0]} to {allowed[-1]}."
            )
        return value

    return rule


def _roles(name: str, value: object, _choices: Choices) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(type(each) is int and each > 0 for each in value):
        raise SettingError(f"{name} can't be {_shown(value)}: it is a list of roles.")
    if len(set(value)) > MOST_ROLES:
        raise SettingError(f"{name} has {len(set(value))} roles, and {MOST_ROLES} fit: leave some out.")
    return tuple(sorted(set(value)))


def _listed(allowed: Sequence[str]) -> str:
    return " or ".join(", ".join(allowed).rsplit(", ", 1))


def _shown(value: object) -> str:
    """Return a value as it can stand in a sentence: one short line without Markdown or mentions."""
    text = "".join(c if c.isprintable() and c not in "`*_~|<>@[]\\" else "-" for c in str(value))
    return f"“{text if len(text) <= 40 else f'{text[:39]}…'}”"


_RULES: dict[str, Callable[[str, object, Choices], Any]] = {
    "persona": _one_of(lambda choices: (*choices.personas, OWN)),
    "instruction": _instruction,
    "voice": _one_of(lambda choices: choices.voices),
    "language": _language,
    "model": _model,
    "mode": _one_of(lambda _: get_args(Mode)),
    "floor": _one_of(lambda _: get_args(FloorKind)),
    "turns": _one_of(lambda _: get_args(Turns)),
    "captions": _switch,
    "idle_minutes": _number(IDLE_MINUTES),
    "consent": _one_of(lambda _: get_args(ConsentPolicy)),
    "retention_days": _number(RETENTION_DAYS),
    "join_roles": _roles,
    "config_roles": _roles,
}
