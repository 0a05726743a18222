"""What the commands about files share: who asks, about what, and where that is allowed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import discord
from discord import app_commands

from bot.media.request import MediaRequest
from bot.media.sources import Source
from bot.media.task import Task
from bot.text.escape import one_line

T = TypeVar("T")

# Of a line in small print above the answer; escapes may double them, and the line has 230 characters.
_ASKED, _NAMED = 70, 35

INSTALLS = app_commands.AppInstallationType(guild=True, user=True)
CONTEXTS = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)


def anywhere(command: T) -> T:
    """Let a command be used in servers, in direct messages, and wherever a person has the bot."""
    installs: Callable[[T], T] = app_commands.allowed_installs(guilds=True, users=True)
    contexts: Callable[[T], T] = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    return installs(contexts(command))


def source_of(file: discord.Attachment) -> Source:
    """Return a posted file as the source of a request."""
    return Source(file.filename, file.url, file.size, file.content_type)


def request_of(
    interaction: discord.Interaction,
    sources: Sequence[Source],
    task: Task,
    *,
    about: str | None = None,
    message: discord.Message | None = None,
) -> MediaRequest:
    """Return the request of who used a command; `about` is shown above the answer, as is a `message`."""
    return MediaRequest(
        guild_id=interaction.guild_id,
        user_id=interaction.user.id,
        sources=tuple(sources),
        task=task,
        heading=_heading(sources, about, message),
        locale=interaction.locale.value,
    )


def attached(message: discord.Message) -> list[Source]:
    """Return the files of a message, or of the one that it forwards."""
    forwarded = [file for snapshot in message.message_snapshots for file in snapshot.attachments]
    return [source_of(file) for file in (*message.attachments, *forwarded)]


def _heading(sources: Sequence[Source], about: str | None, message: discord.Message | None) -> str:
    parts = [] if message is None else [f"[a message]({message.jump_url})"]
    if about:
        parts.append(one_line(about, _ASKED))
    if sources:
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        parts.append(one_line(sources[0].filename, _NAMED) + more)
    return " · ".join(parts)
