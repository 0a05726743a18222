"""Which Live models there are and what each can do: read from models.toml, since models age.

A model is asked for by name; a retired name leads to its successor, with a warning in the log.
"""

import functools
import logging
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from bot.errors import SetupError
from bot.live.errors import LiveError

logger = logging.getLogger(__name__)

TABLE = Path(__file__).with_name("models.toml")


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A Live model and what it can do; models.toml says what each field means."""

    name: str
    thinking: Literal["none", "required", "optional"]
    client_content: bool
    activity_marks: bool
    resumption: bool
    functions: bool
    search: bool
    context_tokens: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models and voices that there are."""

    models: dict[str, LiveModel]
    retired: dict[str, str]
    voices: tuple[str, ...]

    def model(self, name: str) -> LiveModel:
        """Return the model of that name, or the successor of a retired one; raise LiveError for others."""
        asked = name.strip().removeprefix("models/")
        successor = self.retired.get(asked)
        if successor is not None:
            _warn(asked, successor)
        found = self.models.get(successor or asked)
        if found is None:
            known = " or ".join(self.models)
            raise LiveError(f"There is no Live model named {asked}; choose {known}.")
        return found

    def voice(self, name: str) -> str:
        """Return the voice as Google spells it; raise LiveError where there is none of that name."""
        for voice in self.voices:
            if voice.lower() == name.strip().lower():
                return voice
        raise LiveError(f"There is no voice named {name}; choose one of {', '.join(self.voices)}.")


@functools.cache
def _warn(retired: str, successor: str) -> None:
    """Say it once, not with every connection."""
    logger.warning("The model %s is shut down; %s takes its place", retired, successor)


@functools.cache
def catalogue(path: Path = TABLE) -> Catalogue:
    """Return the table in the file; raise SetupError where it is not one."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        models = {name: _model(name, entry) for name, entry in table["models"].items()}
        found = Catalogue(models, dict(table["retired"]), tuple(table["voices"]["names"]))
        astray = [name for name in found.retired.values() if name not in models]
        if astray:
            raise ValueError(f"{astray[0]} is a successor but not a model")
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise SetupError(f"The table of Live models {path.name} can't be used: {error}.") from error
    return found


def model(name: str) -> LiveModel:
    """Return the Live model of that name from our own table; raise LiveError with the known names."""
    return catalogue().model(name)


def check_voice(name: str) -> str:
    """Return the voice as Google spells it, from our own table; raise LiveError with the known names."""
    return catalogue().voice(name)


def _model(name: str, entry: dict[str, Any]) -> LiveModel:
    """Build one row; raise ValueError where a value is none that its field takes."""
    made = LiveModel(name=name, **entry)
    for field, kind in get_type_hints(LiveModel).items():
        value, allowed = getattr(made, field), get_args(kind)
        if value not in allowed if allowed else type(value) is not kind:
            raise ValueError(f"{name}.{field} can't be {value!r}")
    return made
