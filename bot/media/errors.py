"""What can go wrong with a request: one sentence that says what happened and what to do."""

import errno

from bot.errors import EarshotError

DISK_FULL = "The bot's disk is full: tell whoever runs it, and try again later."
LONGEST_NAME = 60  # characters of a file's name in a sentence; longer ones say nothing more


class MediaError(EarshotError):
    """A request that can't be answered; str() of it is what the person reads."""


class UnfitError(MediaError):
    """What was given can't be answered about: the same, asked again, would fail again."""


def is_disk_full(error: BaseException) -> bool:
    """Say whether something could not be written because the disk is full; FFmpeg's errors count too."""
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


def shown(filename: str) -> str:
    """Return a file's name as it can stand in a sentence: one line, no Markdown, no mention, not long."""
    plain = "".join(c if c.isprintable() and c not in "`*_~|<>@[]\\" else "-" for c in filename)
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
