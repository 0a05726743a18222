"""The chat of a call, where what is done for people is shown, and where they are asked before it is done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import discord

from bot.conversation.call import Call
from bot.conversation.toolbox import Result
from bot.media.events import Grounding

Place: TypeAlias = discord.VoiceChannel | discord.StageChannel | discord.TextChannel | discord.Thread

ASKED: Result = {
    "result": "Not done yet: the question whether to do it is in the chat now, with a button. Say that it "
    "waits for a click there."
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to post."""

    name: str
    data: bytes
    description: str
    """Alt text."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that is done once a person has agreed to it by a click."""

    deciders: Sequence[discord.Member]
    """Each of whom may decide."""
    question: str
    """In Discord's Markdown; what it holds of people's words is escaped."""
    quoted: str
    """The words that it is about, shown as they are; maybe none."""
    label: str
    """Of the button that agrees."""
    do: Callable[[discord.Member], Awaitable[str]]
    """Do it, as the person who agreed; return a sentence that says so. Raises EarshotError."""


class Chat(Protocol):
    """Posts to the chats of calls, and mentions nobody."""

    def place(self, call: Call) -> Place:
        """Return where the chat of a call is; raise ToolError where there is none that the bot may use."""

    async def post(self, call: Call, text: str, picture: Picture | None = None) -> None:
        """Post Markdown of at most 2,000 UTF-16 units. Raises ToolError."""

    async def propose(self, call: Call, proposal: Proposal) -> None:
        """Ask for a click. Raises ToolError."""

    async def show_sources(self, call: Call, grounding: Grounding) -> None:
        """Post what an answer rests on, and what was searched for, as links. Raises ToolError."""
