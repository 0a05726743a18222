"""Whose words a function call rests on, and whether words may have asked for it that nobody here said."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from google.genai import types
from loopback import eventually

from bot.conversation import toolbox
from bot.conversation.address import Callsign
from bot.conversation.errands import Errands
from bot.conversation.gate import AddressGate, GateState
from bot.conversation.toolbox import Tool, ToolUse
from bot.live.client import make_client
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    Interrupted,
    LiveEvent,
    Lost,
    Searched,
    ToolCalled,
    ToolsCancelled,
    WebPage,
)
from bot.live.items import ToolResult
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.tools import FunctionSpec

ADA, BEN = 1, 2
AUDIO = AnswerAudio(bytes(4800), 24_000, 0.0)


class Bench:
    """Errands over a session that is connected to nothing: what it is told, and what it would send."""

    def __init__(self) -> None:
        self.uses: list[ToolUse] = []
        self.slow: list[bool] = []
        self.searched: list[Searched] = []
        self.gate: AddressGate | None = None
        self.let_go = asyncio.Event()
        self.let_go.set()
        specs = [FunctionSpec("lamp", ""), FunctionSpec("note", "")]
        setup = LiveSetup("gemini-3.8-live", "Kore", "Be kind.", functions=tuple(specs))
        self.live = LiveSession(make_client("none"), setup, self.told, name="errands")
        core = self.live._core
        core.start()
        core.attempt()
        core.connected(0.0)
        self.errands = Errands(
            [Tool(specs[0], self.run), Tool(specs[1], self.run, foreign=True)],
            lambda: self.live,
            lambda: self.gate,
            on_slow=lambda: self.slow.append(True),
            on_searched=self.searched.append,
            name="call-1",
        )
        self.numbers = iter(range(100))

    async def run(self, use: ToolUse) -> Mapping[str, Any]:
        self.uses.append(use)
        await self.let_go.wait()
        return {"result": "done"}

    def told(self, event: LiveEvent) -> None:
        self.errands.told(event)

    def spoke(self, user_id: int, at: float) -> None:
        """Have a person's turn begin and be over."""
        askers = self.errands.askers
        askers.turn_began(at)
        askers.spoke({user_id}, at)
        askers.turn_ended()

    def call(self, name: str = "lamp") -> None:
        """Have the model call a function."""
        call = {"id": f"call-{next(self.numbers)}", "name": name, "args": {}}
        for event in self.tell({"toolCall": {"functionCalls": [call]}}):
            self.told(event)

    def tell(self, message: Mapping[str, Any]) -> list[LiveEvent]:
        """Have the session take in a message of the model's; return what it tells of it."""
        core = self.live._core
        return core.message(core._attempt.number, types.LiveServerMessage.model_validate(message), 0.0)

    async def used(self, name: str = "lamp") -> ToolUse:
        """Have the model call a function, and return what that was given."""
        count = len(self.uses)
        self.call(name)
        await eventually(lambda: len(self.uses) > count and self.errands.toolbox.running == 0)
        return self.uses[-1]

    def end_answer(self, at: float) -> None:
        """Have the model's turn end, as the conversation tells of it."""
        event = AnswerEnded(at)
        self.told(event)
        assert self.gate is not None
        self.gate.told(event, at)

    def results(self) -> list[str]:
        items = [entry.item for entry in self.live._core.outbox._waiting]
        return [item.name for item in items if isinstance(item, ToolResult)]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.errands.close()
    await eventually(lambda: made.errands.toolbox.running == 0)


async def test_a_call_is_put_down_to_who_has_spoken(bench: Bench) -> None:
    assert (await bench.used()).askers == frozenset(), "nobody has spoken"
    bench.spoke(ADA, 0.0)
    assert (await bench.used()).askers == {ADA}
    bench.errands.askers.answer_began()
    bench.told(AnswerEnded(0.5))
    bench.told(AnswerEnded(0.6))  # of what it told of the result
    bench.errands.askers.spoke({BEN}, 1.0)
    assert (await bench.used()).askers == {BEN}, "whose turn is not over yet"
    assert bench.results() == ["lamp"] * 3


