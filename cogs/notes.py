"""`/notes`: what people had the bot keep for a server in calls, to be seen and forgotten."""

import io
from datetime import UTC, datetime

import discord
from discord import app_commands
from discord.ext import commands

from bot.errors import EarshotError
from bot.storage.errors import StorageError
from bot.storage.notes import MOST, Note, NoteStore
from bot.text.blocks import size
from bot.text.escape import one_line
from cogs.config_rights import RightsError, guild_of, is_manager

WORDS = 200  # characters that are looked for
SHOWN = 20  # notes in a message; a file has all of them
_NAME = 32
_LINE = 150  # characters of a note in the list
_CHOICE = 80  # of a note in a choice, which has 100
_OFFERED = 25  # choices: Discord shows no more
_ROOM = 1_800  # UTF-16 units of a message for the list; it takes 2,000

_NONE = "No notes are kept for this server: in a call, ask me to remember something."
_NONE_FOUND = "No note has these words; /notes list without words shows all."
_UNKNOWN = "There is no such note: choose one of those that are offered while you type."
_NO_RIGHT = "That note is {name}'s: only they, or people with the Manage Server permission, can delete it."


class Notes(commands.Cog):
    """Shows and forgets notes."""

    notes = app_commands.Group(
        name="notes",
        description="What people had me remember for this server.",
        guild_only=True,
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )

    def __init__(self, store: NoteStore) -> None:
        self._store = store

    @notes.command(name="list", description="Show the notes that I keep for this server.")
    @app_commands.describe(words="Only notes in which these occur.")
    async def list_(
        self, interaction: discord.Interaction, words: app_commands.Range[str, 1, WORDS] | None = None
    ) -> None:
        """Show the notes to who asks, all of them in a file where they are many."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._store.find(guild_of(interaction).id, words or "", MOST)
        if not found:
            raise EarshotError(_NONE_FOUND if words else _NONE)
        lines = _fitting([_line(note) for note in found])
        whole = len(lines) == len(found) and all(len(note.text) <= _LINE for note in found)
        more = "" if whole else " notes.txt has all of them in full."
        text = "\n".join([*lines, f"-# /notes forget deletes one.{more}"])
        await interaction.edit_original_response(
            content=text,
            attachments=[] if whole else [_file(found)],
            allowed_mentions=discord.AllowedMentions.none(),
        )

    @notes.command(
        description="Delete a note that you had me take, or any with the Manage Server permission."
    )
    @app_commands.describe(note="The note, by its number.")
    async def forget(
        self, interaction: discord.Interaction, note: app_commands.Range[int, 1, 2**53 - 1]
    ) -> None:
        """Delete a note."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = guild_of(interaction).id
        found = next((each for each in await self._all(guild_id) if each.id == note), None)
        if found is None:
            raise EarshotError(_UNKNOWN)
        if not _may_forget(interaction, found):
            raise RightsError(_NO_RIGHT.format(name=one_line(found.name, _NAME)))
        await self._store.forget(guild_id, note)
        await interaction.edit_original_response(content=f"Note {note} is deleted.")

    @forget.autocomplete("note")
    async def _offer(self, interaction: discord.Interaction, current: str) -> list[app_commands.Choice[int]]:
        """Offer the notes that a person may have forgotten, the newest first."""
        if interaction.guild_id is None:
            return []
        try:
            kept = await self._all(interaction.guild_id)
        except StorageError:
            return []  # choices are a comfort: a number can be typed without
        typed = str(current).strip().casefold()
        mine = [note for note in kept if _may_forget(interaction, note)]
        found = [note for note in mine if typed in f"{note.id} {note.name} {note.text}".casefold()]
        return [app_commands.Choice(name=_choice(note), value=note.id) for note in found[:_OFFERED]]

    async def _all(self, guild_id: int) -> list[Note]:
        return await self._store.find(guild_id, "", MOST)


def _may_forget(interaction: discord.Interaction, note: Note) -> bool:
    return note.user_id == interaction.user.id or is_manager(interaction)


def _line(note: Note) -> str:
    return f"`{note.id}` {one_line(note.text, _LINE)} — {one_line(note.name, _NAME)}, <t:{note.at:.0f}:d>"


def _choice(note: Note) -> str:
    text = " ".join(note.text.split())
    return f"{note.id}: {text if len(text) <= _CHOICE else f'{text[: _CHOICE - 1]}…'}"


def _fitting(lines: list[str]) -> list[str]:
    """Return as many lines as a message takes."""
    kept, left = [], _ROOM
    for line in lines[:SHOWN]:
        left -= size(line) + 1
        if left < 0:
            break
        kept.append(line)
    return kept


def _file(notes: list[Note]) -> discord.File:
    lines = [
        f"{note.id}\t{datetime.fromtimestamp(note.at, UTC):%Y-%m-%d}\t{' '.join(note.name.split())}\t"
        f"{' '.join(note.text.split())}\n"
        for note in notes
    ]
    return discord.File(io.BytesIO("".join(lines).encode(errors="replace")), "notes.txt")
