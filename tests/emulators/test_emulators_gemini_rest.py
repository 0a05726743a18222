"""Requests to the loopback Gemini, made by the real SDK: answers that only the right bytes could give."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from gemini_rest_rig import FLASH, KIT, LITE, ask, client_of, kit, part, pdf, picture, tone
from google.genai import errors, types

from bot.emulators.gemini.media_facts import DocumentFacts, PictureFacts
from bot.emulators.gemini.rest_code import calculate
from bot.emulators.gemini.rest_request import MAX_REQUEST
from bot.emulators.gemini.server import GeminiEmulator
from bot.emulators.tls import CertificateAuthority


async def test_a_picture_is_described_by_what_it_shows(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        cat = await ask(client, kit("photo-cat.png", "image/png"), "What is this?")
        coffee = await ask(client, kit("photo-coffee.png", "image/png"), "What is this?")
    assert cat.text is not None
    assert coffee.text is not None
    assert "PNG of 451 x 300 pixels, mostly brown" in cat.text
    assert "PNG of 600 x 400 pixels, mostly orange" in coffee.text
    assert "You asked in 3 words: “What is this?”" in cat.text
    entry = gemini_emulator.requests[0]
    assert entry.parts == ("image/png 240512 bytes inline",)
    assert isinstance(entry.measured[0], PictureFacts)
    assert (entry.model, entry.status, entry.finish, entry.answer) == (FLASH, 200, "STOP", cat.text)


async def test_every_kind_of_media_in_one_request(gemini_emulator: GeminiEmulator) -> None:
    parts = [
        part(picture("JPEG", orientation=6), "image/jpeg"),
        kit("video-bunny.mp4", "video/mp4"),
        part(tone(1.0, silent=0.5), "audio/wav"),
        part(pdf("A page.", "More of it."), "application/pdf"),
        part(b"one two three", "text/plain"),
    ]
    async with client_of(gemini_emulator) as client:
        response = await ask(client, *parts, "Go on", system_instruction="Be short.")
    said = response.text or ""
    assert "Picture 1 is a JPEG of 200 x 400 pixels" in said
    assert "EXIF orientation is 6" in said
    assert "Video 2 lasts 5.28 s: 132 frames at 25 per second, 1280 x 720 pixels, h264" in said
    assert "Recording 3 lasts 1.50 s" in said
    assert "Sound is heard from 0.50 to 1.50 s" in said
    assert "Document 4 has 2 pages with 5 words of text" in said
    assert "Page 2: “More of it.”" in said
    assert "Text 5 has 3 words in 1 line: “one two three”" in said
    assert "My instructions have 2 words." in said


async def test_the_bill_counts_what_was_sent(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        film = kit("video-bunny.mp4", "video/mp4")
        response = await ask(client, film, kit("photo-coffee.png", "image/png"), "12345678")
        low = await ask(client, film, "12345678", media_resolution="MEDIA_RESOLUTION_LOW")
        counted = await client.aio.models.count_tokens(
            model=FLASH, contents=types.UserContent(parts=[film, types.Part(text="12345678")])
        )
    usage = response.usage_metadata
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    tokens = {
        str(one.modality and one.modality.value): one.token_count or 0 for one in usage.prompt_tokens_details
    }
    video = -(-528 * 263 // 100)
    assert tokens == {"TEXT": 2, "VIDEO": video, "IMAGE": 258}
    assert usage.candidates_token_count == -(-len(response.text or "") // 4)
    thoughts = usage.thoughts_token_count or 0
    assert usage.total_token_count == sum(tokens.values()) + usage.candidates_token_count + thoughts
    assert low.usage_metadata is not None
    assert low.usage_metadata.prompt_token_count == 2 + 528
    assert counted.total_tokens == 2 + video


async def test_a_stream_is_the_answer_in_pieces(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        cat = kit("photo-cat.png", "image/png")
        whole = await ask(client, cat, "What is this?")
        stream = await client.aio.models.generate_content_stream(
            model=FLASH, contents=types.UserContent(parts=[cat, types.Part(text="What is this?")])
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert len(chunks) > 5
    ends = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
    assert ends == [None] * (len(chunks) - 1) + [types.FinishReason.STOP]
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert {chunk.response_id for chunk in chunks} == {chunks[0].response_id}
    entry = gemini_emulator.requests[1]
    assert len(entry.chunks) == len(chunks)
    assert entry.answer == whole.text


async def test_the_last_turn_is_the_question(gemini_emulator: GeminiEmulator) -> None:
    turns: list[types.ContentUnion] = [
        types.UserContent(parts=[kit("photo-cat.png", "image/png"), types.Part(text="What is this?")]),
        types.ModelContent(parts=[types.Part(text="A cat, brown.")]),
        types.UserContent(parts=[types.Part(text="And how wide?")]),
    ]
    async with client_of(gemini_emulator) as client:
        response = await client.aio.models.generate_content(model=LITE, contents=turns)
    assert "451 x 300" in (response.text or "")
    assert "You asked in 3 words: “And how wide?” Before that came 2 turns with 6 words." in (
        response.text or ""
    )


async def test_a_clip_and_a_link(gemini_emulator: GeminiEmulator) -> None:
    link = "https://example.com/film.mp4"
    clip = types.VideoMetadata(start_offset="1s", end_offset="3s")
    film = types.Part(file_data=types.FileData(file_uri=link), video_metadata=clip)
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ClientError, match="Cannot fetch content"):
            await ask(client, film, "Summarize")
        gemini_emulator.knobs.rest.links[link] = KIT / "video-bunny.mp4"
        response = await ask(client, film, "Summarize")
    assert "Video 1 lasts 2.00 s: 50 frames" in (response.text or "")


async def test_structured_output(gemini_emulator: GeminiEmulator) -> None:
    boxes = {
        "type": "ARRAY",
        "items": {
            "type": "OBJECT",
            "properties": {
                "box_2d": {"type": "ARRAY", "items": {"type": "INTEGER"}},
                "label": {"type": "STRING"},
            },
            "required": ["box_2d", "label"],
        },
    }
    chapters = {
        "type": "object",
        "properties": {"chapters": {"type": "array", "items": {"$ref": "#/$defs/chapter"}}},
        "required": ["chapters"],
        "$defs": {
            "chapter": {
                "type": "object",
                "properties": {"start": {"type": "number"}, "title": {"type": "string"}},
                "required": ["start", "title"],
            }
        },
    }
    mime_type = "application/json"
    async with client_of(gemini_emulator) as client:
        found = await ask(
            client, part(picture(), "image/png"), "Find", response_mime_type=mime_type, response_schema=boxes
        )
        told = await ask(
            client,
            kit("video-bunny.mp4", "video/mp4"),
            "Chapters",
            response_mime_type=mime_type,
            response_json_schema=chapters,
        )
        free = await ask(client, part(picture(), "image/png"), "Any", response_mime_type=mime_type)
    (box,) = json.loads(found.text or "")
    assert box["box_2d"] == pytest.approx([300, 250, 900, 750], abs=20)
    assert box["label"] == "red region 1"
    assert [one["start"] for one in json.loads(told.text or "")["chapters"]] == [0, 1.76, 3.52]
    assert json.loads(free.text or "")["width"] == 400
    assert gemini_emulator.requests[1].schema == chapters


async def test_code_is_run(gemini_emulator: GeminiEmulator) -> None:
    tools = [types.Tool(code_execution=types.ToolCodeExecution())]
    async with client_of(gemini_emulator) as client:
        asked = await ask(client, "How much is (3 + 4) * 12.5? Plot it.", tools=tools)
        failed = await ask(client, "How much is 1 / 0?", tools=tools)
        measured = await ask(client, kit("photo-cat.png", "image/png"), "How many pixels?", tools=tools)
    assert asked.executable_code == "print((3 + 4) * 12.5)"
    assert asked.code_execution_result == "87.5\n"
    assert any(one.inline_data and one.inline_data.mime_type == "image/png" for one in asked.parts or [])
    results = [one.code_execution_result for one in failed.parts or [] if one.code_execution_result]
    assert results[0].outcome is types.Outcome.OUTCOME_FAILED
    assert "ZeroDivisionError" in (results[0].output or "")
    assert (measured.executable_code, measured.code_execution_result) == ("print(451 * 300)", "135300\n")


@pytest.mark.parametrize(
    ("expression", "value"), [("2 ** 10", 1024), ("-3 + 1", -2), ("7 % 4", 3), ("1.5 * (2 - 4)", -3)]
)
def test_arithmetic(expression: str, value: float) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression", ["9 ** 9 ** 9", "1 / 0", "open('x')", "a", "(1", "'a' * 9", "0 ** -1", "(-8) ** 0.5"]
)
def test_arithmetic_that_is_none(expression: str) -> None:
    with pytest.raises((ArithmeticError, ValueError)):
        calculate(expression)


async def test_an_answer_is_grounded(gemini_emulator: GeminiEmulator) -> None:
    tools = [types.Tool(google_search=types.GoogleSearch())]
    async with client_of(gemini_emulator) as client:
        response = await ask(client, "Who won the <b>cup</b>?", tools=tools)
        plain = await ask(client, "Who won the cup?")
    assert response.candidates
    assert plain.candidates
    found = response.candidates[0].grounding_metadata
    assert plain.candidates[0].grounding_metadata is None
    assert found is not None
    assert found.web_search_queries == ["Who won the <b>cup</b>?"]
    assert found.search_entry_point is not None
    assert "&lt;b&gt;cup" in (found.search_entry_point.rendered_content or "")
    assert [one.web.title for one in found.grounding_chunks or [] if one.web] == [
        "example.com",
        "example.org",
    ]
    segment = (found.grounding_supports or [])[0].segment
    assert segment is not None
    assert (response.text or "").encode()[: segment.end_index].decode() == segment.text


async def test_output_has_a_limit_and_stops(gemini_emulator: GeminiEmulator) -> None:
    thoughtless = types.ThinkingConfig(thinking_budget=0)
    async with client_of(gemini_emulator) as client:
        cut = await ask(client, "One two three", max_output_tokens=5, thinking_config=thoughtless)
        spent = await ask(client, "One two three", max_output_tokens=5)
        stopped = await ask(client, "One two three", stop_sequences=["two"])
    assert cut.candidates
    assert spent.candidates
    assert (cut.text, cut.candidates[0].finish_reason) == (
        "You asked in 3 words",
        types.FinishReason.MAX_TOKENS,
    )
    assert (spent.text, spent.candidates[0].finish_reason) == (None, types.FinishReason.MAX_TOKENS)
    assert stopped.text == "You asked in 3 words: “One "


async def test_thoughts_are_shown_on_request(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        response = await ask(
            client, "One two three", thinking_config=types.ThinkingConfig(include_thoughts=True)
        )
        hidden = await ask(client, "One two three")
    assert [one.thought for one in response.parts or []] == [True, None]
    assert [one.thought for one in hidden.parts or []] == [None]
    assert hidden.usage_metadata is not None
    assert hidden.usage_metadata.thoughts_token_count


@pytest.mark.parametrize(
    ("parts", "config", "message"),
    [
        ([part(b"GIF89a", "image/gif")], {}, "Unsupported MIME type: image/gif"),
        ([part(b"PK", "application/zip")], {}, "Unsupported MIME type"),
        ([part(b"nothing", "image/png")], {}, "Unable to process input image"),
        ([part(picture()[:-100], "image/png")], {}, "Unable to process input image"),
        ([part(b"%PDF", "application/pdf")], {}, "The document"),
        ([types.Part.from_uri(file_uri="files/unknown", mime_type="image/png")], {}, "permission to access"),
        ([types.Part.from_uri(file_uri="gs://bucket/a", mime_type="image/png")], {}, "unsupported file uri"),
        (["Hello"], {"candidate_count": 2}, "Multiple candidates"),
        (["Hello"], {"temperature": 3.0}, "temperature"),
        (["Hello"], {"max_output_tokens": 70_000}, "maxOutputTokens"),
        (["Hello"], {"response_modalities": ["IMAGE"]}, "only supports text output"),
        (["Hello"], {"response_schema": {"type": "STRING"}}, "mime type"),
        (["Hello"], {"cached_content": "cachedContents/a"}, "CachedContent not found"),
        (["Hello"], {"tools": [{"google_maps": {}}]}, "googleMaps is not supported"),
    ],
)
async def test_what_is_refused(
    gemini_emulator: GeminiEmulator, parts: list[types.Part | str], config: dict[str, Any], message: str
) -> None:
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ClientError, match=message) as refused:
            await ask(client, *parts, **config)
    assert refused.value.code in (400, 403)
    assert gemini_emulator.requests[0].status == refused.value.code


@pytest.mark.parametrize("model", ["gemini-2.0-flash", "gemini-3.8-live", "gemini-3-pro-image"])
async def test_models_that_answer_no_requests(gemini_emulator: GeminiEmulator, model: str) -> None:
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ClientError, match="is not found") as refused:
            await ask(client, "Hello", model=model)
    assert refused.value.code == 404
    assert gemini_emulator.requests == []


async def test_a_wrong_key(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator, key="wrong") as client:
        with pytest.raises(errors.ClientError, match="API key not valid"):
            await ask(client, "Hello")
        with pytest.raises(errors.ClientError, match="API key not valid"):
            await client.aio.files.list()


async def test_models_tell_their_limits(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        model = await client.aio.models.get(model=LITE)
    assert (model.input_token_limit, model.output_token_limit) == (1_048_576, 65_536)


async def test_requests_that_are_too_large(gemini_emulator: GeminiEmulator) -> None:
    large = b"x" * (MAX_REQUEST * 3 // 4 + 1000)
    document = pdf("A page.") + b"\n%" + large
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ClientError, match="payload size exceeds the limit: 20971520"):
            await ask(client, part(large, "text/plain"), "Hello")
        response = await ask(client, part(document, "application/pdf"), "Hello")
    assert "Document 1 has 1 page" in (response.text or "")
    assert isinstance(gemini_emulator.requests[1].measured[0], DocumentFacts)


async def test_bodies_that_are_no_requests(ca: CertificateAuthority, gemini_emulator: GeminiEmulator) -> None:
    url = f"{gemini_emulator.base_url}/v1beta/models/{FLASH}"
    headers = {"x-goog-api-key": gemini_emulator.api_key}
    turn = {"role": "user", "parts": [{"text": "Hello"}]}
    bodies = [
        (":generateContent", b"{", "Invalid JSON"),
        (":generateContent", b"[]", "an object is expected"),
        (":generateContent", b"{}", "contents is not specified"),
        (":generateContent", json.dumps({"contents": [{"parts": []}]}).encode(), "must not be empty"),
        (":generateContent", json.dumps({"contents": [turn], "surprise": 1}).encode(), "Unknown name"),
        (":streamGenerateContent", json.dumps({"contents": [turn]}).encode(), "alt=sse"),
        (":explainContent", b"{}", "is not found"),
    ]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ca.client_context())) as http:
        for method, body, message in bodies:
            async with http.post(url + method, data=body, headers=headers) as response:
                assert response.status in (400, 404)
                assert message in (await response.json())["error"]["message"]


async def test_requests_are_measured_side_by_side(gemini_emulator: GeminiEmulator) -> None:
    async with client_of(gemini_emulator) as client:
        names = ["photo-cat.png", "photo-coffee.png", "scan-page.png"] * 4
        answers = await asyncio.gather(*(ask(client, kit(name, "image/png"), "Which?") for name in names))
    sizes = {"photo-cat.png": "451 x 300", "photo-coffee.png": "600 x 400", "scan-page.png": "384 x 191"}
    assert all(sizes[name] in (one.text or "") for name, one in zip(names, answers, strict=True))


async def test_nothing_is_left_on_disk(
    ca: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with GeminiEmulator(ca) as gemini, client_of(gemini) as client:
        await client.aio.files.upload(file=KIT / "photo-cat.png")
        assert gemini.files[0].path.is_relative_to(tmp_path)
        assert gemini.files[0].path.stat().st_size == 240_512
    assert os.listdir(tmp_path) == []  # noqa: PTH208
