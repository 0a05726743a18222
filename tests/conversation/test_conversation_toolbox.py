"""The functions of a call: begun at once, ended in time, always answered, and no change done twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from loopback import eventually

from bot.conversation import toolbox
from bot.conversation.toolbox import LONGEST, MOST, Tool, Toolbox, ToolError, ToolUse, fitted
from bot.live.events import ToolCalled, ToolsCancelled
from bot.live.tools import FunctionSpec

ADA, BEN = 1, 2


class Bench:
    """A toolbox, and what it answered."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, Mapping[str, Any], bool]] = []
        self.slow = 0
        self.foreign: list[int] = []  # how many answers had been given by then
        self.uses: list[ToolUse] = []
        self.gate = asyncio.Event()
        self.closed = 0
        self.box = Toolbox(
            [
                self.tool("quick", self.quick),
                self.tool("stuck", self.stuck),
                self.tool("post", self.waits, changes=True),
                self.tool("hangs", self.stuck, changes=True),
                self.tool("broken", self.broken),
                self.tool("refused", self.refused),
                self.tool("odd", self.odd),
                self.tool("read", self.quick, foreign=True),
                self.tool("hush", self.quick, silent=True),
                Tool(
                    FunctionSpec("strict", "", {"text": {"type": "string"}}, ("text",)),
                    self.quick,
                    close=self.close_it,
                ),
            ],
            answer=self.answer,
            on_slow=self.on_slow,
            on_foreign=lambda: self.foreign.append(len(self.answers)),
            name="call-1",
        )

    @staticmethod
    def tool(name: str, run: Callable[[ToolUse], Awaitable[Mapping[str, Any]]], **more: Any) -> Tool:
        return Tool(FunctionSpec(name, ""), run, **more)

    def answer(self, call: ToolCalled, result: Mapping[str, Any], silent: bool) -> bool:
        self.answers.append((call.id, result, silent))
        return True

    def on_slow(self, _call: ToolCalled) -> None:
        self.slow += 1

    def close_it(self) -> None:
        self.closed += 1

    async def quick(self, use: ToolUse) -> Mapping[str, Any]:
        self.uses.append(use)
        return {"result": "done"}

    async def stuck(self, use: ToolUse) -> Mapping[str, Any]:
        self.uses.append(use)
        await asyncio.Event().wait()
        return {}

    async def waits(self, use: ToolUse) -> Mapping[str, Any]:
        self.uses.append(use)
        await self.gate.wait()
        return {"result": f"post {len(self.uses)}"}

    async def broken(self, _use: ToolUse) -> Mapping[str, Any]:
        raise KeyError("a bug with a secret in it")

    async def refused(self, _use: ToolUse) -> Mapping[str, Any]:
        raise ToolError("Ada may not do that.")

    async def odd(self, _use: ToolUse) -> Mapping[str, Any]:
        return {"result": object()}

    def call(
        self,
        name: str,
        call_id: str = "a",
        *,
        connection: int = 1,
        askers: tuple[int, ...] = (ADA,),
        **args: Any,
    ) -> None:
        self.box.called(
            ToolCalled(call_id, name, args, connection), frozenset(askers), tainted=False, others=frozenset()
        )

    async def answered(self, count: int = 1) -> list[Mapping[str, Any]]:
        await eventually(lambda: len(self.answers) >= count)
        return [result for _, result, _ in self.answers]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.box.close()
    await eventually(lambda: made.box.running == 0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("call-")]


async def test_a_result_is_given_under_the_id_of_its_call(bench: Bench) -> None:
    bench.call("quick", "x", size=3)
    await bench.answered()
    assert bench.answers == [("x", {"result": "done"}, False)]
    assert bench.uses == [ToolUse({"size": 3}, frozenset({ADA}), tainted=False)]
    assert bench.box.counters.run == 1


async def test_a_name_that_there_is_not_is_answered_at_once(bench: Bench) -> None:
    bench.call("explode")
    assert bench.answers == [("a", {"error": "There is no function of this name."}, False)]


