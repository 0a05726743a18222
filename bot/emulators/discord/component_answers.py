"""Completes the components that a bot sent: numbers, defaults, and links to what it attached."""

import copy
from collections.abc import Iterator

from bot.emulators.discord.cdn import PROXY_HOST, Cdn
from bot.emulators.discord.components import SELECTS, Kind, Problems
from bot.emulators.discord.model import Attachment, Json, walk

_SCHEME = "attachment://"


def referenced_files(components: list[Json]) -> Iterator[str]:
    """Yield the names of the attachments that the components show."""
    for media in _media(components):
        url = str(media.get("url", ""))
        if url.startswith(_SCHEME):
            yield url.removeprefix(_SCHEME)


def file_problems(components: list[Json], filenames: set[str]) -> Problems:
    """Return the references to attachments that are not there."""
    missing = [name for name in referenced_files(components) if name not in filenames]
    if not missing:
        return {}
    text = f"The specified attachment was not found: {missing[0]}"
    return {"components": ("UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", text)}


def completed(components: list[Json], attachments: list[Attachment], cdn: Cdn, next_id: int) -> list[Json]:
    """Return a copy of the components as Discord gives them back; `next_id` numbers unfurled media."""
    copied = copy.deepcopy(components)
    everything = walk(copied)
    taken = {part["id"] for part in everything if part.get("id")}
    free = (number for number in range(1, 10_000) if number not in taken)
    files = {attachment.filename: attachment for attachment in attachments}
    for part in everything:
        if not part.get("id"):
            part["id"] = next(free)
        _fill(part, files)
    for number, media in enumerate(_media(copied)):
        _unfurl(media, files, cdn, next_id + number)
    return copied


def relinked(components: list[Json], attachments: list[Attachment], cdn: Cdn) -> list[Json]:
    """Return a copy of a message's components with fresh links to what it attached."""
    files = {str(attachment.id): attachment for attachment in attachments}
    copied = copy.deepcopy(components)
    for media in _media(copied):
        attached = files.get(str(media.get("attachment_id")))
        if attached is not None:
            media |= {"url": cdn.url(attached), "proxy_url": cdn.url(attached, PROXY_HOST)}
    return copied


def _media(components: list[Json]) -> Iterator[Json]:
    for part in walk(components):
        holders = part.get("items") or [part]
        for holder in holders:
            for key in ("media", "file"):
                if isinstance(holder.get(key), dict):
                    yield holder[key]


def _fill(part: Json, files: dict[str, Attachment]) -> None:
    """Set what Discord always gives, and leave out what is null where it gives nothing."""
    kind = Kind(part["type"])
    defaults: Json = {}
    if kind in SELECTS:
        defaults = {"min_values": 1, "max_values": 1}
        for chosen in part.get("default_values") or ():
            chosen["id"] = str(chosen["id"])  # libraries send numbers, too
    elif kind is Kind.CONTAINER:
        defaults = {"accent_color": None, "spoiler": False}
    elif kind is Kind.SEPARATOR:
        defaults = {"spacing": 1, "divider": True}
    elif kind is Kind.THUMBNAIL:
        defaults = {"description": None, "spoiler": False}
    elif kind is Kind.FILE:
        attached = files.get(str(part["file"].get("url", "")).removeprefix(_SCHEME))
        size = len(attached.data) if attached else None
        defaults = {"spoiler": False, "name": attached.filename if attached else None, "size": size}
    for item in part.get("items", ()):
        item.setdefault("description", None)
        item.setdefault("spoiler", False)
    for key in [key for key, value in part.items() if value is None]:
        del part[key]
    for key, value in defaults.items():
        part.setdefault(key, value)


def _unfurl(media: Json, files: dict[str, Attachment], cdn: Cdn, media_id: int) -> None:
    url = str(media["url"])
    media.setdefault("id", str(media_id))
    media.setdefault("proxy_url", url)
    attached = files.get(url.removeprefix(_SCHEME)) if url.startswith(_SCHEME) else None
    if attached is None:
        return
    width, height = attached.size or (None, None)
    media |= {
        "url": cdn.url(attached),
        "proxy_url": cdn.url(attached, PROXY_HOST),
        "content_type": attached.content_type,
        "attachment_id": str(attached.id),
        "width": width,
        "height": height,
    }
