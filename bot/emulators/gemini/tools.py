"""What the model does besides speaking: which tools it uses in a turn, and calls that wait for answers."""

import itertools

from bot.emulators.gemini.ears import spoken_s
from bot.emulators.gemini.knobs import Call, Knobs, ToolRule, ToolScript
from bot.emulators.gemini.messages import Message
from bot.emulators.gemini.reply import Thought
from bot.emulators.gemini.setup import Setup
from bot.emulators.gemini.wire import INVALID_ARGUMENT, RefusedError, ToolResult


def chosen(knobs: Knobs, thought: Thought, setup: Setup) -> ToolScript | None:
    """Take the next script, or else what the first rule says that fits the turn; None: no tool is used."""
    if knobs.tool_calls:
        return knobs.tool_calls.popleft()
    for rule in knobs.tool_rules:
        if rule.hits < rule.times and _fits(rule, thought, setup):
            rule.hits += 1
            return ToolScript(rule.calls)
    return None


def _fits(rule: ToolRule, thought: Thought, setup: Setup) -> bool:
    if thought.heard is None or thought.results:
        return False
    known = all(
        call.name in setup.functions if isinstance(call, Call) else setup.search for call in rule.calls
    )
    seen = len(thought.pictures) + len(thought.remembered)
    if not known or seen < rule.pictures or rule.speaker not in (None, thought.speaker):
        return False
    shortest, longest = rule.duration_s
    return (duration := spoken_s(thought.heard)) > 0.0 and shortest <= duration <= longest


class ToolDesk:
    """The open calls of one session."""

    def __init__(self, behaviors: dict[str, str], default: str) -> None:
        self._behaviors = behaviors
        self._default = default
        self._open: dict[str, bool] = {}  # whether the model waits for it, by id
        self._cancelled: set[str] = set()
        self._numbers = itertools.count(1)

    @property
    def blocked(self) -> bool:
        """Whether the model waits for an answer before it speaks."""
        return any(self._open.values())

    def call(self, script: ToolScript) -> tuple[Message, list[str]]:
        """Open the calls of a script; return the message's content and the ids."""
        calls: list[Message] = []
        ids: list[str] = []
        for call in script.calls:
            if not isinstance(call, Call):
                continue
            call_id = call.call_id or f"call-{next(self._numbers)}"
            self._open[call_id] = self._behaviors.get(call.name, self._default) == "BLOCKING"
            ids.append(call_id)
            arguments = {} if call.args is None else {"args": call.args}
            calls.append({"id": call_id, "name": call.name, **arguments})
        return {"functionCalls": calls}, ids

    def cancel(self, ids: list[str]) -> list[str]:
        """Give up those of the calls that are still open, and return them."""
        given_up = [call_id for call_id in dict.fromkeys(ids) if self._open.pop(call_id, None) is not None]
        self._cancelled.update(given_up)
        return given_up

    def cancel_blocking(self) -> list[str]:
        """Give up the calls that the model waits for, and return them."""
        return self.cancel([call_id for call_id, blocking in self._open.items() if blocking])

    def answer(self, results: tuple[ToolResult, ...]) -> list[ToolResult]:
        """Close calls; return the results that count. An id that was never called raises RefusedError.

        The answer to a call that was cancelled may have crossed the cancellation: it is ignored.
        """
        counted = []
        for result in results:
            if result.call_id in self._cancelled:
                continue
            if self._open.pop(result.call_id, None) is None:
                raise RefusedError(INVALID_ARGUMENT, f"No function call has the id {result.call_id!r}.")
            counted.append(result)
        return counted