async def test_missing_arguments_are_named_and_nothing_is_done(bench: Bench) -> None:
    bench.call("strict")
    bench.call("strict", "b", text=None)
    assert await bench.answered(2) == [{"error": "These arguments are missing: text."}] * 2
    assert bench.uses == []


async def test_what_goes_wrong_is_a_sentence_and_a_bug_tells_nothing_of_itself(bench: Bench) -> None:
    for name in ("refused", "broken", "odd"):
        bench.call(name, name)
    await bench.answered(3)
    told = {call_id: result["error"] for call_id, result, _ in bench.answers}
    assert told["refused"] == "Ada may not do that."
    assert told["broken"] == told["odd"] == "It failed; say so, and go on."
    assert bench.box.counters.failed == 3


async def test_what_never_returns_is_given_up_in_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox, "SLOW_S", 0.05)
    for tool in bench.box._tools.values():
        object.__setattr__(tool, "limit_s", 0.2)
    bench.call("stuck", "x")
    bench.call("hangs", "y")
    await bench.answered(2)
    told = {call_id: result["error"] for call_id, result, _ in bench.answers}
    assert told["x"] == "It took too long and was given up."
    assert told["y"] == "It took too long, and nobody knows whether it was done; say so."
    assert bench.box.counters.late == 2
    assert bench.slow == 2


async def test_quick_ones_make_no_sound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox, "SLOW_S", 0.05)
    bench.call("quick")
    await bench.answered()
    await asyncio.sleep(0.1)
    assert bench.slow == 0


async def test_too_many_at_once_are_refused(bench: Bench) -> None:
    for number in range(MOST + 1):
        bench.call("stuck", str(number))
    assert bench.answers == [
        (str(MOST), {"error": "Too many functions run at once; wait for the results."}, False)
    ]


async def test_a_cancelled_one_is_stopped_and_not_answered(bench: Bench) -> None:
    bench.call("stuck", "x", text="hello")
    await eventually(lambda: len(bench.uses) == 1)
    bench.box.cancelled(ToolsCancelled(("x", "other")))
    await eventually(lambda: bench.box.running == 0)
    assert bench.answers == []
    assert bench.box.counters.cancelled == 1


async def test_a_change_that_the_model_gives_up_is_done_once_and_told_who_asks_anew(bench: Bench) -> None:
    bench.call("post", "x", text="hello")
    await eventually(lambda: len(bench.uses) == 1)
    bench.box.cancelled(ToolsCancelled(("x",)))
    bench.gate.set()
    await eventually(lambda: bench.box.running == 0)
    assert bench.answers == [], "it was not wanted any more"
    bench.call("post", "y", text="hello")
    await bench.answered()
    assert bench.answers == [("y", {"result": "post 1"}, False)], "it was done to its end, and once"
    bench.call("post", "z", text="hello")
    assert (await bench.answered(2))[1] == {"result": "post 2"}, "who knows that it was done means another"


async def test_after_a_hush_what_runs_goes_on_and_is_answered_silently(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "SLOW_S", 0.05)
    bench.call("post", "x", text="hello")
    await eventually(lambda: len(bench.uses) == 1)
    bench.box.hush()
    await asyncio.sleep(0.1)
    assert bench.slow == 0
    bench.gate.set()
    bench.call("quick", "y")
    await bench.answered(2)
    assert sorted((call_id, silent) for call_id, _, silent in bench.answers) == [("x", True), ("y", False)]


async def test_cancelled_before_it_began_nothing_is_done(bench: Bench) -> None:
    bench.call("post", "x", text="hello")
    bench.box.cancelled(ToolsCancelled(("x",)))
    await asyncio.sleep(0.05)
    assert bench.uses == []


async def test_cancelled_after_its_result_it_changes_nothing(bench: Bench) -> None:
    bench.call("quick", "x")
    await bench.answered()
    bench.box.cancelled(ToolsCancelled(("x",)))
    assert bench.box.counters.cancelled == 0


