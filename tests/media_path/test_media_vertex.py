"""Vertex AI, which has no Files API: files go along."""

import asyncio
import io
import logging

import pytest
from loopback import eventually
from media_rig import GUILD, USER, encoded, noise
from PIL import Image
from scripted_rest import ScriptedRest
from service_rig import FILM, Running, ask, follow, gemini, running, settled

from bot.media.errors import MediaError
from bot.media.sources import Source
from bot.storage.answers import answer_files

__all__ = ["gemini", "running"]


async def test_vertex_gets_all_along_and_small_files_are_kept(running: Running, gemini: ScriptedRest) -> None:
    large = encoded(noise(900, 700), "JPEG")
    async with running(vertex=True) as rig:
        source = rig.post("noise.jpg", large)
        await rig.ask(source, id="first")
        [(_, data)] = gemini.asked[0].inline()
        assert Image.open(io.BytesIO(data)).size == (900, 700)
        [kept] = await rig.rows(answer_files)
        assert len(data) > 192 * 1024 and kept["data"] is None, "it is fetched anew: copies fill the disk"
        await ask(rig, await follow(rig, "first"))
        assert gemini.asked[1].inline() == gemini.asked[0].inline()
        youtube = Source("youtu.be/x", "https://www.youtube.com/watch?v=aaaaaaaaaaa", 0, None)
        with pytest.raises(MediaError):  # the scripted Gemini knows no films
            await rig.ask(youtube)
        assert set(gemini.asked[2].parts[0]["fileData"].values()) == {youtube.url, "video/mp4"}


async def test_vertex_leaves_the_files_of_another_run_alone(
    running: Running, gemini: ScriptedRest, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as rig:
        await rig.ask(rig.post_media(FILM), id="first")
        await settled(rig)
    with caplog.at_level(logging.WARNING, "bot"):
        async with running(vertex=True) as rig:
            await asyncio.sleep(0.2)
            assert not rig.service._files._leaving
            await ask(rig, await follow(rig, "first"))
            assert [mime for mime, _ in gemini.asked[1].inline()] == ["video/mp4"]
    assert caplog.messages == [] and len(gemini.files) == 1
    async with running() as rig:
        await rig.service.forget(USER, GUILD)
        await eventually(lambda: not gemini.files)
