"""The file `.env`: whether it can be read, and what stands in it that nothing reads."""

import difflib
import os
import re
from collections.abc import Collection
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from bot.errors import SetupError

ENCODING = "utf-8-sig"  # UTF-8, with or without the mark that Windows editors put first

# Where a name is this alike or more, it was meant: GEMINI_KEY, DISCORD_TOKN and METRIC_PORT are.
_ALIKE = 0.75
# What other programs and Google's own examples call them.
_ELSEWHERE = {
    "GOOGLE_API_KEY": "GEMINI_API_KEY",
    "API_KEY": "GEMINI_API_KEY",
    "TOKEN": "DISCORD_TOKEN",
    "BOT_TOKEN": "DISCORD_TOKEN",
}
# Docker's own tools read these from `.env` alone; whatever others read is in the environment, too.
_DOCKER = ("COMPOSE_", "DOCKER_")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_env_file(path: Path) -> None:
    """Raise SetupError when `.env` is there and can't be read; pydantic would pass over half of these."""
    broken = [each.original.line for each in _bindings(path) if each.error or not _is_setting(each)]
    if broken:
        raise SetupError(f"{path} is not understood in line {broken[0]}: write NAME=value there.")


def unknown_names(path: Path, known: Collection[str]) -> dict[str, str | None]:
    """Return each name in `.env` that is no setting, with the one that it was meant for, None for none.

    `known` is in capitals; the names are as they are written. What is alike to no setting but stands in the
    environment, too, is left out: whatever put it there knows it. A setting that has a value was not meant.
    Raises SetupError where the file can't be read.
    """
    bindings = {each.key: each.value for each in _bindings(path) if each.key}
    # An empty value means the default, in both places.
    there = {name.upper() for name, value in {**bindings, **os.environ}.items() if value}
    found: dict[str, str | None] = {}
    for name in bindings:
        plain = name.upper()
        if plain in known or plain.startswith(_DOCKER):
            continue
        meant = _ELSEWHERE.get(plain) or next(iter(difflib.get_close_matches(plain, known, 1, _ALIKE)), None)
        if meant is not None and meant not in there:
            found[name] = meant
        elif name not in os.environ:
            found[name] = None
    return found


def _is_setting(binding: Binding) -> bool:
    """Whether a line is empty, a comment, or NAME=value; what is none may be a secret, and is not shown."""
    if binding.key is None:
        return True
    return binding.value is not None and _NAME.fullmatch(binding.key) is not None


def _bindings(path: Path) -> list[Binding]:
    """Return the lines of the file, none where it is not there."""
    if not os.path.lexists(path):
        return []
    try:
        with path.open(encoding=ENCODING) as lines:
            return list(parse_stream(lines))
    except UnicodeDecodeError:
        raise SetupError(f"{path} is not UTF-8 text: save it again as UTF-8.") from None
    except OSError as error:
        raise SetupError(f"{path} can't be read ({error.strerror}): mend or remove it.") from None
