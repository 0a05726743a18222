"""How an answer looks: its text, small print, and buttons, as a Components V2 message."""

import io
import re
from enum import StrEnum
from typing import Any

import discord

from bot.media.events import Finished, Progress
from bot.text.blocks import size
from bot.text.escape import unmentioned
from cogs.answer_state import Answer, Stage

FILE_NAME = "answer.md"
# Components that are found again in a message which was sent long ago.
BODY_ID, FILE_ID = 101, 102

NOTE_SIZE = 280  # with the page (3,300), heading (250) and footer, less than a message's 4,000 characters
_BAR = 10  # letters of a progress bar


class Act(StrEnum):
    """What a button of an answer does."""

    CANCEL = "cancel"
    PAGE = "page"
    AGAIN = "again"
    SHORTER = "shorter"
    GO_ON = "goon"


_CUSTOM_ID = re.compile(r"earshot:answer:(?P<act>[a-z]+):(?P<id>[0-9a-f]+)(?::(?P<page>-?\d+))?")


def custom_id(act: Act, answer_id: str, page: int | None = None) -> str:
    """Return what names a button; fixed for ever, since messages keep it."""
    return f"earshot:answer:{act}:{answer_id}" + ("" if page is None else f":{page}")


def parse_custom_id(text: str) -> tuple[Act, str, int] | None:
    """Return what a button does, of which answer, and to which page; None for a button of something else."""
    match = _CUSTOM_ID.fullmatch(text)
    if match is None or match["act"] not in set(Act):
        return None
    return Act(match["act"]), match["id"], int(match["page"] or 0)


class AnswerView(discord.ui.LayoutView):
    """An answer at one moment. Its buttons are answered by custom id, so discord.py need not keep it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(timeout=None)
        heading = " · ".join(part for part in (answer.label, answer.heading) if part)
        if heading:
            self._small(heading)
        if answer.ended:
            self._show_end(answer)
        else:
            self._show_growing(answer)
        self.stop()

    def _show_growing(self, answer: Answer) -> None:
        if answer.stage is Stage.WRITING and answer.pages:
            self._show_body(answer.pages)
            self._small("writing…")
        else:
            self._small(_progress(answer.progress))
        self.add_item(discord.ui.ActionRow(_button("Cancel", Act.CANCEL, answer.id)))

    def _show_end(self, answer: Answer) -> None:
        note = unmentioned(answer.note)
        if answer.pages:
            self._show_body(answer.pages)
            if note:
                self._small(_clipped(note))
        else:
            self.add_item(discord.ui.TextDisplay(note or "The model gave no answer: ask again."))
        if len(answer.pages) > 1:
            self.add_item(discord.ui.File(f"attachment://{FILE_NAME}", id=FILE_ID))
        if answer.finished:
            self._small(footer(answer.finished))
        if len(answer.pages) > 1:
            self.add_item(page_row(answer.id, 0, len(answer.pages)))
        self.add_item(_act_row(answer))

    def _show_body(self, pages: list[str]) -> None:
        self.add_item(discord.ui.TextDisplay(pages[0], id=BODY_ID))

    def _small(self, text: str) -> None:
        self.add_item(discord.ui.TextDisplay(f"-# {text}"))


def answer_files(answer: Answer) -> list[discord.File]:
    """Return the whole answer as a file where it is longer than a page."""
    if len(answer.pages) <= 1:
        return []
    return [discord.File(io.BytesIO(answer.text.encode()), FILE_NAME, description="The whole answer")]


def page_row(answer_id: str, page: int, count: int) -> discord.ui.ActionRow[Any]:
    """Return the buttons that turn pages; `page` counts from 0."""
    back = _button("Previous", Act.PAGE, answer_id, page - 1)
    here = discord.ui.Button[Any](
        label=f"{page + 1} / {count}", custom_id=f"earshot:page:{answer_id}", disabled=True
    )
    forth = _button("Next", Act.PAGE, answer_id, page + 1)
    back.disabled, forth.disabled = page <= 0, page >= count - 1
    return discord.ui.ActionRow(back, here, forth)


def turned(message: discord.Message, pages: list[str], answer_id: str, page: int) -> discord.ui.LayoutView:
    """Return a message of an answer with another page in it; all else stays as it is."""
    page = min(max(page, 0), len(pages) - 1)
    view = discord.ui.LayoutView.from_message(message, timeout=None)
    for item in list(view.children):
        if item.id == BODY_ID and isinstance(item, discord.ui.TextDisplay):
            item.content = pages[page]
        elif item.id == FILE_ID and isinstance(item, discord.ui.File):
            item.url = f"attachment://{FILE_NAME}"
        elif isinstance(item, discord.ui.ActionRow) and _turns_pages(item):
            _replace(view, item, page_row(answer_id, page, len(pages)))
    view.stop()
    return view


def page_alone(pages: list[str], answer_id: str, page: int) -> discord.ui.LayoutView:
    """Return a page for one reader, who turns the pages without turning them for all."""
    page = min(max(page, 0), len(pages) - 1)
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(pages[page], id=BODY_ID))
    view.add_item(page_row(answer_id, page, len(pages)))
    view.stop()
    return view


def sentence_view(text: str) -> discord.ui.LayoutView:
    """Return a sentence as a Components V2 message, for a message that has been one already."""
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay(unmentioned(text)))
    view.stop()
    return view


def footer(finished: Finished) -> str:
    """Return who answered, and what it took, in few words."""
    usage = finished.usage
    facts = [finished.model, f"{usage.total_tokens:,} tokens"]
    if usage.cost_usd is not None:
        facts.append(_dollars(usage.cost_usd))
    return " · ".join([*facts, f"{finished.seconds:.1f} s"])


def _dollars(amount: float) -> str:
    if 0 < amount < 0.0001:
        return "< $0.0001"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:.2f}"


def _progress(progress: Progress | None) -> str:
    if progress is None:
        return "Thinking…"
    stage = unmentioned(_clipped(progress.stage))
    if progress.fraction is None:
        return f"{stage}…"
    full = round(min(max(progress.fraction, 0), 1) * _BAR)
    return f"{'▰' * full}{'▱' * (_BAR - full)} {stage}"


def _clipped(text: str) -> str:
    while size(text) > NOTE_SIZE:
        text = f"{text[:-2]}…"
    return text


def _act_row(answer: Answer) -> discord.ui.ActionRow[Any]:
    buttons = [_button("Again", Act.AGAIN, answer.id)]
    if answer.pages:
        buttons.append(_button("Shorter", Act.SHORTER, answer.id))
        if answer.note:
            buttons.append(_button("Go on", Act.GO_ON, answer.id))
    return discord.ui.ActionRow(*buttons)


def _button(label: str, act: Act, answer_id: str, page: int | None = None) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=label, custom_id=custom_id(act, answer_id, page))


def _turns_pages(row: discord.ui.ActionRow[Any]) -> bool:
    return any(
        isinstance(item, discord.ui.Button) and f":{Act.PAGE}:" in (item.custom_id or "")
        for item in row.children
    )


def _replace(
    view: discord.ui.LayoutView, old: discord.ui.ActionRow[Any], new: discord.ui.ActionRow[Any]
) -> None:
    """Put a row in the place of another: views know no such thing, so what follows is added again."""
    items = list(view.children)
    view.clear_items()
    for item in items:
        view.add_item(new if item is old else item)
