"""`python -m bot emulate`: another program joins a person by HTTP, and talks the voice protocol as it is."""

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.emulators.client.connection import Ticket, VoiceConnection
from bot.emulators.client.hearing import Hearing

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[dict[str, Any]]:
    out = tmp_path / "emulators.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "emulate", "--out", str(out), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        assert process.stdout is not None
        assert b"Serving" in await process.stdout.readline()
    yield json.loads(out.read_text())
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    assert not out.exists()


async def secured(person: VoiceConnection, ids: set[int]) -> None:
    await person.until(lambda: ids <= person.dave.secured_with)


async def control(served: dict[str, Any], path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    url = f"{served['control_url']}/control/{path}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        return answer.status, await answer.json()


@asynccontextmanager
async def in_voice(served: dict[str, Any], name: str) -> AsyncIterator[VoiceConnection]:
    """Join as a person by what HTTP gives, and speak the voice protocol as any client does."""
    status, told = await control(served, "voice/join", name=name, channel_id=served["voice_channel_ids"][0])
    assert status == 200
    state, server = told["voice_state_update"], told["voice_server_update"]
    ticket = Ticket(
        guild_id=int(server["guild_id"]),
        channel_id=int(state["channel_id"]),
        user_id=int(state["user_id"]),
        session_id=state["session_id"],
        token=server["token"],
        endpoint=server["endpoint"],
    )
    tls = ssl.create_default_context(cafile=served["environment"]["SSL_CERT_FILE"])
    person = VoiceConnection(ticket, Hearing(), port=served["discord_port"], tls=tls, mode=None)
    await person.connect()
    try:
        yield person
    finally:
        await person.close()


@asynccontextmanager
async def running_bot(served: dict[str, Any], folder: Path) -> AsyncIterator[None]:
    """Run the bot with what the JSON says, and nothing else of this machine but where its code is."""
    environment = served["environment"] | {"PYTHONPATH": str(ROOT)}
    command = (sys.executable, "-m", "bot", "run")
    with (folder / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        yield
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0, (folder / "bot.log").read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_another_voice_client_joins_as_a_person(served: dict[str, Any]) -> None:
    async with in_voice(served, "Ada") as ada, in_voice(served, "Ben") as ben, asyncio.timeout(10):
        ids = {person.ticket.user_id for person in (ada, ben)}
        await secured(ada, ids)
        await secured(ben, ids)
    status, _ = await control(served, "voice/leave", user_id=str(ben.ticket.user_id))
    assert status == 200
    status, answer = await control(served, "voice/join", name="Ada")
    assert status == 400
    assert "channel_id" in answer["error"]


async def test_the_bot_joins_a_call_when_a_person_asks_for_it_by_http(
    served: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "bot"
    folder.mkdir()
    asked = {"channel_id": served["text_channel_id"], "name": "Ada"}
    async with in_voice(served, "Ada") as ada, running_bot(served, folder):
        async with asyncio.timeout(60):
            while (joined := (await control(served, "command", command="join", **asked))[1]).get(
                "text"
            ) is None:
                assert "no command" in joined["error"]  # the bot has not registered it yet
                await asyncio.sleep(0.1)
            while joined["state"] == "failed":  # registered, but not connected yet
                _, joined = await control(served, "command", command="join", **asked)
        assert joined["state"] == "answered"
        assert joined["text"]
        assert joined["message"]["author"]["id"] == served["bot_id"]
        async with asyncio.timeout(10):
            await secured(ada, {ada.ticket.user_id, int(served["bot_id"])})
        _, left = await control(served, "command", command="leave", **asked)
        assert left["state"] == "answered"
        _, again = await control(served, "command", command="leave", **asked)
        assert again["text"] != left["text"]


async def test_commands_that_cannot_be_run_are_refused(served: dict[str, Any]) -> None:
    where = served["text_channel_id"]
    await control(served, "voice/join", name="Ada", channel_id=served["voice_channel_ids"][0])
    for body, word in (
        ({"name": "Ada", "command": "join"}, "channel_id"),
        ({"name": "Ada", "channel_id": where}, "command"),
        ({"channel_id": where, "command": "join"}, "name"),
        ({"name": "Nobody", "channel_id": where, "command": "join"}, "Nobody"),
        ({"name": "Ada", "channel_id": where, "command": "join"}, "no command"),
        ({"name": "Ada", "channel_id": where, "command": "join", "options": "x"}, ""),
        ({"name": "Ada", "channel_id": "1", "command": "join"}, "no channel"),
    ):
        status, answer = await control(served, "command", **body)
        assert status == 400, body
        assert word in answer["error"]


async def test_a_file_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    out = tmp_path / "missing" / "emulators.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "emulate", "--out", str(out), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, text = await process.communicate()
    assert process.returncode == 2
    assert text.decode().count("\n") == 1
    assert "choose another --out" in text.decode()