async def test_what_a_result_leads_to_is_also_the_word_of_who_asked_for_it(bench: Bench) -> None:
    bench.spoke(ADA, 0.0)
    bench.let_go.clear()
    bench.call()
    bench.errands.askers.answer_began()  # one moment
    bench.told(AnswerEnded(0.5))
    bench.let_go.set()
    await eventually(lambda: bench.results() == ["lamp"])
    bench.spoke(BEN, 1.0)
    assert (await bench.used()).askers == {ADA, BEN}


async def test_a_call_that_was_given_up_leads_to_nothing(bench: Bench) -> None:
    bench.spoke(ADA, 0.0)
    bench.let_go.clear()
    bench.call()
    bench.errands.askers.answer_began()
    bench.told(AnswerEnded(0.5))
    bench.told(ToolsCancelled(("call-0",)))
    bench.let_go.set()
    bench.spoke(BEN, 1.0)
    assert (await bench.used()).askers == {BEN}


async def test_an_answer_that_is_broken_off_is_nobodys_any_more(bench: Bench) -> None:
    bench.spoke(ADA, 0.0)
    bench.errands.askers.answer_began()
    bench.errands.askers.spoke({BEN}, 1.0)
    assert (await bench.used()).askers == {ADA, BEN}
    bench.told(Interrupted(1.1))
    bench.told(AnswerEnded(1.1))
    bench.told(AnswerEnded(1.2))
    assert (await bench.used()).askers == {BEN}


async def test_what_a_lost_connection_left_is_still_the_word_of_who_said_it(bench: Bench) -> None:
    bench.spoke(ADA, 0.0)
    bench.errands.askers.answer_began()
    bench.told(Lost("gone"))
    bench.spoke(BEN, 1.0)
    assert (await bench.used()).askers == {ADA, BEN}, "it is heard again, and asks anew"


async def test_pictures_pages_and_notes_taint_what_follows(bench: Bench) -> None:
    bench.spoke(ADA, 0.0)
    assert not (await bench.used()).tainted
    bench.errands.shown()
    assert (await bench.used()).tainted


async def test_a_search_taints(bench: Bench) -> None:
    assert not (await bench.used()).tainted
    bench.told(Searched(("tea",), (WebPage("https://a.example", "A"),)))
    assert (await bench.used()).tainted


async def test_a_result_with_words_of_others_taints_what_follows_and_not_itself(bench: Bench) -> None:
    assert not (await bench.used("note")).tainted
    assert (await bench.used()).tainted


def addressed(bench: Bench) -> AddressGate:
    bench.gate = AddressGate(Callsign(("Earshot",)))
    bench.gate.turn_began(ADA, 0.0)
    return bench.gate


async def test_where_nobody_clearly_called_the_bot_it_asks_first(bench: Bench) -> None:
    gate = addressed(bench)
    bench.spoke(ADA, 0.0)
    assert (await bench.used()).tainted
    gate.understood("Earshot, the lamp please", 0.1)
    assert not (await bench.used()).tainted


async def test_a_result_that_is_there_before_the_answer_begins_is_told_after_it_and_heard(
    bench: Bench,
) -> None:
    gate = addressed(bench)
    bench.spoke(ADA, 0.0)
    gate.understood("Earshot, the lamp please", 0.1)
    await bench.used()
    assert gate.told(AUDIO, 0.2) == [AUDIO], "the answer to the words"
    bench.end_answer(0.3)
    assert gate.told(AUDIO, 0.4) == [AUDIO], "and what is told of the result"
    bench.end_answer(0.5)
    assert not gate.wanted, "no more is owed"


