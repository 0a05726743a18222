"""`python -m bot emulate`: another program joins a person by HTTP, and talks the voice protocol as it is."""

import asyncio
import json
import signal
import ssl
import sys
from collections.abc import AsyncIterator
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


async def test_another_voice_client_joins_as_a_person(served: dict[str, Any]) -> None:
    tls = ssl.create_default_context(cafile=served["environment"]["SSL_CERT_FILE"])
    people = []
    async with aiohttp.ClientSession() as http:
        for name in ("Ada", "Ben"):
            body = {"name": name, "channel_id": served["voice_channel_ids"][0]}
            async with http.post(f"{served['control_url']}/control/voice/join", json=body) as answer:
                assert answer.status == 200
                told = await answer.json()
            state, server = told["voice_state_update"], told["voice_server_update"]
            ticket = Ticket(
                guild_id=int(server["guild_id"]),
                channel_id=int(state["channel_id"]),
                user_id=int(state["user_id"]),
                session_id=state["session_id"],
                token=server["token"],
                endpoint=server["endpoint"],
            )
            person = VoiceConnection(ticket, Hearing(), port=served["discord_port"], tls=tls, mode=None)
            await person.connect()
            people.append(person)
        try:
            async with asyncio.timeout(10):
                ids = {person.ticket.user_id for person in people}
                for person in people:
                    await secured(person, ids)
        finally:
            for person in people:
                await person.close()
        body = {"user_id": told["user_id"]}
        async with http.post(f"{served['control_url']}/control/voice/leave", json=body) as answer:
            assert answer.status == 200
        async with http.post(f"{served['control_url']}/control/voice/join", json={"name": "Ada"}) as answer:
            assert answer.status == 400
            assert "channel_id" in (await answer.json())["error"]


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
