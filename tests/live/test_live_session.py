"""The actor over real sockets, TLS and the real SDK, against a server that does what each test says."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from scripted_gemini import Ear, Plan, ScriptedGemini, until

from bot.emulators.tls import CertificateAuthority
from bot.live import attempts as live_attempts
from bot.live import session as live_session
from bot.live.client import make_client
from bot.live.errors import LiveError
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    Failed,
    InputTranscript,
    Interrupted,
    LiveEvent,
    Lost,
    OutputTranscript,
    Ready,
    Usage,
)
from bot.live.session import LiveSession
from bot.live.setup import LiveSetup
from bot.live.states import LiveState

FRAME = 640  # 20 ms


def frames(first: int, count: int) -> list[bytes]:
    """Frames that tell which they are."""
    return [bytes([1 + (first + i) % 255]) * FRAME for i in range(count)]


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedGemini]:
    async with ScriptedGemini(ca) as server:
        yield server


@pytest.fixture
async def client(gemini: ScriptedGemini, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[genai.Client]:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.base_url)
    made = make_client("a-key")
    yield made
    await made.aio.aclose()


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def session(client: genai.Client, ear: Ear) -> AsyncIterator[LiveSession]:
    made = LiveSession(client, setup(), ear, name="7", rng=random.Random(1))
    yield made
    await made.close()
    assert live_tasks() == set()


def setup(**changes: Any) -> LiveSetup:
    fields: dict[str, Any] = {"model": "gemini-3.8-live", "voice": "Kore", "system_instruction": "Be kind."}
    return LiveSetup(**fields | changes)


def live_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("live-")}


def say(session: LiveSession, *pcm: bytes) -> None:
    for chunk in pcm:
        session.send_audio(chunk, time.monotonic(), speaker=1)


def fill(session: LiveSession) -> None:
    """Say more than every buffer on the way takes; asyncio's TLS takes one message of any size."""
    for _ in range(3):
        session.ask("x" * 6_000_000)


async def test_it_connects_talks_and_closes(gemini: ScriptedGemini, session: LiveSession, ear: Ear) -> None:
    await session.start()
    assert session.state is LiveState.READY
    assert ear.events == [Ready(resumed=False)]
    assert live_tasks() == {"live-7", "live-7-sender", "live-7-receiver"}
    session.inform("[Anna is speaking now.]")
    session.activity_start()
    say(session, *frames(0, 3))
    session.activity_end()
    session.ask("Now?")
    there = gemini.connections[0]
    await until(lambda: len(there.got) == 7)
    assert there.got == [
        ("[Anna is speaking now.]", False),
        "start",
        *frames(0, 3),
        "end",
        ("Now?", True),
    ]
    assert session.mouth_to_live.count == 3
    began = time.monotonic()
    await session.close()
    assert time.monotonic() - began < 2.0
    assert str(session.state.value) == "closed"
    assert live_tasks() == set()
    say(session, *frames(0, 1))  # nobody is there any more: nothing happens