async def test_what_changes_something_is_done_once_though_its_connection_was_lost(bench: Bench) -> None:
    bench.call("post", "x", text="hello")
    await eventually(lambda: len(bench.uses) == 1)
    bench.box.cancelled(ToolsCancelled(("x",), lost=True))
    assert bench.box.running == 1, "it goes on"
    # Ben has spoken meanwhile, and the id happens to be the same.
    bench.call("post", "x", connection=2, askers=(ADA, BEN), text="hello")
    await asyncio.sleep(0.05)
    bench.gate.set()
    await bench.answered()
    await eventually(lambda: bench.box.running == 0)
    assert len(bench.uses) == 1
    assert bench.answers == [("x", {"result": "post 1"}, False)]


async def test_what_was_done_before_the_loss_is_not_done_again(bench: Bench) -> None:
    bench.gate.set()
    bench.call("post", "x", text="hello")
    await bench.answered()
    bench.call("post", "y", connection=2, text="hello")
    bench.call("post", "z", connection=2, text="something else")
    assert await bench.answered(3) == [
        {"result": "post 1"},
        {"result": "post 1"},
        {"result": "post 2"},
    ]


async def test_the_same_asked_for_again_is_done_again_but_a_doubled_id_is_not(bench: Bench) -> None:
    bench.gate.set()
    for call_id in ("x", "y", "y"):
        bench.call("post", call_id, text="hello")
        await eventually(lambda: bench.box.running == 0)
    assert await bench.answered(3) == [{"result": "post 1"}, {"result": "post 2"}, {"result": "post 2"}]


async def test_what_changes_nothing_is_stopped_when_its_connection_is_lost(bench: Bench) -> None:
    bench.call("stuck", "x")
    await eventually(lambda: len(bench.uses) == 1)
    bench.box.cancelled(ToolsCancelled(("x",), lost=True))
    await eventually(lambda: bench.box.running == 0)


async def test_a_given_up_one_does_not_take_the_next_of_its_id_with_it(bench: Bench) -> None:
    bench.call("stuck", "x")
    bench.box.cancelled(ToolsCancelled(("x",), lost=True))
    bench.call("stuck", "x", connection=2)
    await asyncio.sleep(0.05)
    assert bench.box.running == 1, "known still, so that it can be cancelled"
    bench.box.cancelled(ToolsCancelled(("x",)))
    await eventually(lambda: bench.box.running == 0)


async def test_foreign_words_are_told_of_before_the_model_has_them(bench: Bench) -> None:
    bench.call("read")
    await bench.answered()
    assert bench.foreign == [0]


async def test_a_silent_result_says_so_but_an_error_is_told(bench: Bench) -> None:
    bench.call("hush")
    await bench.answered()
    assert bench.answers[0][2]


async def test_closing_stops_all_and_what_they_began(bench: Bench) -> None:
    bench.call("stuck", "x")
    bench.call("hangs", "y")
    await eventually(lambda: len(bench.uses) == 2)
    bench.box.cancelled(ToolsCancelled(("y",), lost=True))
    bench.box.close()
    await eventually(lambda: bench.box.running == 0)
    assert bench.closed == 1
    assert bench.answers == []


async def test_a_tool_that_can_not_be_closed_keeps_none_from_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise KeyError("a bug")

    others = bench.box._tools
    bench.box._tools = {"first": Tool(FunctionSpec("first", ""), bench.quick, close=fail), **others}
    bench.box.close()
    assert bench.closed == 1
    assert "The tool first was not closed" in caplog.text
    bench.box._tools = others


def test_a_result_over_the_size_is_cut_and_says_so() -> None:
    long = {"result": "x" * LONGEST}
    cut = fitted(long)
    assert len(cut["result"]) == LONGEST
    assert "only the beginning" in cut["note"]
    assert fitted({"result": "ä" * (LONGEST - 20)}) == {"result": "ä" * (LONGEST - 20)}
    with pytest.raises(TypeError):
        fitted({"result": b"bytes"})
