"""Function calls in a session: told once, answered under their id, and asked anew over a new connection."""

import asyncio
import random
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from scripted_gemini import Ear, until

from bot.emulators.gemini.faults import Abort, Close, Fault, Send, Stall, Where
from bot.emulators.gemini.knobs import Call, Search, ToolScript
from bot.emulators.gemini.server import GeminiEmulator
from bot.live.client import make_client
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    Lost,
    OutputTranscript,
    Ready,
    Searched,
    ToolCalled,
    ToolsCancelled,
)
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState
from bot.live.tools import FunctionSpec

MEDIA = Path(__file__).parents[1] / "media"
FRAME = 640
PATIENCE_S = 30.0
LAMP = FunctionSpec("lamp", "Switch a lamp.", {"on": {"type": "boolean"}}, ("on",))
CLOCK = FunctionSpec("clock", "Tell the time.")


class Talk:
    """A session that answers each call at once, unless it is told to wait."""

    def __init__(self, there: GeminiEmulator) -> None:
        self.there, self.ear = there, Ear()
        self.client = make_client(there.api_key)
        self.answering = True
        self.given: list[bool] = []
        setup = LiveSetup(
            model="gemini-3.8-live",
            voice="Kore",
            system_instruction="Be kind.",
            functions=(LAMP, CLOCK),
            search=True,
        )
        self.session = LiveSession(self.client, setup, self.told, name="7", rng=random.Random(1))

    def told(self, event: Any) -> None:
        self.ear(event)
        if isinstance(event, ToolCalled) and self.answering:
            self.answer(event)

    def answer(self, call: ToolCalled, text: str = "the lamp is on") -> None:
        self.given.append(self.session.answer_tool(call, {"result": text}))

    def say(self) -> None:
        self.session.activity_start()
        for frame in SPEECH:
            self.session.send_audio(frame, time.monotonic(), speaker=1)
        self.session.activity_end()

    async def answered(self, count: int = 1) -> None:
        await until(lambda: len(self.ear.of(AnswerEnded)) >= count, PATIENCE_S)

    def words(self) -> str:
        return "".join(event.text for event in self.ear.of(OutputTranscript))

    def results(self) -> list[tuple[str, str]]:
        return [(each.call_id, each.name) for s in self.there.sessions for each in s.log.tool_results]


def speech() -> list[bytes]:
    with wave.open(str(MEDIA / "speech-austen-0880.wav")) as file:
        pcm: bytes = file.readframes(file.getnframes())
    return [pcm[start : start + FRAME] for start in range(0, len(pcm), FRAME)][:75]


SPEECH = speech()


@pytest.fixture
async def talk(gemini_emulator: GeminiEmulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Talk]:
    knobs = gemini_emulator.knobs
    knobs.think_s, knobs.stream_speed, knobs.playback_speed = 0.0, 500.0, 500.0
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini_emulator.base_url)
    made = Talk(gemini_emulator)
    await made.session.start()
    yield made
    await made.session.close()
    await made.client.aio.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("live-")]


def script(talk: Talk, *made: Call | Search, cancel_after_s: float | None = None) -> None:
    talk.there.knobs.tool_calls.append(ToolScript(made, cancel_after_s))


async def test_a_result_is_told_aloud(talk: Talk) -> None:
    script(talk, Call("lamp", {"on": True}))
    talk.say()
    await until(lambda: "lamp returned: the lamp is on." in talk.words(), PATIENCE_S)
    assert talk.given == [True]
    assert talk.results() == [(talk.ear.of(ToolCalled)[0].id, "lamp")]
    assert talk.there.sessions[0].log.setup is not None
    assert talk.there.sessions[0].log.setup.functions == {"lamp": "NON_BLOCKING", "clock": "NON_BLOCKING"}


async def test_parallel_calls_and_a_doubled_id_are_answered_once_each(talk: Talk) -> None:
    script(talk, Call("lamp", {"on": True}, "x"), Call("clock", {}, "y"), Call("clock", {}, "y"))
    talk.say()
    await until(lambda: len(talk.results()) == 2, PATIENCE_S)
    assert talk.results() == [("x", "lamp"), ("y", "clock")]
    await talk.answered(2)
    assert talk.session.state is LiveState.READY


async def test_a_cancelled_call_needs_no_answer(talk: Talk) -> None:
    talk.answering = False
    script(talk, Call("lamp", {"on": True}), cancel_after_s=0.05)
    talk.say()
    await until(lambda: talk.ear.of(ToolsCancelled), PATIENCE_S)
    talk.answer(talk.ear.of(ToolCalled)[0])
    assert talk.given == [False]
    await talk.answered()
    assert talk.results() == []


