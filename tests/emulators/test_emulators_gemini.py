"""The loopback Gemini as the real google-genai SDK meets it: over TLS, on a websocket, with real speech."""

import asyncio
import json
import time
from typing import Any

import numpy as np
import pytest
import websockets
from gemini_live_rig import (
    MARKS,
    MODEL,
    PATIENCE_S,
    SILENCE,
    SPEECH,
    client_of,
    hurry,
    live,
    send,
    turn,
    until,
)
from google.genai import errors, types

from bot.audio.pcm import level_dbfs
from bot.emulators.gemini.faults import Abort, Close, Fault, Late, Mute, Send, Stall, Status, Where
from bot.emulators.gemini.knobs import Call, ToolScript
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority


@pytest.fixture
async def gemini(gemini_emulator: GeminiEmulator) -> GeminiEmulator:
    return hurry(gemini_emulator)


async def test_real_speech_is_answered_in_spoken_words(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with live(gemini, ca, system_instruction="You are a test.") as session:
        await send(session, SPEECH + SILENCE)
        heard = await turn(session)
    assert heard.said.strip().startswith("I heard you for 2.9 seconds, in 1 stretch, at minus 27 decibels")
    assert heard.said.strip().endswith("That was turn number 1. My instructions have 4 words.")
    assert heard.understood.startswith("[speech, 2.9 s, ")
    assert heard.generated
    assert not heard.interrupted
    assert 5.0 < len(heard.pcm) / 48_000 < 20.0
    assert level_dbfs(np.frombuffer(heard.pcm, "<i2").astype(np.int16)) > -35.0
    assert heard.usage is not None
    assert heard.usage.prompt_token_count == 100  # 4 s of audio
    assert heard.usage.response_token_count == pytest.approx(len(heard.pcm) / 48_000 * 25, abs=1)
    assert gemini.sessions[0].log.pcm() == SPEECH + SILENCE
    (spoken,) = gemini.sessions[0].turns
    assert spoken.measures is not None
    assert spoken.measures.pitch_hz == pytest.approx(85.0, abs=5.0)


async def test_marks_give_the_end_of_a_turn(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    async with live(gemini, ca, realtime_input_config=MARKS) as session:
        for number in (1, 2):
            await session.send_realtime_input(activity_start=types.ActivityStart())
            await send(session, SPEECH)
            await session.send_realtime_input(activity_end=types.ActivityEnd())
            heard = await turn(session)
            assert f"turn number {number}." in heard.said
            assert heard.said.count("I heard you for 2.9 seconds") == 1
    assert [note.kind for note in gemini.sessions[0].log.notes] == ["activity_start", "activity_end"] * 2


async def test_a_client_that_just_stops_is_never_answered(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with live(gemini, ca) as session:
        await send(session, SPEECH)
        await session.send_realtime_input(audio_stream_end=True)
        await until(lambda: any(n.kind == "audio_stream_end" for n in gemini.sessions[0].log.notes))
        assert list(gemini.sessions[0].turns) == []
        await send(session, SILENCE)
        assert "turn number 1" in (await turn(session)).said


async def test_speech_during_an_answer_interrupts_it(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    gemini.knobs.stream_speed, gemini.knobs.playback_speed = 20.0, 1.0
    async with live(gemini, ca, realtime_input_config=MARKS) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await send(session, SPEECH)
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        await until(lambda: bool(gemini.sessions[0].turns and gemini.sessions[0].turns[0].spoken_bytes))
        await session.send_realtime_input(activity_start=types.ActivityStart())
        broken = await turn(session)
        assert broken.interrupted
        assert broken.messages[-1].server_content is not None
        assert broken.messages[-1].server_content.turn_complete
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        gemini.knobs.stream_speed = gemini.knobs.playback_speed = 500.0
        whole = await turn(session)
        assert "turn number 2" in whole.said
        assert not whole.interrupted
    assert 0 < gemini.sessions[0].turns[0].spoken_bytes == len(broken.pcm)


async def test_content_is_context_until_it_is_complete(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with live(
        gemini, ca, speech_config={"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}}
    ) as session:
        note = types.Content(role="user", parts=[types.Part(text="[Anna is speaking now.]")])
        await session.send_client_content(turns=note, turn_complete=False)
        await send(session, SPEECH + SILENCE)
        assert (await turn(session)).said.strip().startswith("Anna, I heard you")
        await session.send_client_content(
            turns=types.Content(role="user", parts=[types.Part(text="Bye now")])
        )
        assert (await turn(session)).said.strip().startswith("I read 2 words.")
    assert gemini.sessions[0].log.setup is not None
    assert gemini.sessions[0].log.setup.voice == "Kore"


@pytest.mark.parametrize(
    ("model", "config", "code"),
    [
        ("gemini-2.0-flash-live-001", {}, 1008),
        (MODEL, {"thinking_config": {"thinking_budget": 10}}, 1007),
        ("gemini-3.8-live-extended-thinking", {}, 1007),
        (MODEL, {"proactivity": {"proactive_audio": False}}, 1007),
        (MODEL, {"enable_affective_dialog": True}, 1007),
        (MODEL, {"response_modalities": ["TEXT"]}, 1007),
        (MODEL, {"session_resumption": {"handle": "never issued"}}, 1008),
    ],
)
async def test_the_sdk_is_told_what_a_model_refuses(
    gemini: GeminiEmulator, ca: CertificateAuthority, model: str, config: dict[str, Any], code: int
) -> None:
    with pytest.raises(errors.APIError) as refused:
        async with live(gemini, ca, model, **config):
            pass
    assert refused.value.code == code
    assert gemini.sessions[0].log.close_code == code


async def test_marks_are_refused_where_detection_is_automatic(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with live(gemini, ca) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        with pytest.raises(errors.APIError) as refused:
            await turn(session)
    assert refused.value.code == 1007


async def test_a_wrong_key_is_refused_at_the_upgrade(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with client_of(gemini, ca, "wrong") as client:
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with client.aio.live.connect(model=MODEL):
                pass
    assert refused.value.response.status_code == 401
    assert gemini.sessions == []


async def test_a_session_is_resumed_over_the_wire(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    resumption: dict[str, Any] = {"session_resumption": {}}
    async with live(gemini, ca, **resumption) as session:
        await send(session, SPEECH + SILENCE)
        updates = [m.session_resumption_update for m in (await turn(session)).messages]
        assert any(update is not None and not update.resumable for update in updates)
        message = await anext(session.receive())
        assert message.session_resumption_update is not None
        handle = message.session_resumption_update.new_handle
        with pytest.raises(errors.APIError) as refused:  # this connection is still open
            async with live(gemini, ca, session_resumption={"handle": handle}):
                pass
        assert refused.value.code == 1011
    await until(lambda: not gemini.sessions[0].open)
    async with live(gemini, ca, session_resumption={"handle": handle}) as session:
        await send(session, SPEECH + SILENCE)
        assert "turn number 2" in (await turn(session)).said


async def test_go_away_comes_when_a_test_says_so(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    async with live(gemini, ca) as session:
        gemini.sessions[0].go_away(9.5, closes_after_s=0.0)
        message = await anext(session.receive())
        assert message.go_away is not None
        assert message.go_away.time_left == "9.5s"
        with pytest.raises(errors.APIError) as closed:
            await turn(session)
    assert closed.value.code == 1001


async def test_a_function_is_called_and_its_result_counts(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    gemini.knobs.tool_calls.append(ToolScript((Call("roll", {"sides": 6}),)))
    roll = types.FunctionDeclaration(name="roll", behavior=types.Behavior.BLOCKING)
    async with live(gemini, ca, tools=[types.Tool(function_declarations=[roll])]) as session:
        await send(session, SPEECH + SILENCE)
        message = await anext(session.receive())
        assert message.tool_call is not None
        assert message.tool_call.function_calls is not None
        (call,) = message.tool_call.function_calls
        assert (call.name, call.args) == ("roll", {"sides": 6})
        response = types.FunctionResponse(id=call.id, name="roll", response={"result": 4})
        await session.send_tool_response(function_responses=response)
        assert "roll returned 13 characters." in (await turn(session)).said


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_statuses_at_the_upgrade(gemini: GeminiEmulator, ca: CertificateAuthority, status: int) -> None:
    gemini.knobs.faults.append(Fault(Where.UPGRADE, Status(status, (("Retry-After", "7"),))))
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with live(gemini, ca):
            pass
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["Retry-After"] == "7"
    async with live(gemini, ca):  # only once
        pass


async def test_an_upgrade_that_is_reset_late_or_never_answered(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    gemini.knobs.faults.append(Fault(Where.UPGRADE, Abort()))
    with pytest.raises((ConnectionError, EOFError, websockets.InvalidHandshake)):
        async with live(gemini, ca):
            pass
    gemini.knobs.faults.append(Fault(Where.UPGRADE, Late(0.1)))
    async with live(gemini, ca):
        pass
    gemini.knobs.faults.append(Fault(Where.UPGRADE, Stall()))
    async with client_of(gemini, ca, open_timeout=0.2) as client:
        with pytest.raises(TimeoutError):
            async with client.aio.live.connect(model=MODEL):
                pass


async def test_a_slow_reader_hears_everything(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    gemini.knobs.read_delay_s = 0.005
    async with live(gemini, ca) as session:
        await send(session, SPEECH + SILENCE)
        assert "turn number 1" in (await turn(session)).said
    assert gemini.sessions[0].log.pcm() == SPEECH + SILENCE


@pytest.mark.parametrize(
    ("effect", "code"), [(Close(1000), 1000), (Close(1011, "overloaded"), 1011), (Abort(), 1006)]
)
async def test_ends_in_the_middle_of_an_answer(
    gemini: GeminiEmulator, ca: CertificateAuthority, effect: Close | Abort, code: int
) -> None:
    gemini.knobs.faults.append(Fault(Where.CHUNK, effect, skip=5))
    async with live(gemini, ca) as session:
        await send(session, SPEECH + SILENCE)
        with pytest.raises(errors.APIError) as ended:
            await turn(session)
    assert ended.value.code == code


async def test_frames_that_the_sdk_can_not_read_leave_the_socket_usable(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    async with live(gemini, ca) as session:
        gemini.sessions[0].inject("{bad json")
        with pytest.raises(ValueError, match="Failed to parse"):
            await turn(session)
        gemini.sessions[0].inject("{}")
        await send(session, SPEECH + SILENCE)
        assert "turn number 1" in (await turn(session)).said


async def test_a_frame_beyond_the_client_s_limit(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    large = Send(json.dumps({"serverContent": {}, "padding": "x" * 2**20}))
    gemini.knobs.faults.append(Fault(Where.READY, large))
    async with live(gemini, ca) as session:
        with pytest.raises(errors.APIError) as ended:
            await turn(session)
    assert ended.value.code in (1006, 1009)


async def test_pongs_can_be_withheld(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    gemini.knobs.pong_delay_s = float("inf")
    impatient: dict[str, Any] = {"ping_interval": 0.05, "ping_timeout": 0.1}
    async with (
        asyncio.timeout(PATIENCE_S),
        client_of(gemini, ca, **impatient) as client,
        client.aio.live.connect(model=MODEL) as session,
    ):
        with pytest.raises(errors.APIError) as ended:
            await turn(session)
    assert ended.value.code == 1006


async def test_a_half_open_connection_says_nothing_and_closing_the_emulator_ends_it(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    gemini.knobs.faults.append(Fault(Where.TURN, Mute()))
    async with live(gemini, ca) as session:
        await send(session, SPEECH + SILENCE)
        await until(lambda: bool(gemini.sessions[0].turns))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await turn(session)
        before = time.monotonic()
        await gemini.close()
        assert time.monotonic() - before < 8.0
    assert not gemini.sessions[0].open


async def test_no_task_is_left_behind(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    gemini.knobs.stream_speed = 1.0
    async with live(gemini, ca) as session:
        await send(session, SPEECH + SILENCE)
        await until(lambda: bool(gemini.sessions[0].turns and gemini.sessions[0].turns[0].spoken_bytes))
    await until(lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("gemini-")])
    assert gemini.sessions[0].log.close_code == 1000


async def test_the_models_and_the_key_over_rest(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    async with client_of(gemini, ca) as client:
        model = await client.aio.models.get(model=MODEL)
        assert model.name == f"models/{MODEL}"
        assert model.input_token_limit == 131_072
        names = [one.name async for one in await client.aio.models.list(config={"page_size": 3})]
        assert f"models/{MODEL}" in names
        assert len(names) == len(set(names)) == 7
        with pytest.raises(errors.ClientError) as missing:
            await client.aio.models.get(model="gemini-2.0-flash")
        assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")
        with pytest.raises(errors.ClientError) as unknown:
            await client.aio.caches.get(name="cachedContents/abc")
        assert unknown.value.code == 404
    async with client_of(gemini, ca, "wrong") as client:
        with pytest.raises(errors.ClientError) as refused:
            await client.aio.models.get(model=MODEL)
    assert refused.value.code == 400
    assert "API_KEY_INVALID" in str(refused.value.details)
