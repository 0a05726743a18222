"""Notes that people have the bot keep for their server, and what it finds among them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import discord

from bot.conversation.call import Call
from bot.conversation.names import cleaned
from bot.conversation.toolbox import Result, Tool, ToolError, ToolUse
from bot.live.tools import FunctionSpec
from bot.storage.notes import LENGTH, Note, NoteStore
from bot.text.escape import escaped
from bot.tools.args import optional_text_of, text_of
from bot.tools.chat import ASKED, Chat, Proposal
from bot.tools.people import all_may_post, check_may_post, named, people

FOUND = 20  # notes that are told: more is no answer
QUESTION = 200  # characters

_REMEMBER = FunctionSpec(
    "remember",
    "Keep a note for this server, for later calls. Only when a person here asks for that. Everybody in the "
    "server can have it recalled, and sees it in /notes. A result may say that it waits for a click in the "
    "chat.",
    {"text": {"type": "string", "description": "The note, in words that are clear without this call."}},
    ("text",),
)
_RECALL = FunctionSpec(
    "recall",
    "Look through the notes that were kept for this server.",
    {
        "words": {
            "type": "string",
            "description": "Words that the notes may hold. If left out, the newest notes are found.",
        }
    },
)


class Memory:
    """The notes, as one call uses them."""

    def __init__(self, call: Call, chat: Chat, notes: NoteStore) -> None:
        self._call = call
        self._chat = chat
        self._notes = notes

    def tools(self) -> list[Tool]:
        """Return the functions."""
        return [
            Tool(_REMEMBER, self._remember, changes=True),
            # Who wrote a note may not be here, and what it says was not said in this call.
            Tool(_RECALL, self._recall, foreign=True),
        ]

    async def _remember(self, use: ToolUse) -> Result:
        text = text_of(use, "text", LENGTH)
        asking = await people(self._call, use.askers)
        self._check(asking)

        async def do(member: discord.Member) -> str:
            self._check([member])
            await self._add(member, text)
            return "Noted: /notes list shows it, /notes forget deletes it."

        # A note belongs to one person, who can have it forgotten; where several may have asked, one says so.
        clear = not use.tainted and len(asking) == 1
        # Else who may not write could tell the model what to note as soon as somebody else speaks.
        if not (clear and await all_may_post(self._call, self._call.channel, use.others)):
            question = f"**{escaped(named(asking))}**, shall I keep this as a note for the server?"
            await self._chat.propose(self._call, Proposal(asking, question, text, "Keep", do))
            return ASKED
        number = await self._add(asking[0], text)
        return {"result": "The note is kept.", "number": number}

    async def _recall(self, use: ToolUse) -> Result:
        words = optional_text_of(use, "words", QUESTION)
        found = await self._notes.find(self._guild.id, words, FOUND)
        if not found:
            raise ToolError("No note was found." if words else "There are no notes yet.")
        return {"notes": [_told(note) for note in found]}

    async def _add(self, member: discord.Member, text: str) -> int:
        return await self._notes.add(self._guild.id, member.id, member.display_name, text, time.time())

    def _check(self, asking: Sequence[discord.Member]) -> None:
        check_may_post(self._call.channel, asking)

    @property
    def _guild(self) -> discord.Guild:
        return self._call.channel.guild


def _told(note: Note) -> dict[str, str]:
    return {
        "text": note.text,
        "told_by": cleaned(note.name),
        "on": f"{datetime.fromtimestamp(note.at, UTC):%Y-%m-%d}",
    }
