"""The media service between a loopback Discord and a scripted Gemini, and a task that wants a value.

A test module imports the fixtures that it needs and names them in `__all__`.
"""

import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from loopback import eventually
from media_rig import Rig, request, running_rig
from scripted_rest import ScriptedRest

from bot.emulators.discord.server import DiscordEmulator
from bot.emulators.tls import CertificateAuthority
from bot.media.detail import Detail
from bot.media.errors import MediaError
from bot.media.events import MadeFile
from bot.media.fit import Fitted
from bot.media.request import MediaRequest
from bot.media.task import Json, Task
from bot.media.tasks.ask import Ask
from bot.media.value import text

PHOTO, FILM, PAGE = "photo-cat.png", "video-bunny.mp4", "scan-page.png"
OTHER = 77
SCHEMA = {"type": "object", "properties": {"animal": {"type": "string"}}, "required": ["animal"]}
Running = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
async def gemini(ca: CertificateAuthority) -> AsyncIterator[ScriptedRest]:
    async with ScriptedRest(ca) as server:
        yield server


@pytest.fixture
def running(
    discord_emulator: DiscordEmulator, gemini: ScriptedRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Running:
    monkeypatch.setattr("bot.media.failures.FIRST_DELAY_S", 0.02)
    monkeypatch.setattr("bot.media.uploads.POLL_FIRST_S", 0.02)

    def run(**changes: Any) -> AbstractAsyncContextManager[Rig]:
        return running_rig(discord_emulator, gemini.base_url, tmp_path, retry_s=0.05, **changes)

    return run


@pytest.fixture
async def rig(
    running: Running, gemini: ScriptedRest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    """Hold for each test that nothing is left, neither on the disk nor at Google."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    async with running() as made:
        yield made
    assert list(scratch.iterdir()) == []
    assert gemini.files == {}


async def refusal(rig: Rig, *args: object, **changes: object) -> str:
    with pytest.raises(MediaError) as caught:
        await rig.ask(*args, **changes)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def settled(rig: Rig) -> None:
    await eventually(lambda: not rig.service._files._leaving)


def holders(rig: Rig) -> set[str]:
    return {holder for remote in rig.service._files._files.values() for holder in remote.leases}


async def follow(rig: Rig, answer_id: str, **changes: Any) -> MediaRequest:
    found = await rig.service.recall(answer_id)
    assert found is not None
    before, answer = found
    asked = request(task=Ask("And then?"), turns=before.then(answer), after=answer_id)
    return replace(asked, **changes)


async def ask(rig: Rig, asked: MediaRequest) -> list[Any]:
    return [event async for event in rig.service.ask(asked)]


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
