"""Modals that ask a question about files, and reading what was put into one.

A submitted modal is read from what Discord sent, not from discord.py's copy of the modal, so that one which
was open while the bot was restarted is answered too.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import discord

from bot.media.request import MAX_SOURCES
from bot.media.sources import Source

QUESTION, FILES = "question", "files"  # custom ids of the fields; fixed, since modals may be open for long
QUESTION_LENGTH = 4_000  # characters; Discord takes no more in a field

_FILES_TAKEN = "Pictures, PDFs, recordings, videos, text or code: up to {limit}."


class QuestionModal(discord.ui.Modal):
    """A field for a question, and one for files. Whoever listens to its custom id answers it."""

    def __init__(
        self,
        custom_id: str,
        title: str,
        *,
        label: str,
        placeholder: str,
        files_label: str,
        max_files: int = MAX_SOURCES,
    ) -> None:
        """Make a modal; without room for files, there is no field for them.

        Discord takes 45 characters of a title or label and 100 of a placeholder or custom id.
        """
        super().__init__(title=title, custom_id=custom_id, timeout=None)
        question = discord.ui.TextInput[Any](
            custom_id=QUESTION,
            style=discord.TextStyle.paragraph,
            placeholder=placeholder,
            min_length=1,
            max_length=QUESTION_LENGTH,
        )
        self.add_item(discord.ui.Label(text=label, component=question))
        if max_files > 0:
            files = discord.ui.FileUpload[Any](
                custom_id=FILES, required=False, min_values=0, max_values=max_files
            )
            self.add_item(
                discord.ui.Label(
                    text=files_label, description=_FILES_TAKEN.format(limit=max_files), component=files
                )
            )
        # It is answered by its custom id: discord.py would keep each one that is never submitted.
        self.stop()


def question_after(answer_id: str) -> QuestionModal:
    """Return the modal for a question that follows an answer."""
    return QuestionModal(
        f"earshot:ask:answer:{answer_id}",
        "Ask more about this answer",
        label="Your next question",
        placeholder="Why is that? And the second file? Compare it with the one that I add.",
        files_label="More files",
    )


def text_of(interaction: discord.Interaction, custom_id: str) -> str:
    """Return what was written into a field of a submitted modal, without the space around it."""
    return str(_field(interaction, custom_id).get("value") or "").strip()


def files_of(interaction: discord.Interaction, custom_id: str) -> list[Source]:
    """Return what was uploaded into a field of a submitted modal, in the person's order."""
    data = cast(dict[str, Any], interaction.data)
    attachments = data.get("resolved", {}).get("attachments", {})
    uploaded = [attachments[file_id] for file_id in _field(interaction, custom_id).get("values", [])]
    return [
        Source(file["filename"], file["url"], file["size"], file.get("content_type")) for file in uploaded
    ]


def _field(interaction: discord.Interaction, custom_id: str) -> Mapping[str, Any]:
    """Return a field as it was submitted; an empty one where the modal has none of that custom id."""
    data = cast(dict[str, Any], interaction.data)
    fields = _fields(data["components"])
    return next((field for field in fields if field.get("custom_id") == custom_id), {})


def _fields(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the fields, each of which Discord puts into a label (or, in older modals, into a row)."""
    for component in components:
        yield from [component["component"]] if "component" in component else component.get("components", [])