async def test_a_result_that_crosses_its_cancellation_harms_nothing(talk: Talk) -> None:
    script(talk, Call("lamp", {"on": True}), cancel_after_s=0.0)
    talk.say()
    await talk.answered()
    assert talk.session.state is LiveState.READY
    assert talk.ear.of(Lost) == []


@pytest.mark.parametrize("effect", [Close(1011), Abort()], ids=["closed", "aborted"])
async def test_what_a_lost_connection_asked_for_is_asked_anew_and_told(talk: Talk, effect: Any) -> None:
    talk.answering = False
    script(talk, Call("lamp", {"on": True}))
    script(talk, Call("lamp", {"on": True}))
    talk.there.knobs.faults.append(Fault(Where.TURN_END, effect))
    talk.say()
    await until(lambda: len(talk.ear.of(ToolCalled)) == 2, PATIENCE_S)
    first, second = talk.ear.of(ToolCalled)
    assert (first.connection, second.connection) == (1, 2)
    assert talk.ear.of(ToolsCancelled) == [ToolsCancelled((first.id,), lost=True)]
    talk.answer(first, "of the connection before")
    talk.answer(second)
    assert talk.given == [False, True]
    await until(lambda: "lamp returned: the lamp is on." in talk.words(), PATIENCE_S)
    assert "before" not in talk.words()
    assert talk.session.counters()["live_tool_results_fenced"] == 1


async def test_a_lost_result_is_asked_for_anew(talk: Talk) -> None:
    talk.there.knobs.faults.append(Fault(Where.TOOL_RESULT, Abort()))
    script(talk, Call("lamp", {"on": True}))
    script(talk, Call("lamp", {"on": True}))
    talk.say()
    await until(lambda: "lamp returned: the lamp is on." in talk.words(), PATIENCE_S)
    assert len(talk.ear.of(ToolCalled)) == 2
    assert len(talk.ear.of(Ready)) == 2


async def test_an_empty_turn_end_after_a_call_does_not_cost_the_answer(talk: Talk) -> None:
    talk.answering = False
    empty = {"serverContent": {"turnComplete": True}}
    talk.there.knobs.faults += [Fault(Where.TOOL_CALL, Send(empty))]
    script(talk, Call("lamp", {"on": True}))
    talk.say()
    await until(lambda: talk.ear.of(ToolCalled) and talk.ear.of(AnswerEnded), PATIENCE_S)
    talk.answer(talk.ear.of(ToolCalled)[0])
    await until(lambda: "lamp returned: the lamp is on." in talk.words(), PATIENCE_S)


async def test_a_server_that_goes_away_is_left_after_the_result_was_told(talk: Talk) -> None:
    talk.answering = False
    script(talk, Call("lamp", {"on": True}))
    talk.say()
    await until(lambda: talk.ear.of(ToolCalled) and talk.ear.of(AnswerEnded), PATIENCE_S)
    talk.there.sessions[0].go_away(60.0)
    await until(lambda: talk.session.state is LiveState.DRAINING, PATIENCE_S)
    await asyncio.sleep(0.3)
    assert talk.session.state is LiveState.DRAINING, "it waits for the result"
    talk.answer(talk.ear.of(ToolCalled)[0])
    await until(lambda: len(talk.ear.of(Ready)) == 2, PATIENCE_S)
    assert "lamp returned: the lamp is on." in talk.words()
    assert talk.there.sessions[1].log.resumed


async def test_a_model_that_never_calls_after_all_is_no_harm(talk: Talk) -> None:
    talk.there.knobs.faults.append(Fault(Where.TOOL_CALL, Stall()))
    script(talk, Call("lamp", {"on": True}))
    talk.say()
    await until(lambda: talk.there.sessions[0].log.turns, PATIENCE_S)
    talk.say()
    await talk.answered()
    assert talk.ear.of(ToolCalled) == []


async def test_a_search_is_told_with_its_pages(talk: Talk) -> None:
    script(talk, Search("weather in Oslo"))
    talk.say()
    await until(lambda: talk.ear.of(Searched), PATIENCE_S)
    (searched,) = talk.ear.of(Searched)
    assert searched.queries == ("weather in Oslo",)
    assert all(page.url.startswith("https://") and page.title for page in searched.pages)
    assert talk.ear.of(AnswerAudio)


async def test_a_text_with_a_question_is_searched_for(talk: Talk) -> None:
    talk.session.ask("How tall is K2?")
    await until(lambda: talk.ear.of(Searched), PATIENCE_S)
    assert talk.ear.of(Searched)[0].queries == ("How tall is K2?",)
