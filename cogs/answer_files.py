"""The files that come with an answer: what fits into its message, and under which names."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import discord

from bot.media.errors import shown
from bot.media.events import MadeFile

FILE_NAME = "answer.md"
MOST_FILES = 10  # that a message takes, the whole answer as a file among them
# Bytes of a file where nothing says more: in direct messages.
ROOM = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES

_ALT_LENGTH = 1_024
_STEM_LENGTH = 60
# Discord puts other characters than it was given into other names, and components find files by name.
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

_CLOSED = "I may not attach files here: give me the permission Attach Files, and ask again."


@dataclass(frozen=True)
class Attached:
    """What of the files is sent, under names that differ."""

    pictures: tuple[MadeFile, ...]
    """For the gallery."""
    others: tuple[MadeFile, ...]
    """To be opened."""
    left_out: str
    """Sentences about what is not sent; empty where all is."""


def attached(made: Sequence[MadeFile], *, room: int, most: int) -> Attached:
    """Choose the files that fit: `most` of them, of at most `room` bytes each; no room closes the place."""
    if not room:
        return Attached((), (), _CLOSED if made else "")
    fitting = [file for file in made if len(file.data) <= room]
    large = [file for file in made if len(file.data) > room]
    left_out = [
        _left_out(large, f"Discord takes no file over {room >> 20} MB here"),
        _left_out(fitting[most:], f"a message takes {MOST_FILES} files"),
    ]
    named = tuple(_named(fitting[:most]))
    return Attached(
        pictures=tuple(file for file in named if file.picture),
        others=tuple(file for file in named if not file.picture),
        left_out=" ".join(each for each in left_out if each),
    )


def upload(file: MadeFile) -> discord.File:
    """Return a file as it is sent, once."""
    return discord.File(io.BytesIO(file.data), file.name, description=alt_text(file))


def alt_text(file: MadeFile) -> str | None:
    """Return what a file is described by, as far as Discord takes it."""
    return file.description[:_ALT_LENGTH] or None


def _left_out(files: Sequence[MadeFile], why: str) -> str:
    if not files:
        return ""
    what = f"{shown(files[0].name)} is" if len(files) == 1 else f"{len(files)} files are"
    return f"{what} left out: {why}."


def _named(files: Sequence[MadeFile]) -> Iterator[MadeFile]:
    """Yield the files under safe names, none of them twice."""
    taken = {FILE_NAME}
    for file in files:
        stem, dot, ending = _UNSAFE.sub("-", file.name).rpartition(".")
        stem, ending = (stem, dot + ending) if dot and ending else (stem or ending, "")
        stem = stem.strip("-.")[:_STEM_LENGTH] or "file"
        name, number = stem + ending, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}{ending}"
        taken.add(name.lower())
        yield replace(file, name=name)
