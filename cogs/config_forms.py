"""The modals of the panel: for what is typed, and for a file with settings."""

from typing import Any

import discord

from bot.conversation.personas import personas
from bot.storage.guilds import GuildSettings
from bot.storage.settings_rules import IDLE_MINUTES, INSTRUCTION_LENGTH, RETENTION_DAYS, SettingError
from cogs.config_ids import Act, Page, custom_id
from cogs.modal_fields import FILES

VALUE = "value"  # custom id of the field; fixed, since modals may be open for long


def form(page: Page, name: str, settings: GuildSettings) -> discord.ui.Modal:
    """Return the modal in which a setting is typed."""
    title, label, description, field = _FORMS[name](settings)
    modal = discord.ui.Modal(title=title, custom_id=custom_id(Act.SUBMIT, page, name), timeout=None)
    modal.add_item(discord.ui.Label(text=label, description=description, component=field))
    modal.stop()  # it is answered by its custom id: discord.py would keep each one that is never submitted
    return modal


def import_form(page: Page) -> discord.ui.Modal:
    """Return the modal into which a file with settings is put."""
    modal = discord.ui.Modal(title="Import settings", custom_id=custom_id(Act.READ, page), timeout=None)
    files: discord.ui.FileUpload[Any] = discord.ui.FileUpload(
        custom_id=FILES, required=True, min_values=1, max_values=1
    )
    modal.add_item(
        discord.ui.Label(
            text="A settings.json that Export has given",
            description="What it names takes the place of this server's settings; all of it, or nothing.",
            component=files,
        )
    )
    modal.stop()
    return modal


def typed(name: str, text: str) -> object:
    """Return the value that was typed for a setting; raise SettingError where it is no number but must be."""
    if name not in ("retention_days", "idle_minutes"):
        return text or None
    if not (text.isascii() and text.isdecimal() and len(text) <= 6):
        unit, allowed = ("days", RETENTION_DAYS) if name == "retention_days" else ("minutes", IDLE_MINUTES)
        raise SettingError(f"Write the {unit} as a whole number from {allowed[0]} to {allowed[-1]}.")
    return int(text)


_Parts = tuple[str, str, str, "discord.ui.TextInput[Any]"]


def _persona(settings: GuildSettings) -> _Parts:
    known = personas()
    ready = known.ready.get(settings.persona)
    # A ready one is a good beginning of one's own.
    text = settings.instruction or (ready.text if ready else "")
    field = _field(text, 1, INSTRUCTION_LENGTH, discord.TextStyle.paragraph)
    return (
        "Our own persona",
        "Who am I, and how do I speak?",
        f"Written to me, as in “You are …”; up to {INSTRUCTION_LENGTH:,} characters.",
        field,
    )


def _language(settings: GuildSettings) -> _Parts:
    return (
        "Another language",
        "Language tag",
        "Such as da-DK, he-IL or sw-KE; empty: I answer in the language that I am spoken to.",
        _field(settings.language or "", 0, 12),
    )


def _retention(settings: GuildSettings) -> _Parts:
    return (
        "Transcripts",
        "Days for which they are kept",
        f"From {RETENTION_DAYS[0]}, which keeps nothing, to {RETENTION_DAYS[-1]}.",
        _field(str(settings.retention_days), 1, 6),
    )


def _idle(settings: GuildSettings) -> _Parts:
    return (
        "When nobody talks",
        "Minutes after which I leave",
        f"From {IDLE_MINUTES[0]} to {IDLE_MINUTES[-1]}; Google bills idle time, too.",
        _field(str(settings.idle_minutes), 1, 6),
    )


def _field(
    text: str, shortest: int, longest: int, style: discord.TextStyle = discord.TextStyle.short
) -> "discord.ui.TextInput[Any]":
    return discord.ui.TextInput(
        custom_id=VALUE,
        style=style,
        default=text or None,
        required=shortest > 0,
        min_length=shortest,
        max_length=longest,
    )


_FORMS = {
    "persona": _persona,
    "language": _language,
    "retention_days": _retention,
    "idle_minutes": _idle,
}
FORMS = frozenset(_FORMS)
