"""What a scene waits for, as it can be seen on the wires: the bot itself is asked for nothing."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from bot.demo.speech import Line
from bot.demo.stage import DemoError, Stage
from bot.demo.turns import GivenAnswer, given_answers, tool_uses
from bot.emulators.discord.trace import TraceEntry
from bot.emulators.gemini.record import Record

ANSWER_S = 60.0  # how long an answer may take to begin, and then to end, with what a function returned
QUIET_S = 0.5  # the bot has stopped when it sent nothing voiced for so long
UNTOLD_S = 5.0  # the same where the model may yet tell what a function returned
POLL_S = 0.05  # what is measured has its own times; looking often would only keep the machine busy

Tell = Callable[[str], None]
T = TypeVar("T")


async def until(condition: Callable[[], T | None], otherwise: str) -> T:
    """Wait for what the condition returns, and return it; raise DemoError where that takes too long."""
    deadline = time.monotonic() + ANSWER_S
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise DemoError(f"After {ANSWER_S:.0f} s {otherwise}.")
        await asyncio.sleep(POLL_S)
    return result


def voiced(stage: Stage, user_id: int, since: float) -> list[TraceEntry]:
    """Return the datagrams with somebody's speech that the voice server was sent."""
    return [
        entry
        for entry in stage.discord.trace.of("udp.in")
        if entry.fields.get("user_id") == user_id
        and entry.fields.get("silence") is False
        and entry.at >= since
    ]


def record_since(stage: Stage, since: float) -> Record:
    """Return what passed between the bot and the model."""
    return stage.relay.record.between(since, float("inf"))


def answer_after(stage: Stage, at: float) -> GivenAnswer | None:
    """Return the first answer that began after a time."""
    return next((each for each in given_answers(stage.relay.record) if each.first_audio > at), None)


def pause_before_answer(stage: Stage, line: Line) -> float | None:
    """Return for how many seconds nobody was heard, from a sentence's end to the answer; None before it."""
    answer = answer_after(stage, line.end)
    sent = voiced(stage, stage.discord.world.bot.id, answer.first_audio) if answer is not None else []
    return sent[0].at - line.end if sent else None


def spoke_for(stage: Stage, since: float) -> float:
    """Return for how many seconds the bot has spoken."""
    sent = voiced(stage, stage.discord.world.bot.id, since)
    return time.monotonic() - sent[0].at if sent else 0.0


def is_over(stage: Stage, since: float) -> bool:
    """Say whether an answer that began since has arrived whole and was played to its end, the last of all.

    What a function returned is told in an answer of its own: that is waited for.
    """
    record = record_since(stage, since)
    answers, uses = given_answers(record), tool_uses(record)
    sent = voiced(stage, stage.discord.world.bot.id, since)
    if not answers or answers[-1].ended is None or not sent:
        return False
    if any(use.answered is None for use in uses):
        return False
    untold = any(use.answered is not None and use.answered > answers[-1].first_audio for use in uses)
    return time.monotonic() - sent[-1].at > (UNTOLD_S if untold else QUIET_S)


async def noticed(stage: Stage, since: float, tell: Tell) -> None:
    """Wait until the bot has said what it is, which nobody asks it for."""
    await until(lambda: is_over(stage, since), "the bot had not said that it is an AI")
    said = given_answers(record_since(stage, since))[-1]
    tell(f"Earshot, asked to say that it is an AI: {said.text.strip()}")


def readable(text: str, stage: Stage) -> str:
    """Return what a message begins with, with the names of channels as a person sees them."""
    for channel in stage.discord.world.guild.channels.values():
        text = text.replace(f"<#{channel.id}>", f"#{channel.name}")
    return text.split("\n", 1)[0]