async def test_an_answer_that_is_over_before_the_result_leaves_one_to_be_heard(bench: Bench) -> None:
    gate = addressed(bench)
    bench.spoke(ADA, 0.0)
    gate.understood("Earshot, the lamp please", 0.1)
    bench.let_go.clear()
    bench.call()
    gate.told(AUDIO, 0.2)
    bench.end_answer(0.3)
    bench.let_go.set()
    await eventually(lambda: bench.results() == ["lamp"])
    assert gate.told(AUDIO, 0.6) == [AUDIO]
    bench.end_answer(0.7)
    assert not gate.wanted


async def test_what_is_told_of_a_result_that_nobody_asked_for_is_not_heard(bench: Bench) -> None:
    gate = addressed(bench)
    gate.understood("the lamp is nice", 0.1)
    await bench.used()
    assert gate.told(AUDIO, 0.6) == []
    assert gate.state is GateState.HOLDING


async def test_a_result_that_is_not_wanted_any_more_opens_nothing(bench: Bench) -> None:
    gate = addressed(bench)
    gate.understood("Earshot, the lamp please", 0.1)
    bench.let_go.clear()
    bench.call()
    gate.told(AUDIO, 0.2)
    gate.told(AnswerEnded(0.3), 0.3)
    cancelled = {"toolCallCancellation": {"ids": ["call-0"]}}  # of which the errands do not know yet
    bench.tell(cancelled)
    bench.let_go.set()
    await eventually(lambda: bench.errands.toolbox.running == 0)
    assert bench.results() == []
    assert not gate.wanted


async def test_a_call_after_the_end_is_answered_by_nobody(bench: Bench) -> None:
    bench.errands.told(ToolCalled("x", "lamp", {}, connection=99))
    await eventually(lambda: len(bench.uses) == 1 and bench.errands.toolbox.running == 0)
    assert bench.results() == []


async def test_after_a_hush_nothing_is_said_of_what_runs(bench: Bench) -> None:
    gate = addressed(bench)
    bench.spoke(ADA, 0.0)
    gate.understood("Earshot, the lamp please", 0.1)
    bench.let_go.clear()
    bench.call()
    gate.told(AUDIO, 0.2)
    bench.end_answer(0.3)
    bench.errands.hush()
    bench.let_go.set()
    await eventually(lambda: bench.errands.toolbox.running == 0)
    assert bench.results() == ["lamp"], "the model knows"
    assert not gate.wanted, "and is not heard"


async def test_only_who_called_the_bot_hears_that_something_takes_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "SLOW_S", 0.05)
    gate = addressed(bench)
    bench.let_go.clear()
    bench.call()
    await asyncio.sleep(0.1)
    assert bench.slow == []
    gate.understood("Earshot, the lamp please", 0.1)
    bench.call()
    await eventually(lambda: bench.slow == [True])


SEARCHED = Searched(("tea",), (WebPage("https://a.example", "A"),))


async def test_sources_are_shown_of_answers_that_are_heard(bench: Bench) -> None:
    bench.told(SEARCHED)
    assert bench.searched == [SEARCHED], "every answer is heard"
    gate = addressed(bench)
    bench.told(SEARCHED)
    gate.told(AUDIO, 0.1)
    bench.told(AUDIO)
    assert len(bench.searched) == 1, "it is not clear yet"
    gate.understood("Earshot, what is tea", 0.2)
    bench.end_answer(0.3)
    assert len(bench.searched) == 2
    bench.told(SEARCHED)
    assert len(bench.searched) == 2, "of another answer"


async def test_sources_are_not_shown_of_answers_that_nobody_asked_for(bench: Bench) -> None:
    gate = addressed(bench)
    for at in (1.0, 11.0):
        gate.told(AUDIO, at)
        bench.told(SEARCHED)
        bench.end_answer(at + 1.0)  # it is dropped
    gate.asked(20.0)
    gate.told(AUDIO, 20.0)
    bench.told(AUDIO)
    bench.end_answer(21.0)
    assert bench.searched == []
    assert gate.dropped == 2
