"""Pictures, search and functions in a Live session of the loopback Gemini, by the real google-genai SDK."""

import hashlib

import pytest
from gemini_live_rig import MARKS, SILENCE, SPEECH, hurry, live, send, turn, until
from gemini_rig import drawn
from google.genai import errors, types

from bot.emulators.gemini.knobs import Call, Search, ToolRule, ToolScript
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority


@pytest.fixture
async def gemini(gemini_emulator: GeminiEmulator) -> GeminiEmulator:
    return hurry(gemini_emulator)


def shown(data: bytes, mime_type: str = "image/jpeg") -> types.Blob:
    return types.Blob(data=data, mime_type=mime_type)


async def test_a_picture_before_a_turn_is_seen_and_later_remembered(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    data = drawn("orange", size=(768, 512), form="JPEG")
    async with live(gemini, ca, realtime_input_config=MARKS) as session:
        for said in (
            "I saw a picture of 768 by 512 pixels, mostly orange.",
            "I remember 1 picture, mostly orange.",
        ):
            if said.startswith("I saw"):
                await session.send_realtime_input(video=shown(data))
            await session.send_realtime_input(activity_start=types.ActivityStart())
            await send(session, SPEECH)
            await session.send_realtime_input(activity_end=types.ActivityEnd())
            heard = await turn(session)
            assert said in heard.said
        assert heard.usage is not None
        billed = {one.modality: one.token_count for one in heard.usage.prompt_tokens_details or []}
        assert billed[types.MediaModality.IMAGE] == 258
    (picture,) = gemini.sessions[0].log.turns[0].pictures
    assert picture.sha256 == hashlib.sha256(data).hexdigest()


async def test_what_is_no_picture_closes_the_socket(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    async with live(gemini, ca) as session:
        await session.send_realtime_input(video=shown(b"no picture"))
        with pytest.raises(errors.APIError, match="Unable to process input image") as refused:
            await turn(session)
    assert refused.value.code == 1007


async def test_a_search_is_read_by_the_sdk(gemini: GeminiEmulator, ca: CertificateAuthority) -> None:
    gemini.knobs.tool_calls.append(ToolScript((Search("weather in Oslo"),)))
    tool = types.Tool(google_search=types.GoogleSearch())
    async with live(gemini, ca, tools=[tool]) as session:
        await send(session, SPEECH + SILENCE)
        heard = await turn(session)
    found = [
        message.server_content.grounding_metadata
        for message in heard.messages
        if message.server_content and message.server_content.grounding_metadata
    ]
    assert len(found) == 1
    assert found[0].web_search_queries == ["weather in Oslo"]
    assert [one.web.title for one in found[0].grounding_chunks or [] if one.web] == [
        "example.com",
        "example.org",
    ]
    assert found[0].search_entry_point is not None
    assert "weather in Oslo" in (found[0].search_entry_point.rendered_content or "")
    assert "I searched for “weather in Oslo”" in heard.said


async def test_a_rule_calls_a_function_and_its_words_are_read_out(
    gemini: GeminiEmulator, ca: CertificateAuthority
) -> None:
    gemini.knobs.tool_rules.append(
        ToolRule((Call("look_closer", {"question": "what?"}),), duration_s=(2.5, 3.5))
    )
    function = types.FunctionDeclaration(
        name="look_closer",
        description="Look at the last picture.",
        parameters_json_schema={"type": "object", "properties": {"question": {"type": "string"}}},
        behavior=types.Behavior.NON_BLOCKING,
    )
    async with live(gemini, ca, tools=[types.Tool(function_declarations=[function])]) as session:
        await send(session, SPEECH + SILENCE)
        heard = await turn(session)
        (call,) = [
            one
            for message in heard.messages
            if message.tool_call
            for one in message.tool_call.function_calls or []
        ]
        assert call.args == {"question": "what?"}
        response = types.FunctionResponse(
            id=call.id,
            name="look_closer",
            response={"summary": "a cat on a mat"},
            scheduling=types.FunctionResponseScheduling.INTERRUPT,
        )
        await session.send_tool_response(function_responses=response)
        assert "look_closer returned: a cat on a mat." in (await turn(session)).said
    await until(lambda: not gemini.sessions[0].open)
    log = gemini.sessions[0].log
    assert log.setup is not None
    declared = log.setup.declarations["look_closer"]
    assert declared["description"] == "Look at the last picture."
    assert declared["parametersJsonSchema"]["properties"] == {"question": {"type": "string"}}
    assert (log.tool_results[0].call_id, log.tool_results[0].scheduling) == (call.id, "INTERRUPT")
