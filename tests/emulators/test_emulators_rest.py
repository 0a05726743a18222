"""The emulated REST API as a client without a library meets it; the CDN, the proxy, the control API."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.emulators.discord.knobs import RestFault
from bot.emulators.discord.model import FILE_LIMIT, Upload
from bot.emulators.discord.server import DiscordEmulator

API = "https://discord.com/api/v10"


class Rest:
    """Sends requests through the emulator's proxy."""

    def __init__(self, emulator: DiscordEmulator, http: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.http = http
        self.headers: dict[str, str] = {}

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, form: Any = None
    ) -> tuple[int, Any]:
        authorization = f"Bot {self.emulator.token if token is None else token}"
        async with self.http.request(
            method,
            API + path,
            json=body,
            data=form,
            headers={"Authorization": authorization},
            proxy=self.emulator.proxy_url,
        ) as response:
            self.headers = dict(response.headers)
            text = await response.text()
        kind = self.headers.get("Content-Type")
        return response.status, json.loads(text) if kind == "application/json" else text

    async def post(self, **body: Any) -> tuple[int, Any]:
        return await self("POST", f"/channels/{self.emulator.world.text.id}/messages", body)


@pytest.fixture
async def rest(discord_emulator: DiscordEmulator) -> AsyncIterator[Rest]:
    connector = aiohttp.TCPConnector(ssl=discord_emulator.ca.client_context())
    async with aiohttp.ClientSession(connector=connector) as http:
        yield Rest(discord_emulator, http)


def problem(answer: Any, *path: str) -> str:
    """Return the first problem that Discord lists at a place of the form."""
    node = answer["errors"]
    for step in path:
        node = node[step]
    return str(node["_errors"][0]["code"])


async def test_json_is_typed_without_a_charset(rest: Rest) -> None:
    await rest("GET", "/users/@me")
    assert rest.headers["Content-Type"] == "application/json"


async def test_what_is_unknown_or_unauthorized(rest: Rest) -> None:
    assert await rest("GET", "/users/@me", token="no") == (
        401,
        {"message": "401: Unauthorized", "code": 0},
    )
    assert (await rest("GET", "/channels/5"))[1]["code"] == 10003
    assert (await rest("GET", "/guilds/5"))[1]["code"] == 10004
    assert (await rest("GET", "/users/5"))[1]["code"] == 10013
    assert await rest("GET", "/nowhere") == (404, {"message": "404: Not Found", "code": 0})
    entry = rest.emulator.trace.of("rest")[-1]
    assert (entry.fields["path"], entry.fields["status"], entry.fields["route"]) == ("/nowhere", 404, None)


async def test_content_is_at_most_2000_characters(rest: Rest) -> None:
    status, answer = await rest.post(content="x" * 2001)
    assert (status, answer["code"]) == (400, 50035)
    assert problem(answer, "content") == "BASE_TYPE_MAX_LENGTH"
    assert (await rest.post(content="x" * 2000))[0] == 200
    assert (await rest.post(content=""))[1]["code"] == 50006


def texts(*lengths: int) -> list[dict[str, Any]]:
    return [{"type": 10, "content": "x" * length} for length in lengths]


