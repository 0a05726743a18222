"""Killed in the middle of a request: after the next start nothing of it is left, here and at Google."""

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from loopback import eventually
from media_rig import running_rig
from scripted_rest import Reply, ScriptedRest

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.scratch import Scratch
from bot.storage.answers import answers
from bot.storage.media import file_leases, remote_files

FILM = "video-bunny.mp4"
ROOT = Path(__file__).parent.parent.parent
Look = Callable[[ScriptedRest], bool]


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedRest]:
    async with ScriptedRest(ca) as server:
        yield server


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def in_a_piece(gemini: ScriptedRest) -> Look:
    gemini.chunk_hold = asyncio.Event()
    return lambda gemini: bool(gemini._sessions)


def in_preparation(gemini: ScriptedRest) -> Look:
    gemini.polls_until_active = 10**6
    return lambda gemini: any(remote.polls for remote in gemini.files.values())


def in_the_answer(gemini: ScriptedRest) -> Look:
    gemini.replies.append(Reply(reason=None, hold=asyncio.Event()))
    return lambda gemini: bool(gemini.asked)


@pytest.mark.parametrize("when", [in_a_piece, in_preparation, in_the_answer])
async def test_killed(
    when: Callable[[ScriptedRest], Look],
    discord_emulator: DiscordEmulator,
    gemini: ScriptedRest,
    tmp_path: Path,
    scratch: Path,
) -> None:
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        film = rig.post_media(FILM)
    look = when(gemini)
    proxy = str(discord_emulator.proxy_url)
    arguments = (str(tmp_path), gemini.base_url, proxy, film.filename, film.url, str(film.size))
    process = await started(scratch, *arguments)
    try:
        async with asyncio.timeout(60):
            while not look(gemini):
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.02)
    finally:
        process.kill()
        await process.wait()
    if gemini.chunk_hold is not None:
        gemini.chunk_hold.set()  # the piece on its way may arrive, and make a file
    left = names(scratch)
    assert len(left) == 2 and any(name.endswith(".lock") for name in left)
    async with running_rig(discord_emulator, gemini.base_url, tmp_path, retry_s=0.05) as rig:
        assert len(names(scratch)) == 2 and not names(scratch) & left, "the folder of this process"
        await eventually(lambda: len(gemini.deleted) == 1)
        await eventually(lambda: not rig.service._files._leaving)
        for table in (file_leases, remote_files, answers):
            assert await rig.rows(table) == []
    assert gemini.files == {} and names(scratch) == set()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def started(scratch: Path, *arguments: str) -> Process:
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("crashing.py")), *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def test_the_folder_of_a_process_that_runs_stays(scratch: Path) -> None:
    first, second = Scratch(), Scratch()
    assert first.path != second.path and first.path.is_dir() and second.path.is_dir()
    assert first.path.stat().st_mode & 0o777 == 0o700
    (first.path / "film").write_bytes(b"x")
    first.close()
    second.close()
    assert list(scratch.iterdir()) == []


def test_a_folder_of_another_name_or_behind_a_link_stays(scratch: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "kept").write_bytes(b"x")
    (scratch / "earshot-media-0").symlink_to(other)
    (scratch / "earshot-media-0.lock").touch()
    (scratch / "earshot-media-1.lock").symlink_to(other / "kept")
    Scratch().close()
    assert (other / "kept").read_bytes() == b"x"


def test_no_folder_can_be_made(scratch: Path) -> None:
    scratch.rmdir()
    with pytest.raises(FileNotFoundError):
        Scratch()


async def test_a_close_that_is_given_up_leaves_no_files_here(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path, scratch: Path
) -> None:
    look = in_a_piece(gemini)
    async with running_rig(discord_emulator, gemini.base_url, tmp_path) as rig:
        reading = asyncio.create_task(rig.ask(rig.post_media(FILM)))
        await eventually(lambda: look(gemini))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await rig.service.close()
        assert names(scratch) == set()
        await asyncio.wait({reading})
        assert reading.exception() is not None
        assert gemini.chunk_hold is not None
        gemini.chunk_hold.set()
