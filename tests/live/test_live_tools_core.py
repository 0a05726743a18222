"""What the core decides about function calls: told once, answered under their id, given up when lost."""

import random
from typing import Any

import pytest
from google.genai import types

from bot.live.core import MOVE_EARLY_S, LiveCore
from bot.live.events import AnswerEnded, Lost, Searched, ToolCalled, ToolsCancelled
from bot.live.exchange import MAX_CALLS, TOO_MANY
from bot.live.failures import Failure, Verdict
from bot.live.items import ActivityEnd, ActivityStart, Audio, Item, ToolResult
from bot.live.messages import read
from bot.live.outbox import Outbox
from bot.live.setup import LiveSetup
from bot.live.states import LiveState
from bot.live.tools import FunctionSpec

PCM = b"\x01\x00" * 320
LAMP = FunctionSpec("lamp", "Switch a lamp.", {"on": {"type": "boolean"}}, ("on",))
CLOCK = FunctionSpec("clock", "Tell the time.")
SPOKEN = {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAE="}}]}}


def core() -> LiveCore:
    setup = LiveSetup(
        model="gemini-3.8-live", voice="Kore", system_instruction="Be kind.", functions=(LAMP, CLOCK)
    )
    made = LiveCore(setup, random.Random(1), name="live-test")
    made.start()
    made.attempt()
    made.connected(0.0)
    return made


def tell(made: LiveCore, at: float, **fields: Any) -> list[Any]:
    return made.message(made._attempt.number, types.LiveServerMessage.model_validate(fields), at)


def calls(*ids: str, name: str = "lamp") -> dict[str, Any]:
    return {"toolCall": {"functionCalls": [{"id": each, "name": name, "args": {"on": True}} for each in ids]}}


def ask(made: LiveCore, at: float = 0.0) -> None:
    """Say a turn, and have all of it sent."""
    for item in (ActivityStart(), Audio(PCM, at), ActivityEnd()):
        made.say(item)
    sent(made, at)


def sent(made: LiveCore, at: float) -> list[Any]:
    items = []
    while (outgoing := made.outbox.next(at)) is not None:
        items.append(outgoing.item)
    return items


def reconnect(made: LiveCore, at: float) -> list[Any]:
    events = made.failed(made._attempt.number, Failure(Verdict.RETRY, "Broke off."), at)
    due = made.deadline()
    assert due is not None
    made.poll(due)
    made.attempt()
    made.connected(due)
    return events


def answer(made: LiveCore, call: ToolCalled, at: float = 0.0) -> bool:
    return made.result(call.connection, ToolResult(call.id, call.name, {"result": "done"}))


def test_calls_beyond_those_that_may_be_open_are_not_begun_but_counted_and_answered() -> None:
    made = core()
    many = [f"c{number}" for number in range(MAX_CALLS + 10)]
    begun = tell(made, 0.0, **calls(*many))
    assert [call.id for call in begun] == many[:MAX_CALLS]
    assert made.counters.tool_calls_refused == 10
    refused = sent(made, 0.0)
    assert [(result.id, result.response) for result in refused] == [
        (each, {"error": TOO_MANY}) for each in many[MAX_CALLS:]
    ]
    assert made.deadline() is None, "the others are waited for"
    assert all(answer(made, call) for call in begun)
    assert tell(made, 0.0, **calls("more")) == [], "no result was sent yet"
    sent(made, 0.0)
    tell(made, 1.0, serverContent=SPOKEN)
    assert [call.id for call in tell(made, 1.0, **calls("again"))] == ["again"]


def test_a_model_that_asks_without_end_is_answered_so_often_only() -> None:
    made = core()
    tell(made, 0.0, **calls(*(f"c{number}" for number in range(3 * MAX_CALLS))))
    assert made.counters.tool_calls_refused == 2 * MAX_CALLS
    assert made.outbox.results == MAX_CALLS


def test_parallel_calls_are_each_told_and_answered() -> None:
    made = core()
    first, second = tell(made, 0.0, **calls("a", "b"))
    assert (first.id, second.id, first.args) == ("a", "b", {"on": True})
    assert answer(made, second)
    assert answer(made, first)
    assert [item.id for item in sent(made, 0.0)] == ["b", "a"]
    assert made.counters.tool_calls == 2


def test_a_doubled_id_is_one_call_while_it_is_open() -> None:
    made = core()
    assert len(tell(made, 0.0, **calls("a", "a"))) == 1
    assert tell(made, 0.0, **calls("a")) == []
    assert made.counters.tool_calls == 1


def test_arguments_that_are_missing_are_none_and_a_call_without_id_can_not_be_answered() -> None:
    made = core()
    (told,) = tell(made, 0.0, toolCall={"functionCalls": [{"id": "a", "name": "lamp"}, {"name": "lamp"}]})
    assert told.args == {}


def test_a_result_counts_once_and_only_for_what_was_called() -> None:
    made = core()
    (told,) = tell(made, 0.0, **calls("a"))
    assert not made.result(told.connection, ToolResult("b", "lamp", {}))
    assert answer(made, told)
    assert not answer(made, told)
    assert made.counters.tool_results_fenced == 2
    assert len(sent(made, 0.0)) == 1


def test_a_cancelled_call_is_told_once_and_its_result_is_not_sent() -> None:
    made = core()
    (told,) = tell(made, 0.0, **calls("a"))
    assert tell(made, 0.0, toolCallCancellation={"ids": ["a", "never"]}) == [ToolsCancelled(("a",))]
    assert tell(made, 0.0, toolCallCancellation={"ids": ["a"]}) == []
    assert not answer(made, told)
    assert sent(made, 0.0) == []


def test_a_cancellation_that_comes_after_the_result_changes_nothing() -> None:
    made = core()
    (told,) = tell(made, 0.0, **calls("a"))
    assert answer(made, told)
    assert tell(made, 0.0, toolCallCancellation={"ids": ["a"]}) == []


def test_a_lost_connection_gives_the_open_calls_up_and_asks_the_turn_anew() -> None:
    made = core()
    ask(made)
    (told,) = tell(made, 0.0, **calls("a"))
    events = reconnect(made, 1.0)
    assert events == [ToolsCancelled(("a",), lost=True), Lost("Broke off.")]
    assert not answer(made, told), "it belongs to the connection before"
    assert sent(made, 2.0) == [ActivityStart(), Audio(PCM, 0.0), ActivityEnd()]
    (again,) = tell(made, 2.0, **calls("a"))
    assert again.connection == told.connection + 1
    assert not made.result(told.connection, ToolResult("a", "lamp", {})), "the same id, of before"
    assert answer(made, again)


def test_words_before_a_call_are_not_yet_the_answer() -> None:
    made = core()
    ask(made)
    tell(made, 0.0, **calls("a"))
    tell(made, 0.0, serverContent=SPOKEN)
    tell(made, 0.1, serverContent={"turnComplete": True})
    reconnect(made, 1.0)
    assert ActivityEnd() in sent(made, 2.0), "one moment, said the model, and then the connection was gone"


def test_an_empty_turn_end_after_a_call_leaves_the_question_open_until_the_result_is_told() -> None:
    made = core()
    ask(made)
    (told,) = tell(made, 0.0, **calls("a"))
    assert [type(each) for each in tell(made, 0.0, serverContent={"turnComplete": True})] == [AnswerEnded]
    assert made.outbox.unanswered(0.1)
    answer(made, told)
    sent(made, 0.2)
    assert made.outbox.unanswered(0.2), "the result is to be told"
    tell(made, 0.3, serverContent=SPOKEN)
    assert not made.outbox.unanswered(0.3)


@pytest.mark.parametrize("delivered", [1, 4], ids=["waiting", "sent"])
def test_a_result_never_crosses_a_connection(delivered: int) -> None:
    outbox = Outbox()
    turn: list[Item] = [ActivityStart(), Audio(PCM, 0.0), ActivityEnd()]
    for item in (*turn, ToolResult("a", "lamp", {})):
        outbox.put(item)
    for _ in range(delivered):
        outbox.next(0.0)
    outbox.cut_off(0.0)
    outbox.rewind()
    items = []
    while (outgoing := outbox.next(0.0)) is not None:
        items.append(outgoing.item)
    assert items == turn


def test_a_silent_result_asks_for_no_answer() -> None:
    outbox = Outbox()
    outbox.put(ToolResult("a", "lamp", {}, silent=True))
    outbox.next(0.0)
    assert not outbox.unanswered(0.0)
    outbox.put(ToolResult("b", "lamp", {}))
    outbox.next(0.0)
    assert outbox.unanswered(0.0)


def test_going_away_waits_for_an_open_call_until_the_time_runs_out() -> None:
    made = core()
    ask(made)
    tell(made, 0.0, **calls("a"))
    tell(made, 0.0, serverContent={"turnComplete": True})
    tell(made, 1.0, goAway={"timeLeft": "20s"})
    assert made.state is LiveState.DRAINING
    assert made.poll(1.0) == []
    last = 1.0 + 20.0 - MOVE_EARLY_S
    assert made.poll(last - 0.1) == []
    given_up, lost = made.poll(last)
    assert given_up == ToolsCancelled(("a",), lost=True)
    assert isinstance(lost, Lost)


def test_going_away_goes_on_once_the_result_was_told() -> None:
    made = core()
    (told,) = tell(made, 0.0, **calls("a"))
    tell(made, 1.0, goAway={"timeLeft": "60s"})
    assert made.poll(1.0) == []
    answer(made, told)
    sent(made, 1.1)
    assert made.poll(1.2) == [], "the model is to tell of it"
    tell(made, 1.3, serverContent=SPOKEN)
    tell(made, 1.4, serverContent={"turnComplete": True})
    (lost,) = made.poll(1.5)
    assert isinstance(lost, Lost)


def test_searches_are_told_with_what_they_found() -> None:
    web = [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {"title": "nowhere"}}, {}]
    metadata = {"webSearchQueries": ["tea"], "groundingChunks": web}
    message = types.LiveServerMessage.model_validate({"serverContent": {"groundingMetadata": metadata}})
    (told,) = read(message, 0.0)
    assert isinstance(told, Searched)
    assert told.queries == ("tea",)
    assert [(page.title, page.url) for page in told.pages] == [("A", "https://a.example")]


def test_declarations_say_what_the_model_needs() -> None:
    config = core().setup.config(None)
    assert config.tools is not None
    (tool,) = config.tools
    assert isinstance(tool, types.Tool)
    lamp, clock = tool.function_declarations or []
    assert lamp.parameters_json_schema == {
        "type": "object",
        "properties": {"on": {"type": "boolean"}},
        "required": ["on"],
    }
    assert clock.parameters_json_schema is None
    assert lamp.behavior is types.Behavior.NON_BLOCKING
