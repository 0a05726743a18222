"""Faults of the loopback Gemini's REST half, as the real SDK sees them."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest
from gemini_rest_rig import FLASH, LITE, ask, client_of, eventually, kit
from google import genai
from google.genai import errors, types

from bot.emulators.gemini.faults import Abort, Late, Stall
from bot.emulators.gemini.rest_faults import (
    BlockAnswer,
    BlockPrompt,
    Cut,
    Expire,
    Fail,
    Refuse,
    RestEffect,
    RestFault,
    RestWhere,
    Spoil,
    Stick,
)
from bot.emulators.gemini.server import GeminiEmulator


def script(gemini: GeminiEmulator, *faults: RestFault) -> None:
    gemini.knobs.rest.faults = list(faults)


async def streamed(client: genai.Client, into: list[types.GenerateContentResponse]) -> None:
    contents = types.UserContent(parts=[kit("photo-cat.png", "image/png"), types.Part(text="What is this?")])
    async for chunk in await client.aio.models.generate_content_stream(model=FLASH, contents=contents):
        into.append(chunk)


@pytest.mark.parametrize("status", [429, 500, 503, 504])
async def test_refused_as_often_as_the_script_says(gemini_emulator: GeminiEmulator, status: int) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Refuse(status), times=2, skip=1))
    codes = []
    async with client_of(gemini_emulator) as client:
        for _ in range(4):
            try:
                await ask(client, "Hello")
                codes.append(200)
            except errors.APIError as error:
                codes.append(error.code)
    assert codes == [200, status, status, 200]
    assert [entry.status for entry in gemini_emulator.requests] == codes


async def test_a_quota_says_when_to_come_back(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Refuse(429, retry_delay_s=2.5)))
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ClientError) as refused:
            await ask(client, "Hello")
    assert refused.value.status == "RESOURCE_EXHAUSTED"
    assert refused.value.details["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}
    ]


async def test_one_model_is_hit_and_the_other_spared(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Refuse(503), times=100, model=FLASH))
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.ServerError):
            await ask(client, "Hello", model=FLASH)
        assert (await ask(client, "Hello", model=LITE)).text


async def test_an_error_in_the_middle_of_a_stream(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.CHUNK, Refuse(503), skip=2))
    chunks: list[types.GenerateContentResponse] = []
    async with client_of(gemini_emulator) as client:
        with pytest.raises(errors.APIError) as broken:
            await streamed(client, chunks)
    assert broken.value.code == 503
    assert len(chunks) == 2
    assert gemini_emulator.requests[0].answer == "".join(chunk.text or "" for chunk in chunks)


async def test_a_stream_that_is_reset(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.CHUNK, Abort(), skip=2))
    chunks: list[types.GenerateContentResponse] = []
    async with client_of(gemini_emulator) as client:
        with pytest.raises(aiohttp.ClientError):
            await streamed(client, chunks)
    assert len(chunks) <= 2
    assert gemini_emulator.requests[0].abandoned


async def test_a_stream_that_ends_too_early(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.CHUNK, Cut(), skip=3))
    chunks: list[types.GenerateContentResponse] = []
    async with client_of(gemini_emulator) as client:
        await streamed(client, chunks)
    assert len(chunks) == 3
    assert all(chunk.candidates and chunk.candidates[0].finish_reason is None for chunk in chunks)


@pytest.mark.parametrize("where", [RestWhere.GENERATE, RestWhere.CHUNK])
async def test_a_hang_lasts_until_the_client_leaves(
    gemini_emulator: GeminiEmulator, where: RestWhere
) -> None:
    script(gemini_emulator, RestFault(where, Stall()))
    async with client_of(gemini_emulator) as client:
        task = asyncio.create_task(streamed(client, []))
        await eventually(lambda: bool(gemini_emulator.requests))
        await asyncio.sleep(0.2)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await eventually(lambda: gemini_emulator.requests[0].abandoned)


async def test_a_hang_ends_with_the_emulator(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Stall()))
    async with client_of(gemini_emulator) as client:
        task = asyncio.create_task(streamed(client, []))
        await eventually(lambda: bool(gemini_emulator.requests))
        await gemini_emulator.close()
        done, _ = await asyncio.wait({task}, timeout=30)
    assert done


async def test_a_client_that_leaves_is_noticed(gemini_emulator: GeminiEmulator) -> None:
    gemini_emulator.knobs.rest.chunk_s = 0.05
    gemini_emulator.knobs.rest.chunk_words = 1
    chunks: list[types.GenerateContentResponse] = []
    async with client_of(gemini_emulator) as client:
        task = asyncio.create_task(streamed(client, chunks))
        await eventually(lambda: bool(chunks))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    entry = gemini_emulator.requests[0]
    await eventually(lambda: entry.ended_at is not None)
    assert entry.abandoned
    assert entry.finish == ""


async def test_late_answers(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Late(0.3)), RestFault(RestWhere.COUNT, Late(0.3)))
    async with client_of(gemini_emulator) as client:
        began = time.monotonic()
        await ask(client, "Hello")
        assert time.monotonic() - began >= 0.3
        began = time.monotonic()
        await client.aio.models.count_tokens(model=FLASH, contents="Hello")
        assert time.monotonic() - began >= 0.3


async def test_blocked_for_safety(gemini_emulator: GeminiEmulator) -> None:
    script(
        gemini_emulator,
        RestFault(RestWhere.GENERATE, BlockPrompt(), times=2),
        RestFault(RestWhere.GENERATE, BlockAnswer(), skip=2),
    )
    chunks: list[types.GenerateContentResponse] = []
    async with client_of(gemini_emulator) as client:
        blocked = await ask(client, "Hello")
        await streamed(client, chunks)
        answer = await ask(client, "Hello, what is the weather like over there?")
    for response in (blocked, *chunks):
        assert not response.candidates
        assert response.prompt_feedback is not None
        assert response.prompt_feedback.block_reason is types.BlockedReason.SAFETY
    assert len(chunks) == 1
    assert answer.candidates
    assert answer.candidates[0].finish_reason is types.FinishReason.SAFETY
    assert answer.candidates[0].safety_ratings
    assert answer.text == "You asked in 8 words: “Hello, wha"
    assert [entry.finish for entry in gemini_emulator.requests] == ["SAFETY"] * 3


async def test_a_spoilt_answer_is_repaired_the_next_time(gemini_emulator: GeminiEmulator) -> None:
    script(gemini_emulator, RestFault(RestWhere.GENERATE, Spoil()))
    schema = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
    config: dict[str, Any] = {"response_mime_type": "application/json", "response_json_schema": schema}
    async with client_of(gemini_emulator) as client:
        first = await ask(client, "Hello", **config)
        second = await ask(client, "Hello", **config)
    assert (first.text, second.text) == ("{}", '{"question": "Hello"}')


@pytest.mark.parametrize(
    ("where", "effect"),
    [
        (RestWhere.GENERATE, Cut()),
        (RestWhere.CHUNK, BlockPrompt()),
        (RestWhere.UPLOADED, Refuse(500)),
        (RestWhere.FILE_GET, Stick()),
        (RestWhere.UPLOAD_CHUNK, Fail()),
        (RestWhere.FILE_GET, Expire()),
        (RestWhere.COUNT, Spoil()),
    ],
)
def test_effects_at_a_wrong_place(where: RestWhere, effect: RestEffect) -> None:
    with pytest.raises(ValueError, match="can't be at"):
        RestFault(where, effect)
