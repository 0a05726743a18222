"""Keeps what changes something from being done twice, where the model asks for it anew.

When a connection is lost, the next one hears the turn again, and asks again for what was asked then: by
another id, with the same arguments. A doubled message asks by the same id. And a model that gave up a call
before it knew what came of it asks anew. In all cases what came of it, or will come, is the answer. Who asks
for the same thing again over the same connection, and had an answer, means it.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.live.events import ToolCalled

AGAIN_S = 30.0  # a lost connection is back by then, or the turn is too old to be asked again

Result: TypeAlias = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class _Change:
    """Something that is done, or was."""

    begun: float
    asked: ToolCalled
    result: "asyncio.Future[Result]"
    given_up: bool = False  # nobody was told what came of it


class Changes:
    """The changes of the last moment."""

    def __init__(self) -> None:
        self._changes: list[_Change] = []

    async def once(self, call: ToolCalled, do: Callable[[], Awaitable[Result]]) -> Result:
        """Do what a call asks for and return what comes of it; what came of it, where it was asked before."""
        now = time.monotonic()
        self._changes = [each for each in self._changes if now - each.begun < AGAIN_S]
        before = next((each for each in self._changes if _same(each, call)), None)
        if before is not None:
            before.given_up = False
            return await asyncio.shield(before.result)
        change = _Change(now, call, asyncio.get_running_loop().create_future())
        self._changes.append(change)
        try:
            result = await do()
        except BaseException:  # cancelled: whoever waits for it has no result either
            self._changes = [each for each in self._changes if each is not change]
            change.result.cancel()
            raise
        change.result.set_result(result)
        return result

    def given_up(self, call: ToolCalled) -> None:
        """Take in that the model is not told what comes of a call, which goes on."""
        for each in self._changes:
            if each.asked == call:
                each.given_up = True


def _same(change: _Change, now: ToolCalled) -> bool:
    """Whether two calls are one that was asked twice, whoever may have spoken between them."""
    before = change.asked
    if (before.name, _plain(before.args)) != (now.name, _plain(now.args)):
        return False
    return change.given_up or before.connection != now.connection or before.id == now.id


def _plain(args: Mapping[str, Any]) -> str:
    return json.dumps(args, sort_keys=True, default=str)
