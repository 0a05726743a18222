"""What the model is about to do for people in a call, and on whose word.

A function call names nobody, so it is put down to all whose words it may rest on: see `askers`. Where
pictures or web pages are in the talk, or where the bot answers only who calls it and nobody clearly has, the
words may be nobody's; the tools are told.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence

from bot.conversation.askers import Askers
from bot.conversation.gate import AddressGate, GateState
from bot.conversation.toolbox import Result, Tool, Toolbox
from bot.live.events import (
    AnswerEnded,
    Interrupted,
    LiveEvent,
    Lost,
    Searched,
    ToolCalled,
    ToolsCancelled,
)
from bot.live.session import LiveSession

MOST_SEARCHED = 4  # searches of one answer that wait until it is played


class Errands:
    """The function calls and searches of one conversation."""

    def __init__(
        self,
        tools: Sequence[Tool],
        live: Callable[[], LiveSession],
        gate: Callable[[], AddressGate | None],
        *,
        on_slow: Callable[[], None],
        on_searched: Callable[[Searched], None],
        name: str,
    ) -> None:
        """`live()` and `gate()` are asked when there is something to answer.

        `on_slow` is told when something takes long that people wait for; `on_searched` what was searched
        for an answer that is heard.
        """
        self.toolbox = Toolbox(
            tools, answer=self._answer, on_slow=self._slow, on_foreign=self.shown, name=name
        )
        self._on_slow = on_slow
        self._on_searched = on_searched
        self._searched: deque[Searched] = deque(maxlen=MOST_SEARCHED)  # for an answer that may be dropped
        self._live = live
        self._gate = gate
        self.askers = Askers()
        self._tainted = False
        self._behind: dict[str, frozenset[int]] = {}  # who asked for the calls that run, by the calls' ids
        self._wanted: set[str] = set()  # calls that belong to answers which are heard
        self._owed = False  # whether another answer than the one that comes is to be heard

    def shown(self) -> None:
        """Take in that there are words in the talk that nobody said."""
        self._tainted = True

    def told(self, event: LiveEvent) -> None:
        """Do what the model asks for; to be called before the gate takes the event in."""
        self._show_searched()
        match event:
            case ToolCalled():
                gate = self._gate()
                clear = gate is None or gate.wanted
                if clear:
                    self._wanted.add(event.id)
                tainted = self._tainted or not clear
                self._behind[event.id] = askers = self.askers.now()
                others = self.askers.heard - askers
                self.toolbox.called(event, askers, tainted=tainted, others=others)
            case ToolsCancelled(ids, lost):
                gate = self._gate()
                for call_id in ids:
                    behind = self._behind.pop(call_id, frozenset())
                    if lost and gate is not None and call_id in self._wanted:
                        gate.asked(time.monotonic(), behind)  # the next connection is asked, and answers them
                self._wanted.difference_update(ids)
                self.toolbox.cancelled(event)
            case Searched():
                self._tainted = True
                self._searched.append(event)
                self._show_searched()
            case Interrupted():
                self._searched.clear()
                self.askers.interrupted()
            case Lost():  # what was asked may be asked again
                self._searched.clear()
                self.askers.lost()
            case AnswerEnded():
                self._searched.clear()
                self.askers.answer_ended()
                if self._owed and (gate := self._gate()) is not None:
                    gate.asked(time.monotonic())
                self._owed = False

    def hush(self) -> None:
        """Have nothing said of what runs now, though it is done to its end."""
        self.toolbox.hush()
        self._wanted.clear()
        self._owed = False

    def close(self) -> None:
        """Stop what runs."""
        self.toolbox.close()

    def _show_searched(self) -> None:
        """Tell of what was searched for, once it is sure that the answer is heard."""
        gate = self._gate()
        if gate is not None and gate.state is GateState.SHUT:
            self._searched.clear()
        if gate is None or gate.state is GateState.OPEN:
            while self._searched:
                self._on_searched(self._searched.popleft())

    def _slow(self, call: ToolCalled) -> None:
        gate = self._gate()
        if gate is None or gate.wanted or call.id in self._wanted:
            self._on_slow()

    def _answer(self, call: ToolCalled, result: Result, silent: bool) -> bool:
        given = self._live().answer_tool(call, result, silent=silent)
        behind = self._behind.pop(call.id, frozenset())
        if given and not silent:
            self.askers.found_out(behind)
        gate, wanted = self._gate(), call.id in self._wanted
        self._wanted.discard(call.id)
        if given and not silent and gate is not None and (wanted or gate.wanted):
            gate.asked(time.monotonic())  # what is told of the result belongs to what was asked
            # The result was there before the answer to the words: that comes first, and uses this up.
            self._owed = not self.askers.over
        return given