async def test_components_v2_have_limits_and_stand_alone(rest: Rest) -> None:
    v2 = 1 << 15
    status, answer = await rest.post(flags=v2, components=texts(2500, 1501))
    assert (status, problem(answer, "components")) == (400, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED")
    assert (await rest.post(flags=v2, components=texts(2500, 1500)))[0] == 200
    container = {"type": 17, "components": texts(*[1] * 40)}
    status, answer = await rest.post(flags=v2, components=[container])
    assert problem(answer, "components") == "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"
    container["components"] = texts(*[1] * 39)
    assert (await rest.post(flags=v2, components=[container]))[0] == 200
    status, answer = await rest.post(flags=v2, components=texts(1), content="beside")
    assert problem(answer, "content") == "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"


async def test_without_the_flag_only_rows_are_taken(rest: Rest) -> None:
    _, answer = await rest.post(components=texts(1))
    assert problem(answer, "components", "0", "type") == "BASE_TYPE_CHOICES"


async def test_rows_and_their_ids(rest: Rest) -> None:
    button = {"type": 2, "style": 1, "label": "x", "custom_id": "a"}
    row = {"type": 1, "components": [button, button]}
    status, answer = await rest.post(content="x", components=[row])
    assert (status, problem(answer, "components")) == (400, "COMPONENT_CUSTOM_ID_DUPLICATED")
    row = {"type": 1, "components": [{**button, "custom_id": str(number)} for number in range(6)]}
    status, answer = await rest.post(content="x", components=[row])
    assert problem(answer, "components", "0", "components") == "BASE_TYPE_BAD_LENGTH"


async def test_files_are_at_most_10_mib(rest: Rest) -> None:
    path = f"/channels/{rest.emulator.world.text.id}/messages"
    for size, status in ((FILE_LIMIT + 1, 413), (FILE_LIMIT, 200)):
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", "{}")
        form.add_field("files[0]", bytes(size), filename="big.bin")
        got, answer = await rest("POST", path, form=form)
        assert got == status
        if got == 413:
            assert answer["code"] == 40005


async def test_a_route_has_a_bucket(rest: Rest) -> None:
    for remaining in (4, 3, 2, 1, 0):
        assert (await rest.post(content="x"))[0] == 200
        assert rest.headers["X-RateLimit-Remaining"] == str(remaining)
    status, answer = await rest.post(content="x")
    assert (status, answer["global"]) == (429, False)
    assert 0 < answer["retry_after"] <= 5
    assert rest.headers["X-RateLimit-Scope"] == "user"
    assert rest.headers["Via"]
    assert (await rest("GET", "/users/@me"))[0] == 200  # another bucket


async def test_50_requests_a_second_for_the_whole_bot(rest: Rest) -> None:
    rest.emulator.knobs.rest_requests_a_second = 5  # so that a slow machine reaches it within a second
    answers = await asyncio.gather(*(rest("GET", f"/channels/{number}") for number in range(12)))
    limited = [answer for status, answer in answers if status == 429]
    assert len(limited) >= 1
    assert all(answer["global"] for answer in limited)
    status, answer = await rest("POST", "/interactions/1/none/callback", {"type": 5})
    assert (status, answer["code"]) == (404, 10062)  # exempt


async def test_insisting_leads_to_a_ban(rest: Rest) -> None:
    rest.emulator.knobs.invalid_requests_limit = 3
    for _ in range(3):
        assert (await rest("GET", "/users/@me", token="no"))[0] == 401
    status, answer = await rest("GET", "/users/@me")
    assert status == 429
    assert "1015" in answer
    assert "Via" not in rest.headers


async def test_faults_are_injected_so_many_times(rest: Rest) -> None:
    fault = RestFault("GET", r"^/users/", 502, {"message": "bad gateway"}, {"X-Test": "1"}, times=2)
    rest.emulator.knobs.rest_faults.append(fault)
    for _ in range(2):
        assert await rest("GET", "/users/@me") == (502, {"message": "bad gateway"})
        assert rest.headers["X-Test"] == "1"
    assert (await rest("GET", "/users/@me"))[0] == 200


async def test_cdn_links_are_signed_and_expire(rest: Rest) -> None:
    world = rest.emulator.world
    ann = world.add_user("ann")
    message = world.post(ann.id, world.text.id, "", [Upload("a b.txt", b"words")])
    url = world.posts.cdn.url(message.attachments[0])
    proxy = rest.emulator.proxy_url
    async with rest.http.get(url, proxy=proxy) as response:
        assert (response.status, await response.read()) == (200, b"words")
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    for broken in (url.replace("hm=", "hm=0"), url.split("?")[0], url.replace("ex=7", "ex=8")):
        async with rest.http.get(broken, proxy=proxy) as response:
            assert response.status == (200 if broken == url else 404)


async def test_history_is_paged(rest: Rest) -> None:
    world = rest.emulator.world
    ann = world.add_user("ann")
    ids = [world.post(ann.id, world.text.id, str(number)).id for number in range(6)]
    path = f"/channels/{world.text.id}/messages"

    async def page(query: str) -> list[int]:
        _, answer = await rest("GET", f"{path}?{query}")
        return [ids.index(int(message["id"])) for message in answer]

    assert await page("limit=2") == [5, 4]
    assert await page(f"before={ids[4]}&limit=2") == [3, 2]
    assert await page(f"after={ids[1]}&limit=2") == [3, 2]
    assert await page(f"around={ids[3]}&limit=3") == [4, 3, 2]
    _, answer = await rest("GET", path)
    assert {message["content"] for message in answer} == {""}  # no Message Content intent


async def test_commands_are_checked(rest: Rest) -> None:
    path = f"/applications/{rest.emulator.world.bot.id}/commands"
    status, answer = await rest("PUT", path, [{"name": "Bad Name", "description": "x"}])
    assert (status, problem(answer, "0", "name")) == (400, "APPLICATION_COMMAND_INVALID_NAME")
    options = [
        {"name": "a", "description": "x", "type": 3},
        {"name": "b", "description": "x", "type": 3, "required": True},
    ]
    status, answer = await rest("PUT", path, [{"name": "x", "description": "x", "options": options}])
    assert problem(answer, "0", "options") == "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
    made = (await rest("POST", path, {"name": "x", "description": "one"}))[1]
    edited = (await rest("PATCH", f"{path}/{made['id']}", {"description": "two"}))[1]
    assert (edited["id"], edited["description"]) == (made["id"], "two")
    assert (await rest("DELETE", f"{path}/{made['id']}"))[0] == 204
    assert (await rest("GET", path))[1] == []


async def test_the_proxy_leads_nowhere_else(rest: Rest) -> None:
    for url in ("https://example.org/", "https://discord.com.example.org/", "https://127.0.0.1/"):
        with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
            await rest.http.get(url, proxy=rest.emulator.proxy_url)
        assert refused.value.status == 403
    assert rest.emulator.proxy.refused == ["example.org", "discord.com.example.org", "127.0.0.1"]
    async with rest.http.get("http://discord.com/", proxy=rest.emulator.proxy_url) as response:
        assert response.status == 405


async def test_control_lets_people_join_and_leave_voice(rest: Rest) -> None:
    world, control = rest.emulator.world, rest.emulator.control_url
    lounge = world.voice_channels[0]
    body: dict[str, Any] = {"name": "cy", "channel_id": str(lounge.id)}
    async with rest.http.post(f"{control}/control/voice/join", json=body) as response:
        told = await response.json()
    assert told["voice_state_update"]["channel_id"] == str(lounge.id)
    assert told["voice_server_update"]["endpoint"].endswith(".discord.media:443")
    assert int(told["user_id"]) in world.guild.voice_states
    async with rest.http.get(f"{control}/control/world") as response:
        shown = await response.json()
    assert shown["guilds"][0]["channels"][0] == {"id": str(world.text.id), "name": "general", "type": 0}
    async with rest.http.post(f"{control}/control/voice/leave", json={"name": "cy"}) as response:
        assert response.status == 200
    assert world.guild.voice_states == {}
    for bad in ({"name": "cy"}, {"name": "cy", "channel_id": "5"}, {"user_id": "x", "channel_id": "5"}):
        async with rest.http.post(f"{control}/control/voice/join", json=bad) as response:
            assert response.status == 400