async def test_an_answer_is_told_with_every_field_and_part(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    there = gemini.connections[0]
    blob = {"mimeType": "audio/pcm;rate=24000", "data": "AAEC"}  # of odd length
    without_rate = {"mimeType": "audio/pcm", "data": "AwQ="}
    await there.send(
        serverContent={
            "modelTurn": {
                "parts": [
                    {"inlineData": blob},
                    {"text": "thought", "thought": True},
                    {"inlineData": without_rate},
                ]
            },
            "inputTranscription": {"text": "Hello"},
            "outputTranscription": {"text": "Hi"},
            "somethingNew": 1,
        },
        usageMetadata={"promptTokenCount": 3, "responseTokenCount": 4, "totalTokenCount": 7},
    )
    await there.send(serverContent={"interrupted": True})
    await there.send(serverContent={"turnComplete": True})
    await there.answer(b"\x05\x06")
    await until(lambda: len(ear.of(AnswerEnded)) == 2)
    assert [event.pcm for event in ear.of(AnswerAudio)] == [b"\x00\x01\x02", b"\x03\x04", b"\x05\x06"]
    assert {event.rate_hz for event in ear.of(AnswerAudio)} == {24000}
    assert [type(event) for event in ear.events] == [
        Ready,
        InputTranscript,
        AnswerAudio,
        AnswerAudio,
        OutputTranscript,
        Usage,
        Interrupted,
        AnswerEnded,
        AnswerAudio,
        AnswerEnded,
    ]
    assert ear.of(Usage) == [Usage(3, 4, 7)]


async def test_what_is_no_message_is_passed_over(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    there = gemini.connections[0]
    for nonsense in ('{"neverHeardOf": {}}', "{", "[1]", "null", '{"serverContent": 5}', "{}"):
        await there.ws.send_str(nonsense)
    await there.ws.send_bytes(b"\xff\xfe")
    await there.answer(b"\x01\x02")
    await until(lambda: ear.of(AnswerEnded))
    assert session.counters()["live_unreadable_messages"] >= 4
    assert len(gemini.upgrades) == 1


async def test_it_goes_on_with_the_newest_handle_and_what_was_said_in_the_gap_arrives_once(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    first = gemini.connections[0]
    await first.give_handle("old")
    await first.give_handle("new")
    session.activity_start()
    say(session, *frames(0, 5))
    session.activity_end()
    await first.answer(b"\x01\x02")
    await until(lambda: ear.of(AnswerEnded))
    await first.close(1011)
    session.activity_start()
    say(session, *frames(5, 60))
    session.activity_end()
    await until(lambda: len(gemini.connections) == 2)
    second = gemini.connections[1]
    assert second.handle == "new"
    await until(lambda: "end" in second.got)
    assert second.got == ["start", *frames(5, 60), "end"]
    assert first.pcm == b"".join(frames(0, 5))
    assert ear.of(Ready) == [Ready(resumed=False), Ready(resumed=True)]
    assert len(ear.of(Lost)) == 1
    assert gemini.open_at_upgrade == [0, 0], "the old socket is closed before the new one is opened"


async def test_a_turn_that_was_cut_in_two_is_said_again_from_its_beginning(
    gemini: ScriptedGemini, session: LiveSession
) -> None:
    await session.start()
    first = gemini.connections[0]
    await first.give_handle("one")
    session.activity_start()
    say(session, *frames(0, 4))
    await until(lambda: len(first.got) == 5)
    first.abort()
    await until(lambda: session.state is not LiveState.READY)
    say(session, *frames(4, 2))
    session.activity_end()
    await until(lambda: len(gemini.connections) == 2 and "end" in gemini.connections[1].got)
    assert gemini.connections[1].got == ["start", *frames(0, 6), "end"]
    assert session.mouth_to_live.count == 6


async def test_a_refused_handle_is_dropped_and_the_new_session_told_what_was_said(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    first = gemini.connections[0]
    session.inform("[Anna is speaking now.]")
    await first.send(serverContent={"inputTranscription": {"text": "My cat is called Miu."}})
    await first.answer(b"\x01\x02")
    await first.give_handle("expired")
    await until(lambda: ear.of(AnswerEnded))
    gemini.plans.append(Plan(close=1008, reason="no such session"))
    await first.close(1011)
    await until(lambda: len(gemini.connections) == 2)
    second = gemini.connections[1]
    await until(lambda: second.got)
    assert len(gemini.upgrades) == 3
    assert second.handle is None
    told = second.got[0]
    assert isinstance(told, tuple)
    assert "Miu" in told[0]
    assert "Anna" in told[0]
    assert told[1] is False
    await until(lambda: len(ear.of(Ready)) == 2)
    assert ear.of(Ready)[-1] == Ready(resumed=False)


@pytest.mark.parametrize("code", [1007, 1008])
async def test_a_refusal_in_a_call_is_final_and_said(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, code: int
) -> None:
    await session.start()
    await gemini.connections[0].close(code)
    await until(lambda: ear.of(Failed))
    assert session.state is LiveState.FAILED
    assert ear.of(Failed)[0].reason.endswith(".")
    assert ear.of(Lost) == []
    await until(lambda: not live_tasks())
    assert len(gemini.upgrades) == 1


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(status=401), "GEMINI_API_KEY"),
        (Plan(status=403), "GEMINI_API_KEY"),
        (Plan(status=404), "model"),
        (Plan(status=429), "quota"),
        (Plan(close=1007), "set up"),
        (Plan(close=1007, reason="API key not valid."), "GEMINI_API_KEY"),
        (Plan(close=1008, reason="models/x is not found for API version v1beta"), "model"),
        (Plan(close=1011, reason="You exceeded your current quota"), "quota"),
    ],
)
async def test_what_can_not_succeed_is_said_at_the_start_and_not_tried_again(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, plan: Plan, words: str
) -> None:
    gemini.plans.append(plan)
    with pytest.raises(LiveError, match=words):
        await session.start()
    assert session.state is LiveState.FAILED
    assert len(gemini.upgrades) == 1
    assert ear.events == []


async def test_a_start_gets_over_a_passing_fault(gemini: ScriptedGemini, session: LiveSession) -> None:
    gemini.plans.append(Plan(status=503))
    await session.start()
    assert session.state is LiveState.READY
    assert len(gemini.upgrades) == 2


async def test_a_used_up_quota_in_a_call_is_waited_out(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    gemini.plans.append(Plan(status=429))
    await gemini.connections[0].close(1011)
    await until(lambda: session.counters()["live_failures"] == 2)
    assert session.state is LiveState.BACKING_OFF
    await asyncio.sleep(0.5)
    assert len(gemini.upgrades) == 2
    assert ear.of(Failed) == []


@pytest.mark.parametrize("setup_answer", ["silent", "not JSON", "other"])
async def test_a_connection_without_setup_complete_is_given_up(
    gemini: ScriptedGemini,
    session: LiveSession,
    monkeypatch: pytest.MonkeyPatch,
    setup_answer: str,
) -> None:
    monkeypatch.setattr(live_attempts, "FIRST_PATIENCE_S", 0.5)
    gemini.plans.append(Plan(setup=setup_answer))
    await session.start()
    assert len(gemini.upgrades) == 2
    assert session.state is LiveState.READY


async def test_a_server_that_never_answers_ends_the_start_with_a_sentence(
    gemini: ScriptedGemini, session: LiveSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_session, "START_S", 0.5)
    gemini.plans.append(Plan(setup="silent"))
    with pytest.raises(LiveError, match="did not answer"):
        await session.start()
    assert session.state is LiveState.CLOSED


async def test_it_moves_from_a_server_that_goes_away_when_nobody_speaks(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    first = gemini.connections[0]
    await first.give_handle("one")
    session.activity_start()
    say(session, *frames(0, 3))
    await first.send(goAway={"timeLeft": "60s"})
    await until(lambda: session.state is LiveState.DRAINING)
    session.activity_end()
    await until(lambda: "end" in first.got)
    await first.answer(b"\x01\x02", complete=False)
    await asyncio.sleep(0.3)
    assert session.state is LiveState.DRAINING, "not while it answers"
    await first.answer()
    await until(lambda: len(ear.of(Ready)) == 2)
    assert gemini.connections[1].handle == "one"
    assert gemini.connections[1].got == []
    assert len(ear.of(AnswerEnded)) == 1


async def test_it_moves_at_once_when_the_server_leaves_no_time(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear
) -> None:
    await session.start()
    first = gemini.connections[0]
    await first.give_handle("one")
    session.activity_start()
    say(session, *frames(0, 3))
    await until(lambda: len(first.got) == 4)
    await first.send(goAway={})
    await until(lambda: len(ear.of(Ready)) == 2)
    say(session, *frames(3, 1))
    session.activity_end()
    second = gemini.connections[1]
    await until(lambda: "end" in second.got)
    assert second.got == ["start", *frames(0, 4), "end"]


@pytest.mark.parametrize("moment", ["idle", "connecting", "ready", "backing off", "deaf"])
async def test_nothing_is_left_after_a_close_in_any_state(
    gemini: ScriptedGemini, session: LiveSession, moment: str
) -> None:
    begun: asyncio.Task[None] | None = None
    if moment == "connecting":
        gemini.plans.append(Plan(setup="silent"))
        begun = asyncio.create_task(session.start())
        await until(lambda: gemini.connections)
    elif moment != "idle":
        gemini.plans.append(Plan(deaf=moment == "deaf"))
        await session.start()
    if moment == "backing off":
        gemini.plans.append(Plan(status=429))
        await gemini.connections[0].close(1011)
        await until(lambda: session.counters()["live_failures"] == 2)
    if moment == "deaf":
        fill(session)
        await asyncio.sleep(0.3)
    started = time.monotonic()
    await session.close()
    assert time.monotonic() - started < 2.0
    assert live_tasks() == set()
    await session.close()
    if begun is not None:
        with pytest.raises(LiveError):
            await begun


async def test_a_cancelled_start_leaves_nothing(gemini: ScriptedGemini, session: LiveSession) -> None:
    gemini.plans.append(Plan(setup="silent"))
    starting = asyncio.create_task(session.start())
    await until(lambda: gemini.connections)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert live_tasks() == set()


async def test_a_socket_that_takes_nothing_is_given_up(
    gemini: ScriptedGemini, session: LiveSession, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.live.connection.SEND_S", 0.3)
    gemini.plans.append(Plan(deaf=True))
    await session.start()
    fill(session)
    await until(lambda: ear.of(Lost))
    assert ear.of(Lost)[0].reason == "Gemini did not answer in time."


async def test_a_bug_of_the_listener_does_not_cost_the_connection(
    gemini: ScriptedGemini, client: genai.Client
) -> None:
    ear = Ear(buggy=True)
    session = LiveSession(client, setup(), ear, name="8")
    await session.start()
    await gemini.connections[0].answer(b"\x01\x02")
    await until(lambda: ear.of(AnswerEnded))
    assert session.state is LiveState.READY
    await session.close()


async def test_marks_are_refused_where_the_model_finds_the_turns(client: genai.Client) -> None:
    def hear(event: LiveEvent) -> None:
        raise AssertionError(event)

    session = LiveSession(client, setup(turns="model"), hear, name="9")
    with pytest.raises(ValueError, match="marks"):
        session.activity_start()
    await session.close()
    with pytest.raises(LiveError):
        await session.start()
