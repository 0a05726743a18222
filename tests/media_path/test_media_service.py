"""Requests from the posted file to the streamed answer, and what is left behind: nothing."""

import asyncio
import io
import json
import tempfile
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import av
import pytest
from loopback import eventually
from media_rig import GUILD, MEDIA, USER, Rig, encoded, finished, noise, request, running_rig, words
from PIL import Image
from scripted_rest import Reply, ScriptedRest
from sqlalchemy import insert

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.detail import Detail
from bot.media.errors import MediaError
from bot.media.events import Made, MadeFile, Progress, TextDelta, TextWhole
from bot.media.fit import Fitted
from bot.media.task import Json, Task
from bot.media.tasks.ask import Ask
from bot.media.value import text
from bot.storage.media import file_leases


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedRest]:
    async with ScriptedRest(ca) as server:
        yield server


@pytest.fixture
async def rig(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """Hold for each test that nothing is left, neither on the disk nor at Google."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setattr("bot.media.failures.FIRST_DELAY_S", 0.02)
    monkeypatch.setattr("bot.media.uploads.POLL_FIRST_S", 0.02)
    async with running_rig(discord_emulator, gemini.base_url, tmp_path, retry_s=0.05) as running:
        yield running
    assert list(scratch.iterdir()) == []
    assert gemini.files == {}


PHOTO, FILM = "photo-cat.png", "video-bunny.mp4"


async def refusal(rig: Rig, *args: object, **changes: object) -> str:
    with pytest.raises(MediaError) as caught:
        await rig.ask(*args, **changes)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_a_small_picture_goes_along(rig: Rig, gemini: ScriptedRest) -> None:
    small = encoded(Image.open(MEDIA / "photo-coffee.png").convert("RGB").resize((200, 120)), "PNG")
    events = await rig.ask(rig.post("cup.png", small))
    assert words(events) == "A cat on a sofa."
    [asked] = gemini.asked
    [(mime_type, data)] = asked.inline()
    assert mime_type == "image/png"
    assert Image.open(io.BytesIO(data)).tobytes() == Image.open(io.BytesIO(small)).tobytes()
    assert asked.parts[-1] == {"text": "What is this?"}
    assert gemini.uploaded == [] and await rig.leases() == []
    done = finished(events)
    assert (done.model, done.truncated) == ("gemini-3.8-flash", None)
    assert done.usage.total_tokens == 268 and done.usage.thought_tokens == 3


async def test_usage_is_recorded_with_its_cost(rig: Rig) -> None:
    await rig.ask(rig.post_media(PHOTO), guild_id=None)
    rig.service._models[0] = "no-price"
    await rig.ask(guild_id=GUILD)
    first, second = await rig.used()
    assert (first["guild_id"], first["user_id"], first["prompt_tokens"]) == (None, USER, 258)
    # 0.75 and 3.75 dollars a million, or twice that from 2027 on; thoughts are output.
    cost = (258 * 0.75 + 10 * 3.75) / 1e6
    assert first["cost_usd"] in (pytest.approx(cost), pytest.approx(2 * cost))
    assert (second["model"], second["cost_usd"]) == ("no-price", None)


async def test_a_film_is_uploaded_once_and_lent(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.polls_until_active = 2
    events = await rig.ask(rig.post_media(FILM))
    await rig.ask(rig.post_media(FILM), task=Ask("And the sound?"))
    [remote] = gemini.uploaded
    assert (remote.mime_type, remote.size) == ("video/mp4", (MEDIA / FILM).stat().st_size)
    assert remote.digest.hexdigest() == (await rig.leases())[0]["sha256"]
    assert [asked.files() for asked in gemini.asked] == [[f"{gemini.base_url}/v1beta/{remote.name}"]] * 2
    stages = [event.stage for event in events if isinstance(event, Progress)]
    order = [f"Fetching {FILM}", f"Looking into {FILM}", f"Uploading {FILM}", f"Preparing {FILM}"]
    assert [stages.index(stage) for stage in order] == sorted(stages.index(stage) for stage in order)
    await eventually(lambda: not rig.service._files._leaving)
    assert len(await rig.leases()) == 2
    await rig.service.close()
    assert gemini.files == {} and await rig.leases() == []


async def test_two_who_ask_at_once_share_an_upload(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.chunk_hold = asyncio.Event()
    first = asyncio.create_task(rig.ask(rig.post_media(FILM)))
    second = asyncio.create_task(rig.ask(rig.post_media(FILM), guild_id=44))
    await eventually(lambda: any(len(r.leases) == 2 for r in rig.service._files._files.values()))
    first.cancel()  # its file on the disk goes; the upload does not
    await asyncio.wait({first})
    gemini.chunk_hold.set()
    assert words(await second) == "A cat on a sofa."
    [remote] = gemini.uploaded
    assert remote.size == (MEDIA / FILM).stat().st_size


async def test_the_same_film_twice_in_one_request_is_one_upload(rig: Rig, gemini: ScriptedRest) -> None:
    await rig.ask(rig.post_media(FILM), rig.post_media(FILM))
    assert len(gemini.uploaded) == 1
    assert len(set(gemini.asked[0].files())) == 1 and len(gemini.asked[0].files()) == 2


async def test_a_lease_ends_by_itself(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path, linger_s=0.2) as rig:
        await rig.ask(rig.post_media(FILM))
        assert len(gemini.files) == 1
        await eventually(lambda: gemini.files == {})
        await eventually(lambda: not rig.service._files._leaving)
        assert await rig.leases() == []


async def test_a_request_that_fails_leaves_nothing_at_google(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.fail_deletes = 2  # tried again
    gemini.replies.append(Reply(status=400, message="Unable to process input image"))
    assert "post it in another format" in await refusal(rig, rig.post_media(FILM))
    await eventually(lambda: gemini.files == {})
    await eventually(lambda: not rig.service._files._leaving)
    assert await rig.leases() == []


@pytest.mark.parametrize("by", ["close", "cancel"])
async def test_stopping_in_the_answer_leaves_nothing(rig: Rig, gemini: ScriptedRest, by: str) -> None:
    gemini.replies.append(Reply(hold=asyncio.Event()))
    came = asyncio.Event()

    async def read(*, stop: bool) -> None:
        async with aclosing(rig.service.ask(request(rig.post_media(FILM)))) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    came.set()
                    if stop:
                        return

    reading = asyncio.create_task(read(stop=by == "close"))
    await asyncio.wait_for(came.wait(), 20)
    if by == "cancel":
        reading.cancel()
    await asyncio.wait({reading}, timeout=20)
    assert not rig.service._running
    await eventually(lambda: gemini.files == {})


async def test_stopping_in_the_upload_leaves_nothing(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.chunk_hold = asyncio.Event()
    reading = asyncio.create_task(rig.ask(rig.post_media(FILM)))
    await eventually(lambda: bool(gemini._sessions))
    reading.cancel()
    await asyncio.wait({reading}, timeout=5)
    assert reading.cancelled()
    gemini.chunk_hold.set()  # the piece on its way arrives, and makes a file: that is deleted after it
    await eventually(lambda: bool(gemini.deleted))
    await eventually(lambda: not rig.service._files._leaving)
    assert gemini.files == {} and await rig.leases() == []


async def test_what_a_crash_left_goes_at_the_next_start(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        row = {"name": "files/earshot-left", "holder": "a", "sha256": "0", "until": 1e12}
        async with rig.database.writing() as connection:
            await connection.execute(insert(file_leases).values(row))
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        await eventually(lambda: gemini.deleted == ["files/earshot-left"])
        await eventually(lambda: not rig.service._files._leaving)
        assert await rig.leases() == []


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


SCHEMA = {"type": "object", "properties": {"animal": {"type": "string"}}, "required": ["animal"]}


@dataclass(frozen=True)
class Animal(Task):
    name: ClassVar[str] = "animal"

    @property
    def system(self) -> str:
        return "Be brief, in {language}."

    @property
    def detail(self) -> Detail | None:
        return "low"

    @property
    def schema(self) -> dict[str, Any] | None:
        return SCHEMA

    def prompt(self, files: Sequence[Fitted]) -> str:
        return "Which animal?"

    def problems(self, value: Json, files: Sequence[Fitted]) -> list[str]:
        return [] if value["animal"] == "cat" else ["No cat."]

    def render(self, value: Json, files: Sequence[Fitted]) -> str:
        return f"It is a {text(value, 'animal')}."

    def make(self, answer: Json, files: Sequence[Fitted], stop: threading.Event) -> tuple[MadeFile, ...]:
        return (MadeFile("animal.txt", text(answer, "animal").encode(), "The animal"),)


async def test_a_value_is_corrected_once(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=('{"animal": "dog"}',)), Reply(words=('{"animal": "cat"}',))])
    events = await rig.ask(task=Animal())
    assert "No cat." in gemini.asked[1].body["contents"][-1]["parts"][0]["text"]
    assert [each["role"] for each in gemini.asked[1].body["contents"]] == ["user", "model", "user"]
    [made] = [event for event in events if isinstance(event, Made)]
    assert made.files[0].data == b"cat"
    done = finished(events)
    assert done.truncated is None and done.usage.total_tokens == 2 * 268
    assert len(await rig.used()) == 2


async def test_a_value_that_stays_wrong_is_shown_as_doubtful(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=('{"animal": "dog"}',)), Reply(words=('{"pet": "dog"}',))])
    assert "may be wrong" in str(finished(await rig.ask(task=Animal())).truncated)


async def test_what_is_no_value_at_all_is_refused(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.extend([Reply(words=("I think",)), Reply(words=("a dog",))])
    assert await refusal(rig, task=Animal()) == "The model's answer made no sense, twice: ask again."


async def test_detail_schema_and_system_reach_the_model(rig: Rig, gemini: ScriptedRest) -> None:
    schema = SCHEMA
    large = encoded(noise(2000, 1000), "JPEG", quality=60)
    gemini.replies.append(Reply(words=('{"animal": ', '"cat"}')))
    events = await rig.ask(rig.post("noise.jpg", large), task=Animal())
    assert [event.text for event in events if isinstance(event, TextWhole)][-1] == "It is a cat."
    sent = gemini.asked[0].body
    config = sent["generationConfig"]
    assert config["mediaResolution"] == "MEDIA_RESOLUTION_LOW"
    assert (config["responseMimeType"], config["responseJsonSchema"]) == ("application/json", schema)
    assert sent["systemInstruction"]["parts"] == [{"text": "Be brief, in en."}]


async def test_a_long_recording_is_compacted(rig: Rig, gemini: ScriptedRest, tmp_path: Path) -> None:
    source = MEDIA / "speech-austen-0920.wav"
    long_wav = tmp_path / "long.wav"
    with av.open(str(source)) as speech, av.open(str(long_wav), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        resampler = av.AudioResampler("s16", "stereo", 48_000)
        for frame in speech.decode(audio=0):
            for part in resampler.resample(frame):
                out.mux(stream.encode(part))
    data = long_wav.read_bytes()
    await rig.ask(rig.post("talk.wav", data))
    [(mime_type, sent)] = gemini.asked[0].inline()
    assert mime_type == "audio/ogg" and len(sent) * 20 < len(data)
    with av.open(io.BytesIO(sent)) as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
        assert samples / file.streams.audio[0].rate == pytest.approx(6.05, abs=0.1)


async def test_requests_are_bounded_and_fair(rig: Rig, gemini: ScriptedRest) -> None:
    one, others = asyncio.Event(), asyncio.Event()
    gemini.replies.extend([Reply(hold=one), *(Reply(hold=others) for _ in range(10))])
    greedy = [asyncio.create_task(rig.ask(task=Ask(f"a{n}"), guild_id=1)) for n in range(14)]
    await eventually(lambda: len(gemini.asked) == 10)
    other = asyncio.create_task(rig.ask(task=Ask("b"), guild_id=2))
    await eventually(lambda: rig.service._gate._order.waiting == 5)
    assert len(gemini.asked) == 10
    one.set()
    await eventually(lambda: len(gemini.asked) == 11)
    others.set()
    await asyncio.gather(*greedy, other)
    prompts = [asked.parts[-1]["text"] for asked in gemini.asked]
    assert prompts[10] == "b"


async def test_closing_in_the_middle_is_said(rig: Rig, gemini: ScriptedRest) -> None:
    gemini.replies.append(Reply(hold=asyncio.Event()))
    reading = asyncio.create_task(rig.ask())
    await eventually(lambda: bool(gemini.asked))
    await rig.service.close()
    with pytest.raises(MediaError, match="shutting down"):
        await reading


async def test_more_than_ten_files(rig: Rig) -> None:
    source = rig.post_media(PHOTO)
    assert "11 files, and 10 is the limit" in await refusal(rig, *[source] * 11)


async def test_ten_pictures_are_one_request(rig: Rig, gemini: ScriptedRest) -> None:
    sources = [rig.post(f"{n}.png", encoded(Image.new("RGB", (40 + n, 30)), "PNG")) for n in range(10)]
    await rig.ask(*sources)
    sizes = [Image.open(io.BytesIO(data)).size for _, data in gemini.asked[0].inline()]
    assert sizes == [(40 + n, 30) for n in range(10)]
    assert json.dumps(gemini.asked[0].body)
