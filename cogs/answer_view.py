"""How an answer looks: its text, files, small print, and buttons, as a Components V2 message."""

import io
from typing import Any

import discord

from bot.media.events import Finished, Progress
from bot.text.blocks import size
from bot.text.escape import unmentioned
from cogs.answer_buttons import Act, act_rows, button, link_row, page_row
from cogs.answer_files import FILE_NAME, MOST_FILES, ROOM, alt_text, attached, upload
from cogs.answer_sources import search_buttons
from cogs.answer_state import Answer, Stage

BODY_ID = 101  # of a component that is found again in a message which was sent long ago

NOTE_SIZE = 280  # with the page (3,300), heading (250) and footer, less than a message's 4,000 characters
_BAR = 10  # letters of a progress bar


class AnswerView(discord.ui.LayoutView):
    """An answer at one moment. Its buttons are answered by custom id, so discord.py need not keep it."""

    def __init__(self, answer: Answer, room: int = ROOM) -> None:
        """`room` is how many bytes a file may have in the place where it is shown."""
        super().__init__(timeout=None)
        self.files: list[discord.File] = []
        """What must be sent along: the view refers to it by name."""
        heading = " · ".join(part for part in (answer.label, answer.request.heading) if part)
        if heading:
            self._small(heading)
        if answer.ended:
            self._show_end(answer, room)
        else:
            self._show_growing(answer)
        self.stop()

    def _show_growing(self, answer: Answer) -> None:
        if answer.stage is Stage.WRITING and answer.pages:
            self._show_body(answer)
            self._small("writing…")
        else:
            self._small(_progress(answer.progress))
        self.add_item(discord.ui.ActionRow(button("Cancel", Act.CANCEL, answer.id)))

    def _show_end(self, answer: Answer, room: int) -> None:
        if answer.pages:
            self._show_body(answer)
        elif not (answer.note or answer.made):
            self._text("The model gave no answer: ask again.")
        left_out = self._show_files(answer, room)
        note = _clipped(" ".join(part for part in (left_out, unmentioned(answer.note)) if part))
        if note and (answer.pages or answer.made):
            self._small(note)
        elif note:
            self._text(note)
        if len(answer.pages) > 1 and room:
            self._attach_whole(answer)
        if answer.finished:
            self._small(footer(answer.finished))
        searches = search_buttons(answer.grounding)
        if searches:
            self.add_item(link_row(searches))
        if len(answer.pages) > 1:
            self.add_item(page_row(answer.id, 0, len(answer.pages)))
        acts = _acts(answer)
        for row in act_rows(answer.id, acts) if acts else ():
            self.add_item(row)

    def _show_body(self, answer: Answer) -> None:
        self._text(answer.pages[0], BODY_ID)

    def _show_files(self, answer: Answer, room: int) -> str:
        """Show what was made for the answer; return a sentence about what had to be left out."""
        most = MOST_FILES - (len(answer.pages) > 1)
        chosen = attached(answer.made, room=room, most=most)
        if chosen.pictures:
            pictures = [
                discord.MediaGalleryItem(f"attachment://{file.name}", description=alt_text(file))
                for file in chosen.pictures
            ]
            self.add_item(discord.ui.MediaGallery(*pictures))
        for file in chosen.others:
            self.add_item(discord.ui.File(f"attachment://{file.name}"))
        self.files += [upload(file) for file in (*chosen.pictures, *chosen.others)]
        return chosen.left_out

    def _attach_whole(self, answer: Answer) -> None:
        self.add_item(discord.ui.File(f"attachment://{FILE_NAME}"))
        data = io.BytesIO(answer.document.encode())
        self.files.append(discord.File(data, FILE_NAME, description="The whole answer"))

    def _small(self, text: str) -> None:
        self._text(f"-# {text}")

    def _text(self, text: str, component_id: int | None = None) -> None:
        self.add_item(discord.ui.TextDisplay(text, id=component_id))


def sentence_view(text: str) -> discord.ui.LayoutView:
    """Return a sentence as a Components V2 message, for a message that has been one already."""
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.TextDisplay[Any](unmentioned(text)))
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


def _acts(answer: Answer) -> list[tuple[str, Act]]:
    """Return what can be done with an answer that has ended."""
    acts = [] if answer.final else [("Again", Act.AGAIN)]
    if answer.pages:
        acts += [("Shorter", Act.SHORTER), ("Translate", Act.TRANSLATE), ("Ask more", Act.CONTINUE)]
        if answer.cut_short:
            acts.append(("Write the rest", Act.GO_ON))
        if answer.speakable:
            acts.append(("Speak it", Act.SPEAK))
    return acts
