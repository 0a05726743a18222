"""Requests from the posted file to the streamed answer, and what is left behind: nothing."""

import asyncio
import io
import json
from contextlib import aclosing
from pathlib import Path

import av
import pytest
from loopback import eventually
from media_rig import GUILD, MEDIA, USER, Rig, encoded, finished, request, running_rig, words
from PIL import Image
from scripted_rest import Reply, ScriptedRest
from service_rig import FILM, PHOTO, gemini, refusal, rig, running
from sqlalchemy import insert

from bot.emulators.discord.server import DiscordEmulator
from bot.media.errors import MediaError
from bot.media.events import Progress, TextDelta
from bot.media.tasks.ask import Ask
from bot.storage.media import file_leases

__all__ = ["gemini", "rig", "running"]


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
