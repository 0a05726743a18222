"""Turning the pages of an answer; all else in its message stays in place."""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import discord

from cogs.answer_buttons import page_row, turns_pages
from cogs.answer_files import FILE_NAME
from cogs.answer_view import BODY_ID


def turned(message: discord.Message, pages: list[str], answer_id: str, page: int) -> discord.ui.LayoutView:
    """Return a message of an answer with another page in it; all else stays as it is."""
    page = min(max(page, 0), len(pages) - 1)
    view = discord.ui.LayoutView.from_message(message, timeout=None)
    for item in list(view.children):
        if item.id == BODY_ID and isinstance(item, discord.ui.TextDisplay):
            item.content = pages[page]
        elif isinstance(item, discord.ui.File):
            item.url = _reference(item.media, message)
        elif isinstance(item, discord.ui.MediaGallery):
            item.items = [_shown_again(each, message) for each in item.items]
        elif isinstance(item, discord.ui.ActionRow) and turns_pages(item):
            _replace(view, item, page_row(answer_id, page, len(pages)))
    view.stop()
    return view


def page_alone(pages: list[str], answer_id: str, page: int) -> discord.ui.LayoutView:
    """Return a page for one reader, who turns the pages without turning them for all."""
    page = min(max(page, 0), len(pages) - 1)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay[Any](pages[page], id=BODY_ID))
    view.add_item(page_row(answer_id, page, len(pages)))
    view.stop()
    return view


async def attached_document(message: discord.Message) -> str | None:
    """Return the whole answer from the file that is attached to it; None where there is none."""
    file = next((each for each in message.attachments if each.filename == FILE_NAME), None)
    return None if file is None else (await file.read()).decode(errors="replace")


def _shown_again(item: discord.MediaGalleryItem, message: discord.Message) -> discord.MediaGalleryItem:
    return discord.MediaGalleryItem(_reference(item.media, message), description=item.description)


def _reference(media: discord.UnfurledMediaItem, message: discord.Message) -> str:
    """Return what stands for an attachment of the message; sent back, its address would end with a day."""
    name = PurePosixPath(urlsplit(media.url).path).name
    for file in message.attachments:
        if file.id == media.attachment_id or file.filename == name:
            return f"attachment://{file.filename}"
    return media.url


def _replace(
    view: discord.ui.LayoutView, old: discord.ui.ActionRow[Any], new: discord.ui.ActionRow[Any]
) -> None:
    """Put a row in the place of another: views know no such thing, so what follows is added again."""
    items = list(view.children)
    view.clear_items()
    for item in items:
        view.add_item(new if item is old else item)
