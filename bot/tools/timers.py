"""Timers of a call: said aloud when they are over, and posted for who may post. They end with the call."""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.conversation.call import Call, CallError
from bot.conversation.sayings import SayError
from bot.conversation.toolbox import Result, Tool, ToolError, ToolUse
from bot.live.tools import FunctionSpec
from bot.text.escape import ZERO_WIDTH, one_line
from bot.tools.args import number_of, optional_text_of, text_of
from bot.tools.background import Background
from bot.tools.chat import Chat
from bot.tools.people import all_may_post, check_may_post, people
from bot.tools.rate import Rate

logger = logging.getLogger(__name__)

MOST = 10
SHORTEST_S, LONGEST_S = 5.0, 24 * 3600.0
LABEL = 60  # characters
SENTENCE = 200
AGAIN_S, TRIES = 5.0, 24  # where more texts wait to be said than may: two minutes

_SET = FunctionSpec(
    "set_timer",
    "Set a timer. When it is over I say so aloud in this call, and write it into the chat where who asked "
    "and all who spoke may write. It lasts as long as the call: where the call ends before, so does the "
    "timer. Give seconds or minutes, or both.",
    {
        "seconds": {"type": "number"},
        "minutes": {"type": "number"},
        "label": {"type": "string", "description": "What it is for, in a word or two, such as tea."},
        "sentence": {
            "type": "string",
            "description": "What is said aloud when it is over, one short sentence in the language that "
            "people here speak.",
        },
    },
    ("label",),
)
_LIST = FunctionSpec("list_timers", "Tell which timers run in this call, and how long each still takes.")
_CANCEL = FunctionSpec(
    "cancel_timer",
    "Cancel a timer of this call.",
    {"number": {"type": "integer", "description": "The number that set_timer or list_timers gave it."}},
    ("number",),
)

_MAY_END = "I leave where nobody speaks for {minutes} min, and this timer would end with the call; say so."


@dataclass(frozen=True, slots=True)
class _Timer:
    number: int
    label: str
    sentence: str
    askers: frozenset[int]
    others: frozenset[int]  # see ToolUse
    tainted: bool
    due: float
    handle: asyncio.TimerHandle


class Timers:
    """The timers of one call."""

    def __init__(
        self,
        call: Call,
        chat: Chat,
        background: Background,
        idle_minutes: Callable[[], int],
        rate: Rate,
    ) -> None:
        """`idle_minutes()` is after how long a call ends in which nobody speaks.

        `rate` is how often the model may have something posted to the call's chat.
        """
        self._call = call
        self._chat = chat
        self._background = background
        self._idle_minutes = idle_minutes
        self._rate = rate
        self._timers: dict[int, _Timer] = {}
        self._numbers = itertools.count(1)

    def tools(self) -> list[Tool]:
        """Return the functions."""
        return [
            Tool(_SET, self._set, changes=True, close=self.close),
            Tool(_LIST, self._list),
            Tool(_CANCEL, self._cancel, changes=True),
        ]

    def close(self) -> None:
        """Stop all of them: the call is over."""
        for timer in self._timers.values():
            timer.handle.cancel()
        self._timers.clear()

    async def _set(self, use: ToolUse) -> Result:
        label = " ".join(text_of(use, "label", LABEL).split())
        sentence = optional_text_of(use, "sentence", SENTENCE) or f"The timer for {label} is over."
        seconds = (number_of(use, "seconds") or 0.0) + 60 * (number_of(use, "minutes") or 0.0)
        if not SHORTEST_S <= seconds <= LONGEST_S:
            raise ToolError("A timer can take from 5 seconds up to 24 hours: say how long.")
        if len(self._timers) >= MOST:
            raise ToolError(f"{MOST} timers run already, and no more can: cancel one first.")
        number = next(self._numbers)
        handle = asyncio.get_running_loop().call_later(seconds, self._over, number)
        due = time.monotonic() + seconds
        self._timers[number] = _Timer(
            number, label, sentence, use.askers, use.others, use.tainted, due, handle
        )
        result = {"result": f"Timer {number} for {label} runs.", "over_in": lasting(seconds)}
        if seconds > 60 * (minutes := self._idle_minutes()):
            result["note"] = _MAY_END.format(minutes=minutes)
        return result

    async def _list(self, _use: ToolUse) -> Result:
        now = time.monotonic()
        by_time = sorted(self._timers.values(), key=lambda timer: timer.due)
        return {
            "timers": [
                {"number": each.number, "label": each.label, "over_in": lasting(each.due - now)}
                for each in by_time
            ]
        }

    async def _cancel(self, use: ToolUse) -> Result:
        timer = self._timers.pop(int(number_of(use, "number") or 0), None)
        if timer is None:
            raise ToolError("No timer of this number runs; list_timers tells which do.")
        timer.handle.cancel()
        return {"result": f"The timer for {timer.label} is cancelled."}

    def _over(self, number: int) -> None:
        timer = self._timers.pop(number)
        self._background.start(self._tell(timer), f"tools-timer-{self._call.channel.guild.id}")

    async def _tell(self, timer: _Timer) -> None:
        """Say that a timer is over, and post it."""
        said = self._say(timer)
        try:
            await self._post(timer)
        except ToolError as error:  # it is heard all the same
            logger.info("A timer was not posted: %s", error)
        for _ in range(TRIES):
            if said:
                return
            await asyncio.sleep(AGAIN_S)
            said = self._say(timer)

    async def _post(self, timer: _Timer) -> None:
        """Post that a timer is over, where all may write on whose word it may be set, or raise ToolError."""
        if timer.tainted or self._call.over:
            return
        place = self._chat.place(self._call)
        check_may_post(place, await people(self._call, timer.askers))
        # Else who may not write there could tell the model what to set as soon as somebody else speaks.
        if not await all_may_post(self._call, place, timer.others):
            return
        if self._call.over or not self._rate.take(time.monotonic()):
            return
        # An address within a label would become a link.
        label = one_line(timer.label.replace("://", f":{ZERO_WIDTH}//"), 2 * LABEL)
        await self._chat.post(self._call, f"**Timer over:** {label}")

    def _say(self, timer: _Timer) -> bool:
        """Have its sentence said; return False where too many wait already."""
        try:
            self._call.say(timer.sentence, own=not timer.tainted)
        except SayError:
            return False
        except CallError:  # the bot is muted, or the call over: nothing is to be heard
            return True
        return True


def lasting(seconds: float) -> str:
    """Return a time in words, such as `1 h 5 min` or `40 s`."""
    whole = max(0, round(seconds))
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
