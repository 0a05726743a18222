"""What there is to read in a message, and what of it is a question to the bot."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import discord

from bot.media.sources import Source
from cogs.answer import answer_id_of
from cogs.media_request import attached

QUOTED_LENGTH = 8_000  # characters of a message that is asked about: its own 4,000, and some of its embeds

_NAME = "Earshot"


@dataclass(frozen=True)
class Said:
    """A message to the bot, taken apart."""

    question: str
    files: tuple[Source, ...]
    """That came with the question."""
    quoted: str
    """The text of the message that it replies to, or forwards."""
    quoted_files: tuple[Source, ...]
    hidden: bool
    """Whether it replies to a message that the bot can't see."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to answer."""
        return not (self.question or self.files or self.quoted or self.quoted_files)


def said(message: discord.Message, bot_id: int) -> Said:
    """Take a message to the bot apart. What it replies to is quoted where that isn't the bot's own."""
    question = addressed(message.content, bot_id)
    if message.message_snapshots:
        return Said(question, (), words_of(message), tuple(attached(message)), hidden=False)
    files = tuple(attached(message))
    replied = replied_to(message)
    if message.type is not discord.MessageType.reply or (replied and replied.author.id == bot_id):
        return Said(question, files, "", (), hidden=False)
    if replied is None or not readable(replied):
        return Said(question, files, "", (), hidden=True)
    return Said(question, files, words_of(replied), tuple(attached(replied)), hidden=False)


def replied_to(message: discord.Message) -> discord.Message | None:
    """Return the message that this one replies to; None where there is none, or it is deleted."""
    replied = message.reference.resolved if message.reference else None
    return replied if isinstance(replied, discord.Message) else None


def answer_in(message: discord.Message | None, bot_id: int) -> str | None:
    """Return the id of the answer that is in a message; None where it is no answer of this bot."""
    if message is None or message.author.id != bot_id:
        return None
    return answer_id_of(message)


def readable(message: discord.Message) -> bool:
    """Say whether there is anything in a message that can be asked about."""
    return bool(attached(message) or words_of(message))


def addressed(content: str, bot_id: int) -> str:
    """Return what is said to the bot: at both ends its mention only calls it, within it stands for a name."""
    mention = rf"<@!?{bot_id}>"
    # Between two mentions only one \s* may match: with two, many mentions far apart would take for ever.
    ends = rf"^(?:{mention}[\s,:]*)+|(?:{mention}\s*)+$"
    return re.sub(mention, _NAME, re.sub(ends, "", content.strip())).strip()


def words_of(message: discord.Message) -> str:
    """Return all that can be read in a message, or in what it forwards: text, embeds, components, a poll."""
    texts = [message.content, *_embedded(message.embeds), *_shown(message.components)]
    for snapshot in message.message_snapshots:
        texts += [snapshot.content, *_embedded(snapshot.embeds), *_shown(snapshot.components)]
    if message.poll is not None:
        texts += [message.poll.question, *(f"- {answer.text}" for answer in message.poll.answers)]
    return "\n".join(text for text in texts if text)[:QUOTED_LENGTH]


def _embedded(embeds: Iterable[discord.Embed]) -> Iterator[str]:
    for embed in embeds:
        fields = (text for field in embed.fields for text in (field.name, field.value))
        texts = (embed.author.name, embed.title, embed.description, *fields, embed.footer.text)
        yield from (text for text in texts if text)


def _shown(components: Iterable[Any]) -> Iterator[str]:
    """Yield the text of components, within containers and sections too."""
    for component in components:
        if isinstance(component, discord.TextDisplay):
            yield component.content
        yield from _shown(getattr(component, "children", ()))
