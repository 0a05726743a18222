"""Things that answers come with, and how people see them."""

import io
from functools import cache

from PIL import Image

from bot.emulators.discord.components import Kind
from bot.emulators.discord.model import Json, Message, walk


@cache
def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(out, "PNG")
    return out.getvalue()


def gallery(message: Message) -> list[Json]:
    """Return the items of the gallery, none where there is none."""
    return [
        item
        for part in walk(message.components)
        if part["type"] == Kind.MEDIA_GALLERY
        for item in part["items"]
    ]


def names_shown(message: Message) -> list[str]:
    """Return the names of the files that are there to be opened."""
    return [part["name"] for part in walk(message.components) if part["type"] == Kind.FILE]
