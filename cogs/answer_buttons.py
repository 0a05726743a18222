"""The buttons of an answer, and the names by which they are found again, also after a restart."""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

import discord

from bot.media.events import Link


class Act(StrEnum):
    """What a button of an answer does."""

    CANCEL = "cancel"
    PAGE = "page"
    AGAIN = "again"
    SHORTER = "shorter"
    TRANSLATE = "translate"
    CONTINUE = "continue"
    GO_ON = "goon"
    SPEAK = "speak"


_CUSTOM_ID = re.compile(r"earshot:answer:(?P<act>[a-z]+):(?P<id>[0-9a-f]+)(?::(?P<page>-?\d+))?")
_ROW = 5  # buttons that Discord puts side by side


def custom_id(act: Act, answer_id: str, page: int | None = None) -> str:
    """Return what names a button, or the modal that it opens; fixed for ever, since messages keep it."""
    return f"earshot:answer:{act}:{answer_id}" + ("" if page is None else f":{page}")


def parse_custom_id(text: str) -> tuple[Act, str, int] | None:
    """Return what a button does, of which answer, and to which page; None for a button of something else."""
    match = _CUSTOM_ID.fullmatch(text)
    if match is None or match["act"] not in set(Act):
        return None
    return Act(match["act"]), match["id"], int(match["page"] or 0)


def answer_id_of(message: discord.Message) -> str | None:
    """Return the id of the answer that a message shows, from its buttons; None where it shows none.

    The message must be one of the bot's own: nobody else's buttons mean anything.
    """
    for name in _custom_ids(message.components):
        parsed = parse_custom_id(name)
        if parsed is not None:
            return parsed[1]
    return None


def button(label: str, act: Act, answer_id: str, page: int | None = None) -> discord.ui.Button[Any]:
    """Return a button that does something to an answer."""
    return discord.ui.Button(label=label, custom_id=custom_id(act, answer_id, page))


def act_rows(answer_id: str, acts: Sequence[tuple[str, Act]]) -> Iterator[discord.ui.ActionRow[Any]]:
    """Yield rows of buttons, given by their labels, as equally long as can be."""
    rows = -(-len(acts) // _ROW)
    length = -(-len(acts) // rows)
    for start in range(0, len(acts), length):
        row = acts[start : start + length]
        yield discord.ui.ActionRow(*(button(label, act, answer_id) for label, act in row))


def link_row(links: Sequence[Link]) -> discord.ui.ActionRow[Any]:
    """Return a row of at most 5 buttons that open pages."""
    return discord.ui.ActionRow(*(discord.ui.Button(label=link.title, url=link.url) for link in links))


def page_row(answer_id: str, page: int, count: int) -> discord.ui.ActionRow[Any]:
    """Return the buttons that turn pages; `page` counts from 0."""
    back = button("Previous", Act.PAGE, answer_id, page - 1)
    here = discord.ui.Button[Any](
        label=f"{page + 1} / {count}", custom_id=f"earshot:page:{answer_id}", disabled=True
    )
    forth = button("Next", Act.PAGE, answer_id, page + 1)
    back.disabled, forth.disabled = page <= 0, page >= count - 1
    return discord.ui.ActionRow(back, here, forth)


def turns_pages(row: discord.ui.ActionRow[Any]) -> bool:
    """Say whether a row is one of `page_row`."""
    return any(
        isinstance(item, discord.ui.Button) and f":{Act.PAGE}:" in (item.custom_id or "")
        for item in row.children
    )


def _custom_ids(components: Iterable[Any]) -> Iterator[str]:
    for component in components:
        name = getattr(component, "custom_id", None)
        if name:
            yield name
        yield from _custom_ids(getattr(component, "children", ()))
