"""Logging: to standard output, coloured on a terminal, with every known secret struck out.

Standard error is kept for the one sentence with which the program ends when it can't start.
"""

import logging
import re
import sys
import warnings
from collections.abc import Iterable

from rich.console import Console
from rich.logging import RichHandler

from bot.errors import reason_of

_OURS = ("bot", "cogs")
_MASK = "[secret]"

# Shapes of secrets that are not known beforehand: other bot tokens, Google's API keys, the tokens with which
# an interaction or a webhook is answered, as they stand in the addresses of failed requests, and the sessions
# of the gateway, as discord.py names them when it has begun or resumed one.
_SHAPES = re.compile(
    r"""
    [\w-]{23,28}\.[\w-]{6}\.[\w-]{27,}
    | AIza[\w-]{35}
    | (?<=/webhooks/) (?P<webhook>\d+/) [\w.~-]{20,}
    | (?<=/interactions/) (?P<interaction>\d+/) [\w.~-]{20,}
    | (?<=\(Session\ ID:\ )\w+
    | (?<=RESUMED\ session\ )\w+
    """,
    re.VERBOSE,
)

# What discord.py says, with a traceback each time, while Discord can't be reached.
_LOST = ("Attempting a reconnect", "Failed to connect")


class RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback included, then strikes out secrets."""

    def __init__(self, form: str, secrets: Iterable[str]) -> None:
        super().__init__(form)
        # The longest first, in case that one is part of another.
        known = sorted(secrets, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record without secrets."""
        text = super().format(record)
        if self._known:
            text = self._known.sub(_MASK, text)
        return _SHAPES.sub(lambda match: (match["webhook"] or match["interaction"] or "") + _MASK, text)


def in_one_line(record: logging.LogRecord) -> bool:
    """Put the reason for which Discord is lost into the line that says so, in place of a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    if (
        error
        and record.name.startswith("discord.")
        and str(record.msg).startswith(_LOST)
        and _expected(error)
    ):
        record.msg, record.args = "%s: %s", (record.getMessage(), reason_of(error))
        record.exc_info = record.exc_text = None
    return True


def _expected(error: BaseException) -> bool:
    """Say whether an error is the network's or Discord's; by its module, since no library is loaded here."""
    return isinstance(error, OSError) or type(error).__module__.startswith(("aiohttp.", "discord."))


def set_up(level: str, secrets: Iterable[str] = ()) -> None:
    """Log from `level` on; the libraries from INFO at the lowest.

    discord.py's and websockets' debug output holds whole frames, with session tokens and voice keys in them.
    """
    handler = _handler(secrets)
    handler.addFilter(in_one_line)
    chosen = logging.getLevelNamesMapping()[level]
    logging.basicConfig(level=max(chosen, logging.INFO), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    ignore_unknown_values()
    # It logs each request with its address, and that of an upload is a key to it.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    for name in _OURS:
        logging.getLogger(name).setLevel(chosen)
    logging.getLogger("alembic").setLevel(max(chosen, logging.WARNING))  # at INFO it says nothing of use


def ignore_unknown_values() -> None:
    """Keep google-genai from warning of each value of an enum that it doesn't know.

    It quotes whatever stands there, however long, and Python keeps each such text for ever.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"google\.genai\._common$")


def _handler(secrets: Iterable[str]) -> logging.Handler:
    if sys.stdout.isatty():
        rich = RichHandler(console=Console(), show_path=False, log_time_format="%H:%M:%S")
        rich.setFormatter(RedactingFormatter("%(name)s: %(message)s", secrets))
        return rich
    plain = logging.StreamHandler(sys.stdout)
    plain.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", secrets))
    return plain
