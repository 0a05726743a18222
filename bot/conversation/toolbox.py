"""What the model asks the program to do in a call: begun at once, ended in time, and always answered.

The model talks on meanwhile. A call that it gives up is cancelled. One whose connection is lost can't be
answered any more, and is asked anew over the next one. What changes something is done to its end in either
case, and what came of it is kept for a moment, lest it be done twice (`changes`).
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.conversation.changes import Changes
from bot.errors import EarshotError
from bot.live.events import ToolCalled, ToolsCancelled
from bot.live.tools import FunctionSpec
from bot.tasks import going_on

logger = logging.getLogger(__name__)

LIMIT_S = 10.0  # a turn that is not answered after 20 s is not asked again, see bot.live.outbox
SLOW_S = 2.0  # after this people wonder whether they were heard
MOST = 8  # at once: a model that calls more has lost its way
LONGEST = 6_000  # characters of JSON, some 1,500 tokens, which are billed again with every turn

Result: TypeAlias = Mapping[str, Any]

_UNKNOWN = "There is no function of this name."
_TOO_MANY = "Too many functions run at once; wait for the results."
_LATE = "It took too long and was given up."
_LATE_CHANGE = "It took too long, and nobody knows whether it was done; say so."
_MISSING = "These arguments are missing: {names}."
_BROKEN = "It failed; say so, and go on."


class ToolError(EarshotError):
    """Why something can't be done; the model is told, and tells the person."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One function call, as the tool is given it."""

    args: Mapping[str, Any]
    askers: frozenset[int]
    """Whose words it may rest on, by user id: what needs a permission needs that of each; empty: nobody's."""
    tainted: bool
    """Whether pictures or web pages are in the talk: words in them may have asked for it, not a person."""
    others: frozenset[int] = frozenset()
    """Who else has spoken or written in the call: the model knows their words, and may act on them later."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `run` raises EarshotError for what can't be done."""

    spec: FunctionSpec
    run: Callable[[ToolUse], Awaitable[Result]]
    limit_s: float = LIMIT_S
    changes: bool = False
    """Whether it changes something that outlasts the answer."""
    silent: bool = False
    """Whether the model is to say nothing about the result."""
    foreign: bool = False
    """Whether a result may hold words that nobody in the call said, such as what is written on a picture."""
    close: Callable[[], None] | None = None
    """Called when the call is over."""


@dataclass(slots=True)
class ToolCounters:
    """What became of the calls of functions."""

    run: int = 0
    failed: int = 0
    late: int = 0
    cancelled: int = 0


@dataclass(eq=False, slots=True)
class _Run:
    """A call of a function that is being worked on."""

    tool: Tool
    call: ToolCalled
    slow: asyncio.TimerHandle
    task: "asyncio.Task[None] | None" = None
    begun: bool = False
    hushed: bool = False  # nothing is to be said of what comes of it

    def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()


class Toolbox:
    """The functions of one call, and those that run."""

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        answer: Callable[[ToolCalled, Result, bool], bool],
        on_slow: Callable[[ToolCalled], None],
        on_foreign: Callable[[], None],
        name: str,
    ) -> None:
        """`answer(call, result, silent)` gives the model a result; `on_slow(call)` is told of a slow one.

        `on_foreign` is told before a result is given that holds words which nobody in the call said.
        """
        self.counters = ToolCounters()
        self._tools = {tool.spec.name: tool for tool in tools}
        self._answer = answer
        self._on_slow = on_slow
        self._on_foreign = on_foreign
        self._name = name
        self._running: dict[str, _Run] = {}  # by the id that the model gave
        self._orphans: set[_Run] = set()  # changes that are done to their end, unanswered
        self._changes = Changes()

    @property
    def specs(self) -> tuple[FunctionSpec, ...]:
        """What the model is told of them."""
        return tuple(tool.spec for tool in self._tools.values())

    @property
    def running(self) -> int:
        """How many run."""
        return len(self._running) + len(self._orphans)

    def called(
        self, call: ToolCalled, askers: frozenset[int], *, tainted: bool, others: frozenset[int]
    ) -> None:
        """Begin what the model asks for; whatever becomes of it is answered."""
        tool = self._tools.get(call.name)
        if tool is None or self.running >= MOST:
            self.counters.failed += 1
            self._answer(call, {"error": _UNKNOWN if tool is None else _TOO_MANY}, False)
            return
        use = ToolUse(call.args, askers, tainted, others)
        run = _Run(tool, call, asyncio.get_running_loop().call_later(SLOW_S, self._on_slow, call))
        self._running[call.id] = run
        run.task = asyncio.create_task(self._run(run, use), name=f"{self._name}-tool-{call.name}")
        run.task.add_done_callback(lambda _: self._ended(run))

    def cancelled(self, event: ToolsCancelled) -> None:
        """Stop what is not wanted any more; what changes something is left to end: it may be half done."""
        for call_id in event.ids:
            run = self._running.pop(call_id, None)
            if run is None:
                continue
            self.counters.cancelled += 1
            run.slow.cancel()
            if run.tool.changes and (run.begun or event.lost):
                self._orphans.add(run)
                self._changes.given_up(run.call)
            else:
                run.stop()

    def hush(self) -> None:
        """Have nothing said of what runs now: it goes on, and what comes of it is given silently."""
        for run in self._running.values():
            run.hushed = True
            run.slow.cancel()

    def close(self) -> None:
        """Stop all of them, and what they began."""
        for run in (*self._running.values(), *self._orphans):
            run.stop()
        for tool in self._tools.values():
            if tool.close is not None:
                with going_on(f"The tool {tool.spec.name} was not closed"):
                    tool.close()

    def _ended(self, run: _Run) -> None:
        run.slow.cancel()
        self._orphans.discard(run)
        # Another connection may have given the same id meanwhile.
        if self._running.get(run.call.id) is run:
            del self._running[run.call.id]

    async def _run(self, run: _Run, use: ToolUse) -> None:
        run.begun = True
        tool = run.tool
        if tool.changes:
            result = await self._changes.once(run.call, lambda: self._result(tool, use))
        else:
            result = await self._result(tool, use)
        if run in self._orphans:
            return
        if tool.foreign and "error" not in result:
            self._on_foreign()
        self._answer(run.call, result, run.hushed or (tool.silent and "error" not in result))

    async def _result(self, tool: Tool, use: ToolUse) -> Result:
        missing = [name for name in tool.spec.required if use.args.get(name) is None]
        if missing:
            self.counters.failed += 1
            return {"error": _MISSING.format(names=", ".join(missing))}
        self.counters.run += 1
        try:
            async with asyncio.timeout(tool.limit_s):
                return fitted(await tool.run(use))
        except TimeoutError:
            self.counters.late += 1
            return {"error": _LATE_CHANGE if tool.changes else _LATE}
        except EarshotError as error:
            self.counters.failed += 1
            return {"error": str(error)}
        except Exception:  # the edge of the task: a bug in one tool must not leave the model waiting
            self.counters.failed += 1
            logger.exception("The tool %s failed", tool.spec.name)
            return {"error": _BROKEN}


def fitted(result: Result) -> Result:
    """Return a result that is not too long for the model's context; raises TypeError for what is no JSON."""
    text = json.dumps(result, ensure_ascii=False)
    if len(text) <= LONGEST:
        return result
    return {"result": text[:LONGEST], "note": "This is only the beginning; the rest was too long."}
