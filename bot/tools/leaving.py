"""Leaves a call when somebody there asks for it, once the goodbye was heard."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence, Set

import discord

from bot.conversation.call import Call, CallError
from bot.conversation.call_requests import OVER_WORDS
from bot.conversation.names import NOBODY
from bot.conversation.toolbox import Result, Tool, ToolError, ToolUse
from bot.live.tools import FunctionSpec
from bot.text.escape import escaped
from bot.tools.background import Background
from bot.tools.chat import ASKED, Chat, Proposal
from bot.tools.people import named, people

LONGEST_S = 10.0  # of what is being said, and then of the goodbye
BEGINS_S = 2.0  # after the result the model takes a second or so to begin with its goodbye
CHECK_S = 0.05

_SPEC = FunctionSpec(
    "leave",
    "Leave this call. Only when a person here asks me to go. Say goodbye after the result, unless that says "
    "that it waits for a click in the chat.",
)
_STRANGER = "Only people in the channel can send me away, and it is not clear that one of them did."
_OUTSIDE = "Only people in the channel can send me away."
_LEFT = "I have left, as {names} asked; /join brings me back."
_GOODBYE: Result = {"result": "Say goodbye in a few words now; I leave when that was heard."}


def leave(call: Call, chat: Chat, background: Background, end: Callable[[], Awaitable[object]]) -> Tool:
    """Return the function of a call; `end()` ends it."""

    async def run(use: ToolUse) -> Result:
        if not use.askers or not are_there(use.askers):
            raise ToolError(_STRANGER)
        if use.tainted:
            deciders = await people(call, use.askers)
            question = f"**{escaped(named(deciders))}**, shall I leave this call?"
            await chat.propose(call, Proposal(deciders, question, "", "Leave", agreed))
            return ASKED
        guild = call.channel.guild
        go([member for user_id in sorted(use.askers) if (member := guild.get_member(user_id))])
        return _GOODBYE

    async def agreed(member: discord.Member) -> str:
        if call.over:
            raise CallError(OVER_WORDS)
        if not are_there({member.id}):
            raise ToolError(_OUTSIDE)
        go([member])
        return f"I leave, as {escaped(named([member]))} decided."

    def go(asking: Sequence[discord.Member]) -> None:
        words = _LEFT.format(names=escaped(named(asking)) or NOBODY)
        background.start(_leave(call, chat, words, end), f"tools-leave-{call.channel.guild.id}")

    def are_there(user_ids: Set[int]) -> bool:
        return user_ids <= set(call.channel.voice_states)

    return Tool(_SPEC, run, changes=True)


async def _leave(call: Call, chat: Chat, words: str, end: Callable[[], Awaitable[object]]) -> None:
    # What is said now may have been begun before; the goodbye comes after it.
    await _until(lambda: not call.talking, LONGEST_S)
    if await _until(lambda: call.talking, BEGINS_S):
        await _until(lambda: not call.talking, LONGEST_S)
    if call.over:  # otherwise; another one may run here by now
        return
    with contextlib.suppress(ToolError):  # who was there has heard it
        await chat.post(call, words)
    await end()


async def _until(happens: Callable[[], bool], within_s: float) -> bool:
    """Wait for something; return whether it happened in time."""
    deadline = time.monotonic() + within_s
    while not happens():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(CHECK_S)
    return True
