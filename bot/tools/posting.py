"""Writes into the chat of a call for people, and posts the picture that they showed."""

import time
from collections.abc import Sequence

import discord

from bot.conversation.call import Call
from bot.conversation.names import cleaned
from bot.conversation.sights import Sight
from bot.conversation.toolbox import Result, Tool, ToolError, ToolUse
from bot.live.tools import FunctionSpec
from bot.text.escape import escaped, one_line, unmentioned
from bot.tools.args import text_of
from bot.tools.chat import ASKED, Chat, Picture, Proposal
from bot.tools.people import all_may_post, check_may_post, named, people
from bot.tools.rate import Rate

LONGEST = 1_600  # UTF-16 units: with the lines around it, it fits into a message of 2,000
MOST = 5  # posts of a call in a minute: more than anybody dictates, and no flood
_NAME = 60  # characters of a file's name

_MESSAGE = FunctionSpec(
    "post_message",
    "Write a message into the text chat of this call, where everybody there can read it. Only when a person "
    "here asks for that. A result may say that it waits for a click in the chat.",
    {"text": {"type": "string", "description": "The message, exactly as it is to stand there."}},
    ("text",),
)
_PICTURE = FunctionSpec(
    "post_picture",
    "Post the picture that was shown last into the text chat of this call. Only when a person here asks for "
    "that. Who showed it is asked for a click in the chat first.",
)
_DONE: Result = {"result": "It stands in the chat now."}
_NO_PICTURE = "Nobody has shown a picture in this call."
_GONE = "I don't have that picture any more: show it again."
_TOO_MANY = "That is enough for now: wait a minute before you post more."


class Posting:
    """What one call may post."""

    def __init__(self, call: Call, chat: Chat, rate: Rate) -> None:
        """`rate` is how often the model may have something posted to the call's chat."""
        self._call = call
        self._chat = chat
        self._rate = rate

    def tools(self) -> list[Tool]:
        """Return the functions."""
        return [
            Tool(_MESSAGE, self._message, changes=True),
            Tool(_PICTURE, self._picture, changes=True),
        ]

    async def _message(self, use: ToolUse) -> Result:
        text = text_of(use, "text", LONGEST)
        asking = await people(self._call, use.askers)
        self._check(asking)

        async def do(member: discord.Member) -> str:
            self._check([member])
            await self._post(f"-# For {escaped(named([member]))}, from the call:\n{unmentioned(text)}")
            return f"Posted for {escaped(named([member]))}."

        # Else who may not write there could tell the model what to post as soon as somebody else speaks.
        if use.tainted or not await all_may_post(self._call, self._chat.place(self._call), use.others):
            question = f"**{escaped(named(asking))}**, shall I post this here?"
            await self._chat.propose(self._call, Proposal(asking, question, text, "Post", do))
            return ASKED
        await self._post(f"-# For {escaped(named(asking))}, from the call:\n{unmentioned(text)}")
        return _DONE

    async def _picture(self, use: ToolUse) -> Result:
        sights = self._call.sights
        if not sights:
            raise ToolError(_NO_PICTURE)
        sight = sights[-1]
        asking = await people(self._call, use.askers)
        self._check(asking, files=True)
        # What was shown to the call alone is not for the chat unless who showed it says so.
        owner = (await people(self._call, {sight.by}))[0]

        async def do(member: discord.Member) -> str:
            if sight not in self._call.sights:  # taken back meanwhile, or the call is over
                raise ToolError(_GONE)
            self._check([member], files=True)
            about = f"-# For {escaped(named(asking))}, from the call"
            await self._post(about, _copy(sight, named([owner])))
            return "Posted."

        title = one_line(sight.title, _NAME)
        whose = "your" if sight.poster is None else f"{escaped(cleaned(sight.poster.name))}'s"
        question = f"**{escaped(named([owner]))}**, shall I post {whose} picture {title} here?"
        if owner.id not in use.askers:
            question += f" {escaped(named(asking))} asked for it."
        await self._chat.propose(self._call, Proposal([owner], question, "", "Post", do))
        return ASKED

    def _check(self, asking: Sequence[discord.Member], *, files: bool = False) -> None:
        check_may_post(self._chat.place(self._call), asking, files=files)

    async def _post(self, text: str, picture: Picture | None = None) -> None:
        if not self._rate.take(time.monotonic()):
            raise ToolError(_TOO_MANY)
        await self._chat.post(self._call, text, picture)


def _copy(sight: Sight, owner: str) -> Picture:
    """Return a picture as the model saw it: made anew, without what a camera writes into a file."""
    return Picture("picture.jpg", sight.jpeg, f"A picture that {owner} showed in the call.")
