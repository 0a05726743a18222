"""Uploads and answers that fail: what is tried again, by which model, and what is said."""

import asyncio
from pathlib import Path

import pytest
from loopback import eventually
from media_rig import Rig, encoded, finished, noise, running_rig, words
from scripted_rest import Reply, ScriptedRest
from service_rig import FILM, gemini, refusal, rig, running

from bot.emulators.discord.server import DiscordEmulator

__all__ = ["gemini", "rig", "running"]


async def test_a_file_that_google_lost_is_uploaded_anew(rig: Rig, gemini: ScriptedRest) -> None:
    await rig.ask(rig.post_media(FILM))
    gemini.files.clear()
    assert words(await rig.ask(rig.post_media(FILM))) == "A cat on a sofa."
    assert len(gemini.uploaded) == 2


async def test_an_upload_that_breaks_is_tried_again(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.fail_chunks = 1
    assert words(await rig.ask(rig.post_media(FILM))) == "A cat on a sofa."
    gemini.fail_chunks = 99
    assert "overloaded" in await refusal(rig, rig.post("other.jpg", encoded(noise(900, 700), "JPEG")))
    await eventually(lambda: not rig.service._files._leaving)
    gemini.fail_chunks = 0


async def test_a_file_that_gemini_cant_prepare(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.polls_until_active, gemini.state_after = 2, "FAILED"
    assert f"could not read {FILM}" in await refusal(rig, rig.post_media(FILM))


async def test_a_file_that_stays_in_preparation(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    gemini.polls_until_active = 10**6
    async with running_rig(discord_emulator, gemini.base_url, tmp_path, ready_s=0.5) as rig:
        assert "did not get" in await refusal(rig, rig.post_media(FILM))
        await eventually(lambda: gemini.files == {})


def too_many(delay: str) -> Reply:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    return Reply(status=429, details=(info,))


async def test_busy_is_tried_again_after_the_delay_it_asks_for(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(status=503), too_many("0.3s")])
    began = asyncio.get_running_loop().time()
    events = await rig.ask()
    assert asyncio.get_running_loop().time() - began > 0.3
    assert words(events) == "A cat on a sofa." and len(gemini.asked) == 3
    assert finished(events).model == "gemini-3.8-flash"


async def test_a_long_delay_leads_to_the_fallback(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.append(too_many("400s"))
    assert finished(await rig.ask()).model == "gemini-3.5-flash-lite"
    assert [asked.model for asked in gemini.asked] == ["gemini-3.8-flash", "gemini-3.5-flash-lite"]


async def test_a_limit_everywhere_is_said_with_its_delay(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([too_many("400s"), too_many("77s")])
    assert "try again in 77 s" in await refusal(rig)


async def test_a_bad_request_is_not_tried_again(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.append(Reply(status=400, message="bad thing"))
    assert "(bad thing)" in await refusal(rig)
    assert len(gemini.asked) == 1


@pytest.mark.parametrize("how", [{"cut": True}, {"error_after": True}, {"reason": None}])
async def test_a_cut_stream_keeps_what_came(rig: Rig, gemini: ScriptedRest, how: dict[str, object]) -> None:
    gemini.replies.append(Reply(**how))  # type: ignore[arg-type]
    events = await rig.ask()
    assert words(events) == "A cat on a sofa."
    assert "broke off" in str(finished(events).truncated)
    assert len(gemini.asked) == 1


async def test_a_full_answer_and_a_refusal_in_the_middle(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(reason="MAX_TOKENS"), Reply(reason="SAFETY")])
    assert "longest" in str(finished(await rig.ask()).truncated)
    assert "safety" in str(finished(await rig.ask()).truncated)


async def test_refusals_for_safety_are_said_as_such(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(block="SAFETY"), Reply(words=(), reason="PROHIBITED_CONTENT")])
    assert "for safety reasons" in await refusal(rig)
    assert "rules prohibit" in await refusal(rig)
    assert [row["prompt_tokens"] for row in await rig.used()] == [258, 258]  # billed all the same


async def test_an_empty_answer_is_asked_again(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.append(Reply(words=()))
    assert words(await rig.ask()) == "A cat on a sofa."
