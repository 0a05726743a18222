"""The actor over real sockets, TLS and the real SDK, against a server that does what each test says."""

import asyncio
import time

import pytest
from google import genai
from live_rig import client, ear, frames, gemini, live_tasks, say, session, setup
from scripted_gemini import Ear, Plan, ScriptedGemini, until

from bot.live.errors import LiveError
from bot.live.events import (
    AnswerAudio,
    AnswerEnded,
    InputTranscript,
    Interrupted,
    LiveEvent,
    Lost,
    OutputTranscript,
    Ready,
    Usage,
)
from bot.live.session import LiveSession
from bot.live.states import LiveState

__all__ = ["client", "ear", "gemini", "session"]


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
